/** `offhook serve`: configuration, door, server and signals. What it needs to answer `/health` comes first, the rest after. */

import { settledWithin, sleep, systemClock } from "./base/clock.ts";
import { type Config, describeNotes, type Flags } from "./config.ts";
import { type Door, listen } from "./door.ts";
import { ownVersion } from "./files.ts";
import { healthAtStart } from "./health.ts";
import { reloader } from "./load.ts";
import { giveUpWriting, recordsPlace } from "./permissions.ts";
import { perPress } from "./presses.ts";

export interface ServeOptions {
  file?: string | undefined;
  flags: Flags;
  /** Under `deno run --watch`, which lives on when we end. */
  watched?: boolean;
  lines: Lines;
}

/** Where the log goes. Printing must not throw, nor wait for whoever reads it. */
export interface Lines {
  print: (line: string) => void;
  /** Told how many lines were lost, where that may be. */
  onLost?: (count: number) => void;
}

/** Serve until a signal. @returns the exit code: 0 after a drain, 1 if it could not start, 130 after a second signal. */
export async function serve(options: ServeOptions): Promise<number> {
  const { file, flags, lines } = options;
  const { print } = lines;
  const load = reloader({ file, flags });
  const loaded = load();
  if (!loaded.ok) {
    print(describeNotes(loaded.fault));
    return 1;
  }
  const { server } = loaded.value.config;
  const format = server.logFormat === "auto" ? (Deno.stderr.isTerminal() ? "lines" : "json") : server.logFormat;
  const tell: Tell = format === "json" ? asJson(print) : (_, text) => print(text);
  for (const note of loaded.value.warnings) tell("WARN", describeNotes([note]));
  const records = recordsPlace(server.dataDir, { onDeploy: server.onDeploy });
  if ("problem" in records) {
    print(records.problem);
    return 1;
  }
  giveUpWriting();
  using signals = listenForSignals(options.watched ? WATCHED_STOPS : STOPS);
  const version = ownVersion();
  const door = listen({ ...server, health: () => healthAtStart(loaded.value.config, version) });
  if ("problem" in door) {
    print(door.problem);
    return 1;
  }
  await settledWithin(systemClock, FIRST_LOOK_MS, door.asked);
  await sleep(systemClock, 0); // the answer leaves first
  const { log, openLog } = await import("./telemetry/log.ts");
  openLog({ level: server.logLevel, format, write: print });
  lines.onLost = (count) => log("warning", `${count} lines of the log were lost: whoever reads it had stalled.`);
  if (records.kind === "memory") log("info", `Records are kept in memory and lost when we stop: ${records.why}.`);
  using _stray = surviveStrayErrors(log);
  return await run(loaded.value.config, { ...options, load, door, signals, log, tell });
}

type Tell = (level: "INFO" | "WARN", text: string) => void;

/** The lines of the start, which are printed at every log level, in the form of the JSON log. */
function asJson(print: (line: string) => void): Tell {
  return (level, message) =>
    print(JSON.stringify({ "@timestamp": systemClock.wallTime().toISOString(), level, message, logger: "offhook" }));
}

/** Whoever waits for the port to open has this long to ask for our health, before loading the rest blocks the event loop. */
const FIRST_LOOK_MS = 20;

type Log = typeof import("./telemetry/log.ts").log;

interface Running extends ServeOptions {
  load: ReturnType<typeof reloader>;
  door: Door;
  signals: Signals;
  log: Log;
  tell: Tell;
}

async function run(given: Config, running: Running): Promise<number> {
  const { file, flags, watched, load, lines, door, signals, log, tell } = running;
  const [{ openServer }, { banner }] = await Promise.all([import("./server.ts"), import("./banner.ts")]);
  const opened = openServer(given, {
    door,
    reload: { file: file ?? "config.json", load },
  });
  if ("problem" in opened) {
    lines.print(opened.problem);
    return 1;
  }
  await using server = opened;
  tell("INFO", banner(given, { port: server.port, version: ownVersion() }));
  if (!await startHolds(given, { signals, log })) return 1;
  if (watched) {
    await server.cutOff(); // in half a second the watcher ends us
    return 0;
  }
  // Whatever is waited for: ending politely takes seconds.
  signals.second.then(() => server.cutOff()).finally(() => Deno.exit(130));
  const graceMs = (flags.drain ?? given.server.drainSeconds) * 1000;
  const { reception } = server;
  log(
    "info",
    `Stopping: no new calls; ${reception.active} live may finish within ${
      graceMs / 1000
    } s. Once more to stop at once.`,
  );
  // Deno Deploy kills us 5 s after its signal: there the calls get their goodbye at once.
  await (given.server.onDeploy ? settledWithin(systemClock, graceMs, reception.drain(0)) : reception.drain(graceMs));
  if (reception.active > 0) Deno.exit(0); // given up
  return 0;
}

/** Waits for the first signal. @returns false, at once, if it turns out that no call can be answered as configured. */
async function startHolds(config: Config, { signals, log }: Pick<Running, "signals" | "log">): Promise<boolean> {
  if (config.rehearsal) return await signals.first.then(() => true);
  const { unknownModels } = await import("./start_models.ts");
  const scope = new AbortController();
  const looking = unknownModels({ config, clock: systemClock, fetch: (request) => fetch(request) }, scope.signal);
  const problems = await Promise.race([looking, signals.first.then(() => [])]);
  if (problems.length === 0) await signals.first;
  scope.abort();
  problems.forEach((problem) => log("error", `Stopping: ${problem}`));
  return problems.length === 0;
}

interface Signals extends Disposable {
  first: Promise<void>;
  second: Promise<void>;
}

/** They mean the same everywhere: Deno Deploy sends the first, systemd and Docker the second, a terminal that is closed the third. */
const STOPS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
/** What is not listened for ends the watcher too, which would outlive us otherwise. */
const WATCHED_STOPS = ["SIGINT"] as const;

function listenForSignals(names: readonly Deno.Signal[]): Signals {
  const first = Promise.withResolvers<void>();
  const second = Promise.withResolvers<void>();
  let count = 0;
  const heard = perPress(() => ++count === 1 ? first.resolve() : second.resolve(), systemClock);
  for (const name of names) Deno.addSignalListener(name, heard);
  return {
    first: first.promise,
    second: second.promise,
    [Symbol.dispose]: () => names.forEach((name) => Deno.removeSignalListener(name, heard)),
  };
}

/** An error of our own that nobody caught costs at most its own call: it is logged, and the others go on. */
function surviveStrayErrors(log: Log): Disposable {
  const onError = (event: ErrorEvent) => {
    event.preventDefault();
    log("error", `Uncaught: ${event.error instanceof Error ? event.error.stack : event.message}`);
  };
  const onRejection = (event: PromiseRejectionEvent) => {
    event.preventDefault();
    log("error", `Unhandled rejection: ${event.reason instanceof Error ? event.reason.stack : String(event.reason)}`);
  };
  globalThis.addEventListener("error", onError);
  globalThis.addEventListener("unhandledrejection", onRejection);
  return {
    [Symbol.dispose]: () => {
      globalThis.removeEventListener("error", onError);
      globalThis.removeEventListener("unhandledrejection", onRejection);
    },
  };
}
