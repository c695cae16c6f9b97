/** Stand-ins, house and routes behind the door, opened in this order and closed in the other. */

import { isDeepStrictEqual } from "node:util";
import { localVoice, type Voice } from "./audio/voice.ts";
import { breather } from "./base/breather.ts";
import { clean } from "./base/clean.ts";
import { type Clock, sleep, systemClock } from "./base/clock.ts";
import { messageOf, type Result } from "./base/result.ts";
import type { CallNotice } from "./call/notice.ts";
import type { Reception } from "./call/reception.ts";
import { createApp, isOwnMachine } from "./app.ts";
import { browserPhone } from "./browser_phone.ts";
import { postMessage } from "./call_webhook.ts";
import { callsRoutes } from "./calls_routes.ts";
import { carrierOf } from "./carrier.ts";
import { type Config, type ConfigNote, describeNotes, type Loaded } from "./config.ts";
import { type Door, listen } from "./door.ts";
import { ownVersion, readBytes, steadyReader } from "./files.ts";
import { healthOf } from "./health.ts";
import { buildHouse, type House } from "./house.ts";
import { openKeeping } from "./keeping.ts";
import { recordsPlace } from "./permissions.ts";
import { explainStreamError } from "./phone/stream_errors.ts";
import { lineSource } from "./prompt_voice.ts";
import { socketKind, vendorDial } from "./providers/socket.ts";
import { rehearse } from "./rehearse.ts";
import { watchFiles } from "./reload.ts";
import { NoticeHub } from "./telemetry/hub.ts";
import { watchLoop } from "./telemetry/loop_lag.ts";
import { turnsIn } from "./turns.ts";
import { log, logNotice } from "./telemetry/log.ts";
import { callMeters } from "./telemetry/call_meters.ts";

/** How to read the configuration again when its files change. */
export interface Reload {
  file: string;
  load: () => Result<Loaded, ConfigNote[]>;
  /** How often to look whether the file has changed, ms; 2 s by default. */
  everyMs?: number;
}

/** A server that answers calls. Disposing it ends what is left of them and stops listening. */
export interface Server extends AsyncDisposable {
  port: number;
  reception: Reception;
  /** Told of everything that happens on every call. */
  observers: ((notice: CallNotice) => void)[];
  /** End what is live at once and put it on the disk: the process is about to exit. */
  cutOff: () => Promise<void>;
}

export interface ServerOptions {
  /** The local one by default. */
  voice?: Voice;
  reload?: Reload;
  /** The port that we listen on already; if none, the configured one is opened, a free one if that is 0. */
  door?: Door;
}

