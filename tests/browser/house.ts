/** A real server in rehearsal with the browser phone in it, on a free port of loopback. */

import { localVoice } from "../../lib/audio/voice.ts";
import { systemClock } from "../../lib/base/clock.ts";
import { createApp } from "../../lib/app.ts";
import { browserPhone } from "../../lib/browser_phone.ts";
import type { CallNotice } from "../../lib/call/notice.ts";
import { describeNotes, parseConfig } from "../../lib/config.ts";
import { buildHouse } from "../../lib/house.ts";
import { vendorDial } from "../../lib/providers/socket.ts";
import { rehearse } from "../../lib/rehearse.ts";
import { NoticeHub } from "../../lib/telemetry/hub.ts";

const ROOT = new URL("../../", import.meta.url);

function readAsset(path: string): Uint8Array | undefined {
  try {
    return Deno.readFileSync(new URL(path, ROOT));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

export interface BrowserHouse extends AsyncDisposable {
  /** `http://127.0.0.1:PORT`. */
  origin: string;
  notices: CallNotice[];
  refusals: string[];
  /** Take no more calls, as a server that is stopping. */
  drain(): Promise<void>;
}

export async function browserHouse({ port = 0 } = {}): Promise<BrowserHouse> {
  const owned = new AsyncDisposableStack();
  const clock = systemClock;
  const voice = owned.use(localVoice({ clock }));
  const text = (path: string) => {
    const bytes = readAsset(path);
    return bytes && new TextDecoder().decode(bytes);
  };
  const parsed = parseConfig({
    text: text("config.json"),
    file: "config.json",
    env: {},
    flags: { rehearse: true },
    readAsset: text,
    hasAsset: (path) => readAsset(path) !== undefined,
  });
  if (!parsed.ok) throw new Error(describeNotes(parsed.fault));
  const given = parsed.value.config;
  const rehearsal = owned.use(rehearse(given, { clock, voice }));
  const config = rehearsal.point(given);
  const hub = new NoticeHub();
  const notices: CallNotice[] = [];
  const refusals: string[] = [];
  hub.subscribe((notice) => notices.push(notice));
  const house = owned.use(buildHouse({
    clock,
    version: "0.0.0",
    dial: vendorDial({ clock, kind: "native" }),
    config: () => config,
    voice,
    randomHex: (bytes) => crypto.getRandomValues(new Uint8Array(bytes)).toHex(),
    readRecording: (name) => readAsset(`assets/audio/${name}.mulaw`),
    observe: hub.observe,
    refused: (reason) => refusals.push(reason),
    unclaimed: (callSid) => refusals.push(`unclaimed ${callSid}`),
  }));
  await house.loadPrompts(new AbortController().signal);
  const { reception } = house;
  const app = createApp({
    reception,
    publicHost: undefined,
    trustProxy: false,
    authToken: undefined,
    adminToken: undefined,
    busyText: () => config.base.lines.busy.text,
    language: () => config.base.language,
    mintToken: house.mintToken,
    health: () => ({
      status: reception.draining ? "draining" : "healthy",
      version: "0.0.0",
      activeCalls: reception.active,
      maxCalls: config.server.maxCalls,
      engine: config.base.engine,
      rehearsal: config.rehearsal,
      uptimeSeconds: 0,
      providers: [],
    }),
    metrics: { text: () => "", json: () => ({}) },
    streamStatus: () => {},
    callStatus: () => {},
    refused: (reason) => refusals.push(reason),
    afterStream: () => undefined,
    peerAddress: () => "127.0.0.1",
    extend: browserPhone({ readAsset, voice, subscribe: hub.subscribe, isLoopback: () => true }),
  });
  const server = Deno.serve({ hostname: "127.0.0.1", port, onListen: () => {} }, (request) => app.fetch(request));
  owned.defer(async () => {
    await reception.drain(0);
    await server.shutdown();
  });
  return {
    origin: `http://127.0.0.1:${server.addr.port}`,
    notices,
    refusals,
    drain: () => reception.drain(0),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

if (import.meta.main) {
  const house = await browserHouse({ port: Number(Deno.args[0] ?? 0) });
  console.log(house.origin);
}
