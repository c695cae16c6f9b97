/** `offhook serve`: configuration, stand-ins, house, listener and signals, opened in this order and closed in the other. */

import { localVoice, type Voice } from "./audio/voice.ts";
import { settledWithin, sleep, systemClock } from "./base/clock.ts";
import { describeFault, failed, ok, type Result } from "./base/result.ts";
import type { CallNotice } from "./call/notice.ts";
import type { Reception } from "./call/reception.ts";
import { createApp, type Health } from "./app.ts";
import { banner } from "./banner.ts";
import { browserPhone, isOwnMachine } from "./browser_phone.ts";
import { webhookSignature } from "./call_webhook.ts";
import { callsRoutes } from "./calls_routes.ts";
import { type Config, type ConfigNote, describeNotes, type Flags, type Loaded } from "./config.ts";
import { ownVersion, readBytes } from "./files.ts";
import { buildHouse, type House } from "./house.ts";
import { openKeeping } from "./keeping.ts";
import { loadConfig } from "./load.ts";
import { giveUpWriting, recordsPlace } from "./permissions.ts";
import { explainStreamError } from "./phone/stream_errors.ts";
import { type TwilioRest, twilioRest } from "./phone/twilio_rest.ts";
import { lineSource } from "./prompt_voice.ts";
import { socketKind, vendorDial } from "./providers/socket.ts";
import { rehearse } from "./rehearse.ts";
import { watchFiles } from "./reload.ts";
import { NoticeHub } from "./telemetry/hub.ts";
import { turnsRoute } from "./turns_route.ts";
import { log, logNotice, openLog } from "./telemetry/log.ts";
import { callMeters } from "./telemetry/call_meters.ts";

export interface ServeOptions {
  file?: string;
  flags: Flags;
  print: (line: string) => void;
}

/** How to read the configuration again when its files change. */
interface Reload {
  file: string;
  load: () => Result<Loaded, ConfigNote[]>;
}

/** How long the listener may take to close at the very end. */
const SHUTDOWN_MS = 1000;

/** Serve until a signal. @returns the exit code: 0 after a drain, 1 if it could not start, 130 after a second signal. */
export async function serve(options: ServeOptions): Promise<number> {
  const { file, flags, print } = options;
  const loaded = loadConfig({ ...(file ? { file } : {}), flags });
  if (!loaded.ok) {
    print(describeNotes(loaded.fault));
    return 1;
  }
  for (const note of loaded.value.warnings) print(describeNotes([note]));
  const { server } = loaded.value.config;
  const format = server.logFormat === "auto" ? (Deno.stderr.isTerminal() ? "lines" : "json") : server.logFormat;
  const records = recordsPlace(server.dataDir, { onDeploy: server.onDeploy });
  if ("problem" in records) {
    print(records.problem);
    return 1;
  }
  await openLog({ level: server.logLevel, format, write: print });
  if (records.kind === "memory") log("info", `Records are kept in memory and lost when we stop: ${records.why}.`);
  giveUpWriting();
  surviveStrayErrors();
  return await run(loaded.value.config, options);
}

async function run(given: Config, { file, flags, print }: ServeOptions): Promise<number> {
  const opened = openServer(given, {
    reload: { file: file ?? "config.json", load: () => loadConfig({ ...(file ? { file } : {}), flags }) },
  });
  if ("problem" in opened) {
    print(opened.problem);
    return 1;
  }
  await using server = opened;
  print(banner(given, { port: server.port, version: ownVersion() }));
  using signals = listenForSignals();
  await signals.first;
  const graceMs = (flags.drain ?? given.server.drainSeconds) * 1000;
  const { reception } = server;
  log(
    "info",
    `Stopping: no new calls; ${reception.active} live may finish within ${
      graceMs / 1000
    } s. Once more to stop at once.`,
  );
  // Deno Deploy kills us 5 s after its signal: there the calls get their goodbye at once.
  const finished = given.server.onDeploy
    ? settledWithin(systemClock, graceMs, reception.drain(0))
    : reception.drain(graceMs);
  const code = await Promise.race([finished.then(() => 0), signals.second.then(() => 130)]);
  if (reception.active > 0) Deno.exit(code); // given up: ending them politely would take seconds more
  return code;
}