/** Open everything, and the door last. @returns what is wrong if the port cannot be had. */
export function openServer(
  given: Config,
  { voice: ownVoice, reload, door: ownDoor }: ServerOptions = {},
): Server | { problem: string } {
  const clock = systemClock;
  const version = ownVersion();
  const startedMs = clock.monotonicMs();
  const health = () =>
    healthOf(current, {
      version,
      uptimeMs: clock.monotonicMs() - startedMs,
      draining: reception.draining,
      activeCalls: reception.active,
      maxCalls: house.limits().callsAtOnce,
      providers: house.providers(),
      recordsFailing: store.failing,
    });
  const door = ownDoor ?? listen({ ...given.server, health });
  if ("problem" in door) return door;
  const owned = new AsyncDisposableStack();
  const voice = owned.use(ownVoice ?? localVoice({ clock }));
  const rehearsal = given.rehearsal ? owned.use(rehearse({ clock, voice })) : undefined;
  const point = (config: Config) => rehearsal?.point(config) ?? config;
  const config = point(given);
  /** The configuration of the next call. */
  let current = config;
  const meters = callMeters();
  const kind = socketKind(config.server.vendorSocket, { onDeploy: config.server.onDeploy });
  const hub = new NoticeHub();
  const records = recordsPlace(config.server.dataDir, { onDeploy: config.server.onDeploy });
  const keeping = owned.use(openKeeping({
    config: () => current,
    clock,
    fetch: (request) => fetch(request),
    folder: "kind" in records && records.kind === "disk" ? records.folder : undefined,
    process: randomHex(8),
    lost: meters.lost,
    report: (notice) => observers.forEach((observe) => observe(notice)),
  }));
  const { store } = keeping;
  const readRecording = steadyReader();
  const observers: ((notice: CallNotice) => void)[] = [logNotice, meters.observe, keeping.observe, hub.observe];
  const turnedAway = (reason: string, callSid: string) => {
    meters.refused(reason);
    log("warning", `turned away: ${reason}${callSid && ` (${callSid})`}`);
  };

  const house = owned.use(buildHouse({
    clock,
    version,
    dial: vendorDial({ clock, kind }),
    fetch: (request) => fetch(request),
    resolve: resolveHost,
    takeMessage: (message, signal) => postMessage(config.server.callWebhook, message, signal),
    ...carrierOf(config, clock),
    config: () => current,
    voice,
    randomHex,
    readRecording: (name) => readRecording(`assets/audio/${name}.mulaw`),
    lineSource: lineSource(config, { clock, fetch: (request) => fetch(request) }),
    minutesSince: (ms) => store.minutesSince(ms),
    ...(keeping.record ? { record: keeping.record } : {}),
    observe: (notice) => observers.forEach((observe) => observe(notice)),
    refused: turnedAway,
    unclaimed: (callSid) => {
      meters.refused("unclaimed");
      log("warning", `${callSid} was announced, but its audio never came`);
    },
  }));
  house.pacer.onWake = meters.pacerLateness;
  owned.use(watchLoop(clock, meters.loopLag));
  const { reception } = house;

  const peers = new WeakMap<Request, string>();
  const app = createApp({
    reception,
    publicHost: config.server.publicHost,
    trustProxy: config.server.trustProxy,
    authToken: config.keys.twilioAuthToken,
    adminToken: config.server.adminToken,
    busyLine: house.busyLine,
    mintToken: house.mintToken,
    health,
    metrics: meters.render(() => reception.active),
    streamStatus: logStreamStatus,
    refused: turnedAway,
    strangerRang: house.strangerRang,
    peerAddress: (request) => peers.get(request),
    extend: (app) => {
      const isLoopback = (request: Request) =>
        isOwnMachine(request, { address: peers.get(request), trustProxy: config.server.trustProxy });
      callsRoutes({ store, adminToken: config.server.adminToken })(app);
      const turns = (callSid: string) => turnsIn(store, callSid);
      const phone = { readAsset: readBytes, voice, subscribe: hub.subscribe, isLoopback };
      browserPhone({ ...phone, ...(rehearsal ? { turns } : {}) })(app);
    },
  });

  owned.use(door);
  owned.defer(() => reception.drain(0));
  door.open((request, { remoteAddr }) => {
    peers.set(request, remoteAddr.hostname);
    return app.fetch(request);
  });
  let preparing = new AbortController();
  owned.defer(() => preparing.abort());
  prepareLines(house, preparing.signal);
  if (reload) {
    const use = (read: Config) => {
      current = point(withStart(given, read));
      preparing.abort(); // for a configuration that is none any more
      preparing = new AbortController();
      prepareLines(house, preparing.signal);
    };
    owned.use(followChanges(given, reload, { clock, promptFiles: () => current.promptFiles, use }));
  }
  return {
    port: door.port,
    reception,
    observers,
    async cutOff() {
      reception.cutOff();
      await sleep(clock, 0);
      store.flush();
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

/** Read the configuration again whenever its files change, until disposed, and `use` it if it is sound. */
function followChanges(
  given: Config,
  { file, load, everyMs }: Reload,
  { clock, promptFiles, use }: { clock: Clock; promptFiles: () => readonly string[]; use: (read: Config) => void },
): Disposable {
  const watching = new AbortController();
  let awaited: string[] = [];
  const notUsed = (why: string) => log("error", `The changed configuration is not used:\n${why}`);
  const failed = (error: unknown) => notUsed(messageOf(error));
  const changed = () => {
    const loaded = load();
    awaited = loaded.ok ? [] : loaded.fault.flatMap(({ awaits }) => awaits ?? []);
    if (!loaded.ok) return notUsed(describeNotes(loaded.fault));
    const { config: read, warnings } = loaded.value;
    for (const note of warnings) log("warning", describeNotes([note]));
    use(read);
    log("info", "The configuration has changed: it counts from the next call on.");
    if (!isDeepStrictEqual(environmentOf(read), environmentOf(given))) {
      log("warning", "PUBLIC_HOST, keys or addresses have changed too: restart for that to count.");
    }
  };
  const paths = () => [file, "assets/audio", ...promptFiles(), ...awaited];
  watchFiles({ clock, signal: watching.signal, everyMs, paths, changed, failed }).catch(reportError);
  return { [Symbol.dispose]: () => watching.abort() };
}

/** The configuration that was read again, except for where we listen, whom we trust and who is a stand-in: that stays as at the start. */
function withStart(given: Config, read: Config): Config {
  const { keys, urls, rehearsal } = given;
  return { ...read, keys, urls, rehearsal, server: { ...given.server, maxCalls: read.server.maxCalls } };
}

function environmentOf({ server, keys, urls, rehearsal }: Config): unknown {
  return { publicHost: server.publicHost, keys, urls, rehearsal };
}

/** Learn the routes and speak what has no recording, in the background: calls are taken meanwhile. */
function prepareLines(house: House, signal: AbortSignal): void {
  house.trainRouters(breather(signal)).catch((error) =>
    signal.aborted || log("error", `Cannot learn the routes: ${String(error)}`)
  );
  house.loadPrompts(signal).then(
    (faults) => faults.forEach((fault) => log("warning", fault)),
    (error) => log("error", `Cannot prepare the spoken lines: ${String(error)}`),
  );
}

async function resolveHost(host: string): Promise<string[]> {
  const found = await Promise.allSettled([Deno.resolveDns(host, "A"), Deno.resolveDns(host, "AAAA")]);
  return found.flatMap((result) => result.status === "fulfilled" ? result.value : []);
}

function randomHex(bytes: number): string {
  return crypto.getRandomValues(new Uint8Array(bytes)).toHex();
}

function logStreamStatus({ StreamEvent, StreamError, CallSid }: Readonly<Record<string, string>>): void {
  if (StreamEvent !== "stream-error") return log("debug", clean(`stream of ${CallSid}: ${StreamEvent}`));
  const { code, meaning, remedy } = explainStreamError(StreamError ?? "");
  log("error", clean(`The carrier lost the stream of ${CallSid}: ${code ?? "no code"}, ${meaning} ${remedy}`));
}