/** A server that answers calls. Disposing it ends what is left of them and stops listening. */
export interface Server extends AsyncDisposable {
  port: number;
  reception: Reception;
  /** Told of everything that happens on every call. */
  observers: ((notice: CallNotice) => void)[];
}

/** Open everything and listen, on a free port if the configured one is 0. @returns what is wrong if the port cannot be had. */
export function openServer(
  given: Config,
  { voice: ownVoice, reload }: { voice?: Voice; reload?: Reload } = {},
): Server | { problem: string } {
  const owned = new AsyncDisposableStack();
  const clock = systemClock;
  const version = ownVersion();
  const voice = owned.use(ownVoice ?? localVoice({ clock }));
  const rehearsal = given.rehearsal ? owned.use(rehearse(given, { clock, voice })) : undefined;
  const point = (config: Config) => rehearsal?.point(config) ?? config;
  const config = point(given);
  /** The configuration of the next call. Where we listen and whom we trust stays as it was at the start. */
  let current = config;
  const meters = callMeters();
  const kind = socketKind(config.server.vendorSocket, Deno.version.deno, config.server.onDeploy);
  const hub = new NoticeHub();
  const records = recordsPlace(config.server.dataDir, { onDeploy: config.server.onDeploy });
  const keeping = owned.use(openKeeping({
    config: () => current,
    clock,
    fetch: (request) => fetch(request),
    folder: "kind" in records && records.kind === "disk" ? records.folder : undefined,
    process: randomHex(8),
    report: (notice) => observers.forEach((observe) => observe(notice)),
  }));
  const { store } = keeping;
  const observers: ((notice: CallNotice) => void)[] = [logNotice, meters.observe, keeping.observe, hub.observe];
  const turnedAway = (reason: string, callSid: string) => {
    meters.refused(reason);
    log("warning", `turned away: ${reason}${callSid && ` (${callSid})`}`);
  };

  const rest = twilioOf(config);
  const house = owned.use(buildHouse({
    clock,
    version,
    dial: vendorDial({ clock, kind }),
    fetch: (request) => fetch(request),
    resolve: resolveHost,
    takeMessage: (message, signal) => postMessage(config, message, signal),
    ...(rest ? { confirmEnded: confirmWith(rest) } : {}),
    config: () => current,
    voice,
    randomHex,
    readRecording: (name) => readBytes(`assets/audio/${name}.mulaw`),
    lineSource: lineSource(config, { clock, fetch: (request) => fetch(request) }),
    minutesToday: store.minutesToday(),
    ...(keeping.record ? { record: keeping.record } : {}),
    observe: (notice) => observers.forEach((observe) => observe(notice)),
    refused: turnedAway,
    unclaimed: (callSid) => log("warning", `${callSid} was announced, but its audio never came`),
  }));
  house.pacer.onWake = meters.pacerLateness;
  const { reception } = house;

  const startedMs = clock.monotonicMs();
  const health = (): Health => ({
    status: reception.draining
      ? "draining"
      : house.providers().every(({ state }) => state === "closed")
      ? "healthy"
      : "degraded",
    version,
    activeCalls: reception.active,
    maxCalls: config.server.maxCalls,
    engine: current.base.engine,
    rehearsal: config.rehearsal,
    uptimeSeconds: Math.floor((clock.monotonicMs() - startedMs) / 1000),
    providers: house.providers().map(({ name, state, lastFault, since }) => ({
      name,
      state,
      lastFault: lastFault ? describeFault(lastFault) : null,
      since: since ?? null,
    })),
  });
  const peers = new WeakMap<Request, string>();
  const app = createApp({
    reception,
    publicHost: config.server.publicHost,
    trustProxy: config.server.trustProxy,
    authToken: config.keys.twilioAuthToken,
    adminToken: config.server.adminToken,
    busyText: () => current.base.lines.busy.text,
    language: () => current.base.language,
    mintToken: house.mintToken,
    health,
    metrics: meters.render(() => reception.active),
    streamStatus: logStreamStatus,
    callStatus: ({ CallSid, CallStatus }) => {
      if (CallSid && CallStatus === "completed") reception.over(CallSid);
    },
    refused: turnedAway,
    peerAddress: (request) => peers.get(request),
    extend: (app) => {
      const isLoopback = (request: Request) =>
        isOwnMachine(request, { address: peers.get(request), trustProxy: config.server.trustProxy });
      callsRoutes({ store, adminToken: config.server.adminToken })(app);
      turnsRoute({ store, isLoopback })(app);
      browserPhone({ readAsset: readBytes, voice, subscribe: hub.subscribe, isLoopback })(app);
    },
  });

  let listener: Deno.HttpServer<Deno.NetAddr>;
  try {
    listener = Deno.serve(
      { port: config.server.port, hostname: config.server.bind, onListen: () => {} },
      (request, info) => {
        peers.set(request, info.remoteAddr.hostname);
        return app.fetch(request);
      },
    );
  } catch (error) {
    owned.disposeAsync().catch(reportError);
    return { problem: explainListenError(error, config.server.port) };
  }
  owned.defer(() => settledWithin(clock, SHUTDOWN_MS, listener.shutdown()));
  owned.defer(() => reception.drain(0));
  prepareLines(house, owned);
  if (reload) {
    const watching = new AbortController();
    owned.defer(() => watching.abort());
    const changed = () => {
      const loaded = reload.load();
      if (!loaded.ok) return log("error", `The changed configuration is not used:\n${describeNotes(loaded.fault)}`);
      current = point({ ...loaded.value.config, server: config.server, keys: config.keys });
      log("info", "The configuration has changed: it counts from the next call on.");
      prepareLines(house, owned);
    };
    const paths = [reload.file, "assets/prompts", "assets/audio"];
    watchFiles({ clock, signal: watching.signal, paths, changed }).catch(reportError);
  }
  return {
    port: listener.addr.port,
    reception,
    observers,
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

/** Twilio's REST API, where its keys are set. */
function twilioOf({ keys, urls }: Config): TwilioRest | undefined {
  if (!keys.twilioAccountSid || !keys.twilioAuthToken) return undefined;
  return twilioRest({
    fetch: (request) => fetch(request),
    clock: systemClock,
    accountSid: keys.twilioAccountSid,
    authToken: keys.twilioAuthToken,
    baseUrl: urls.twilioApi,
  });
}

/** How long the carrier gets to end a call by itself once we have let it go. */
const ENDING_MS = 2000;

/** Look whether a call that we let go is over at the carrier, and end it there if not. */
function confirmWith(rest: TwilioRest): (callSid: string) => Promise<string> {
  return async (callSid) => {
    const { signal } = new AbortController();
    await sleep(systemClock, ENDING_MS);
    const facts = await rest.fetchCall(callSid, signal);
    if (facts.ok && !["in-progress", "ringing", "queued"].includes(facts.value.status)) return facts.value.status;
    const ended = await rest.hangUp(callSid, signal);
    if (ended.ok) return ended.value;
    log("error", `${callSid} may still be live at the carrier: ${describeFault(ended.fault)}`);
    return "unknown";
  };
}

/** Hand a caller's message to the webhook at once: it may be urgent. */
async function postMessage(
  { server }: Config,
  message: Record<string, unknown>,
  signal: AbortSignal,
): Promise<Result<void>> {
  if (!server.callWebhook) {
    return failed({ kind: "unreachable", peer: "webhook", detail: "CALL_WEBHOOK_URL is not set" });
  }
  const body = JSON.stringify({ schema: 1, event: "message", ...message });
  const { url, secret } = server.callWebhook;
  const headers = { "content-type": "application/json", ...(secret ? webhookSignature(secret, body, new Date()) : {}) };
  try {
    const response = await fetch(url, { method: "POST", body, signal, redirect: "manual", headers });
    await response.body?.cancel();
    return response.ok
      ? ok(undefined)
      : failed({ kind: "refused", peer: "webhook", status: response.status, detail: "" });
  } catch (error) {
    return failed({
      kind: "unreachable",
      peer: "webhook",
      detail: error instanceof Error ? error.message : String(error),
    });
  }
}

/** Learn the routes and speak what has no recording, in the background: calls are taken meanwhile. */
function prepareLines(house: House, owned: AsyncDisposableStack): void {
  const scope = new AbortController();
  owned.defer(() => scope.abort());
  house.trainRouters(breathing(scope.signal)).catch((error) =>
    scope.signal.aborted || log("error", `Cannot learn the routes: ${String(error)}`)
  );
  house.loadPrompts(scope.signal).then(
    (faults) => faults.forEach((fault) => log("warning", fault)),
    (error) => log("error", `Cannot prepare the spoken lines: ${String(error)}`),
  );
}

/** Work of ours may hold the event loop for so long, ms: below half a frame. */
const SLICE_MS = 8;

/** Lets the event loop run whenever `SLICE_MS` have passed; rejects once `signal` has aborted. */
function breathing(signal: AbortSignal): () => Promise<void> | void {
  let sinceMs = systemClock.monotonicMs();
  return () => {
    if (systemClock.monotonicMs() - sinceMs < SLICE_MS) return;
    return sleep(systemClock, 0, signal).then(() => void (sinceMs = systemClock.monotonicMs()));
  };
}

async function resolveHost(host: string): Promise<string[]> {
  const found = await Promise.allSettled([Deno.resolveDns(host, "A"), Deno.resolveDns(host, "AAAA")]);
  return found.flatMap((result) => result.status === "fulfilled" ? result.value : []);
}

function randomHex(bytes: number): string {
  return crypto.getRandomValues(new Uint8Array(bytes)).toHex();
}

/** SIGINT and SIGTERM mean the same everywhere: Deno Deploy sends the first, systemd and Docker the second. */
function listenForSignals() {
  const first = Promise.withResolvers<void>();
  const second = Promise.withResolvers<void>();
  let count = 0;
  const heard = () => ++count === 1 ? first.resolve() : second.resolve();
  const names = ["SIGINT", "SIGTERM"] as const;
  for (const name of names) Deno.addSignalListener(name, heard);
  return {
    first: first.promise,
    second: second.promise,
    [Symbol.dispose]: () => names.forEach((name) => Deno.removeSignalListener(name, heard)),
  };
}

/** A mistake of ours that nobody caught costs at most its own call: the others go on, and we hear of it. */
function surviveStrayErrors(): void {
  globalThis.addEventListener("error", (event) => {
    event.preventDefault();
    log("error", `Uncaught: ${event.error instanceof Error ? event.error.stack : event.message}`);
  });
  globalThis.addEventListener("unhandledrejection", (event) => {
    event.preventDefault();
    log("error", `Unhandled rejection: ${event.reason instanceof Error ? event.reason.stack : String(event.reason)}`);
  });
}

function explainListenError(error: unknown, port: number): string {
  if (error instanceof Deno.errors.AddrInUse) {
    return `Port ${port} is in use, perhaps by another Offhook. Stop that one, or choose another with --port or PORT.`;
  }
  return `Cannot listen on port ${port}: ${error instanceof Error ? error.message : String(error)}`;
}

function logStreamStatus({ StreamEvent, StreamError, CallSid }: Readonly<Record<string, string>>): void {
  if (StreamEvent !== "stream-error") return log("debug", `stream of ${CallSid}: ${StreamEvent}`);
  const { code, meaning, remedy } = explainStreamError(StreamError ?? "");
  log("error", `The carrier lost the stream of ${CallSid}: ${code ?? "no code"}, ${meaning} ${remedy}`);
}
