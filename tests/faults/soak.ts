/**
 * `deno task soak [MINUTES] [CALLS]`: the whole product in a process of its own, with store, log, webhook, recordings and
 * both engines; the vendors in another; callers in this one, so many at once, over real sockets. The last line is JSON.
 * Exit 1 if a record is missed, or a call broken or ended otherwise than it must. Five times under way garbage is collected, to see what is
 * still held; in between the server is left alone. `--collect`: collected before each look, which finds a leak sooner and
 * makes RSS smaller than in use.
 */

import { sleep, systemClock } from "../../lib/base/clock.ts";
import { serveStandIns } from "../../lib/rehearsal/serve.ts";
import { Child, endChildren } from "../bench/child.ts";
import { startFlags } from "../bench/servers.ts";
import { twilioRestStandIn } from "../rehearsal/twilio_rest.ts";
import { Callers, type EndedCall, NUMBERS } from "./soak_callers.ts";
import { floor, openHandles, quantile, residentBytes, type Sample, slope } from "./soak_memory.ts";

export interface SoakOptions {
  minutes: number;
  atOnce: number;
  print: (line: string) => void;
  /** Collect garbage before each look. */
  collect?: boolean;
  /** How often to look. Default: every 10 s. */
  everyMs?: number;
  /** Gives it up: `soak` rejects. */
  signal?: AbortSignal;
  /** How long the server rests at the end. Default: 40 s, longer than a call whose line broke may come back. */
  restMs?: number;
}

/** What the server still holds once garbage is collected. */
export interface Held {
  calls: number;
  rssMb: number;
  heapMb: number;
}

export interface SoakReport {
  calls: number;
  /** Calls that could not be made, or did not end. */
  broken: number;
  /** Calls that ended otherwise than their kind must: where vendors have no processor time, that is as it should be. */
  otherwise: number;
  /** Calls whose stream began and that have no record, or whose record does not tell of their end. */
  recordsMissed: number;
  /** Calls whose record was not posted to the webhook. */
  postsMissed: number;
  /** What the carrier objected to, by code. */
  offences: Record<string, number>;
  /** How the records say that the calls ended. */
  outcomes: Record<string, number>;
  firstAudioMs: { p50: number | null; p99: number | null };
  replyMs: { p50: number | null; p99: number | null };
  underruns: number;
  lostFrames: number;
  staleFrames: number;
  /** By least squares, over all looks but those of the first third, until which what is loaded once is loaded. */
  rssMbPer1000Calls: number;
  /** The same over the least of every 12 looks: RSS swings by what waits for the garbage collector. */
  rssFloorMbPer1000Calls: number;
  rssMb: { first: number; last: number; rest: number };
  /** Garbage collected: at each share of `COLLECTED_AT` with all calls on, and last at rest. */
  held: Held[];
  /** How that grows while the calls are on. */
  heldRssMbPer1000Calls: number;
  heldHeapMbPer1000Calls: number;
  /** Fewest and most in the same looks, and at rest. */
  handles: { least: number; most: number; rest: number; byKind: Record<string, number> };
}

const ACCOUNT = { accountSid: `AC${"5".repeat(32)}`, authToken: "soak-token-of-this-run" };
const ADMIN_TOKEN = "soak-admin-token-of-this-run-only";
const READY_MS = 30_000;
const ROOT = new URL("../../", import.meta.url).pathname;
/** Shares of the time after which garbage is collected, to see what is held; in between the server is left alone. */
const COLLECTED_AT = [1 / 3, 1 / 2, 2 / 3, 5 / 6, 1] as const;
/** Two minutes of looks: longer than from one full garbage collection to the next. */
const FLOOR_LOOKS = 12;
const MB = 1024 * 1024;

/** Soak a server. Everything it starts has ended when it settles. */
export async function soak(options: SoakOptions): Promise<SoakReport> {
  const { minutes, atOnce, print, everyMs = 10_000, restMs = 40_000 } = options;
  const folder = Deno.makeTempDirSync({ prefix: "offhook-soak-" });
  await using owned = new AsyncDisposableStack();
  owned.defer(() => Deno.remove(folder, { recursive: true }));
  const tally = new Tally(print);
  const callers = new Callers({ ...ACCOUNT, atOnce, seed: 7, ended: (call) => tally.ended(call) });
  const carrier = twilioRestStandIn({
    clock: systemClock,
    ...ACCOUNT,
    control: (callSid) => {
      const call = callers.call(callSid);
      return call && {
        status: () => call.status(),
        durationSeconds: () => call.durationSeconds(),
        endCall: () => void call.endCall(),
      };
    },
  });
  const around = owned.use(serveStandIns([
    { path: "/2010-04-01", fetch: carrier.fetch },
    { path: "/records", fetch: (request) => tally.posted(request) },
  ]));
  Deno.writeTextFileSync(`${folder}/config.json`, configuration(atOnce));
  const vendors = owned.use(startVendors(folder));
  const { urls } = await vendors.next("ready", READY_MS);
  // Our own child wrote it.
  const server = owned.use(startServer(folder, { urls: urls as Record<string, string>, around: around.origin }));
  const { port } = await server.next("ready", READY_MS);
  const url = `http://127.0.0.1:${port}`;

  const stopping = new AbortController();
  const startMs = performance.now();
  const look = async (): Promise<Sample> => {
    server.send({ kind: options.collect ? "collect" : "look" });
    const memory = await server.next("memory", READY_MS);
    return {
      calls: tally.calls,
      seconds: Math.round((performance.now() - startMs) / 1000),
      rss: residentBytes(server.pid),
      heapUsed: Number(memory.heapUsed),
      heapTotal: Number(memory.heapTotal),
      external: Number(memory.external),
      handles: openHandles(server.pid),
    };
  };
  const collected = async () => {
    server.send({ kind: "collect" });
    const { heapUsed } = await server.next("memory", READY_MS);
    return { calls: tally.calls, rssMb: residentBytes(server.pid) / MB, heapMb: Number(heapUsed) / MB };
  };
  const samples: Sample[] = [];
  const held: Held[] = [];
  const ringing = callers.run(`${url}/incoming-call`, stopping.signal);
  try {
    for (const share of COLLECTED_AT) {
      while (performance.now() - startMs < minutes * 60_000 * share) {
        await sleep(systemClock, everyMs, options.signal);
        samples.push(await look());
        print(lineOf(samples.at(-1)!, tally));
      }
      held.push(await collected());
    }
  } finally {
    stopping.abort();
    await ringing;
  }
  await sleep(systemClock, restMs, options.signal);
  const resting = await look();
  print(`at rest: ${lineOf(resting, tally)}`);
  held.push(await collected());
  return { ...tally.report(await endedRecords(url)), ...growth(samples, resting), ...heldGrowth(held) };
}

/** The example's configuration, with a number for each engine, one that is recorded, and place for everybody. */
function configuration(atOnce: number): string {
  const example = JSON.parse(Deno.readTextFileSync(`${ROOT}config.json`)) as Record<string, unknown>;
  return JSON.stringify({
    ...example,
    $schema: undefined,
    prompt: "You answer the phone.",
    limits: { callsAtOnce: atOnce * 2 + 10, minutesPerDay: 1_000_000, callsPerCallerPerHour: 1000 },
    numbers: {
      [NUMBERS.pipeline]: { engine: "pipeline" },
      [NUMBERS.recorded]: { privacy: { recording: true }, lines: { recordingNotice: "This is recorded." } },
    },
  });
}

function startVendors(folder: string): Child {
  return new Child({
    name: "vendors",
    command: [
      Deno.execPath(),
      "run",
      "--allow-all",
      "--no-check",
      `${ROOT}tests/faults/soak_vendors.ts`,
      `${folder}/config.json`,
    ],
  });
}

function startServer(folder: string, { urls, around }: { urls: Record<string, string>; around: string }): Child {
  return new Child({
    name: "server",
    command: [
      Deno.execPath(),
      ...startFlags(),
      "--no-check",
      "--v8-flags=--expose-gc",
      `${ROOT}tests/faults/soak_server.ts`,
    ],
    cwd: folder,
    bare: true,
    env: {
      PORT: "0",
      BIND: "127.0.0.1",
      ADMIN_TOKEN,
      DRAIN_SECONDS: "1",
      LOG_LEVEL: "info",
      TWILIO_ACCOUNT_SID: ACCOUNT.accountSid,
      TWILIO_AUTH_TOKEN: ACCOUNT.authToken,
      TWILIO_API_URL: `http://${around}`,
      CALL_WEBHOOK_URL: `http://${around}/records`,
      CALL_WEBHOOK_SECRET: "soak",
      DEEPGRAM_API_KEY: "soak",
      CARTESIA_API_KEY: "soak",
      GROQ_API_KEY: "soak",
      OPENAI_API_KEY: "soak",
      DEEPGRAM_AGENT_URL: urls.agent!,
      DEEPGRAM_LISTEN_URL: urls.listen!,
      DEEPGRAM_FLUX_URL: urls.flux!,
      DEEPGRAM_SPEAK_URL: urls.speak!,
      CARTESIA_URL: urls.cartesia!,
      LLM_API_KEY: "soak",
      LLM_BASE_URL: urls.llm!,
    },
  });
}

/** The CallSids of records that tell of their call's end. */
async function endedRecords(url: string): Promise<Set<string>> {
  const response = await fetch(`${url}/calls?limit=100000`, { headers: { authorization: `Bearer ${ADMIN_TOKEN}` } });
  const { calls } = await response.json() as { calls: { callSid: string; outcome?: string }[] };
  return new Set(calls.filter(({ outcome }) => outcome).map(({ callSid }) => callSid));
}

/** What the callers have met with. */
class Tally {
  calls = 0;
  broken = 0;
  otherwise = 0;
  readonly #print: (line: string) => void;
  readonly #streamed = new Set<string>();
  readonly #posted = new Set<string>();
  readonly #offences: Record<string, number> = {};
  readonly #outcomes: Record<string, number> = {};
  readonly #firstAudio: number[] = [];
  readonly #replies: number[] = [];
  #underruns = 0;
  #lost = 0;
  #stale = 0;

  constructor(print: (line: string) => void) {
    this.#print = print;
  }

  ended({ report, broken, otherwise }: EndedCall): void {
    this.calls++;
    if (broken !== undefined) this.broken++;
    else if (otherwise !== undefined) this.otherwise++;
    const odd = broken ?? otherwise;
    if (odd !== undefined) this.#print(`odd: ${odd}`);
    if (!report) return;
    const opened = report.streamSid !== null && !report.offences.some(({ code }) => code === "no-handshake");
    if (opened) this.#streamed.add(report.callSid);
    if (report.firstAudioMs !== null) this.#firstAudio.push(report.firstAudioMs);
    for (const { said, replyMs } of report.turns) if (said !== "" && replyMs !== null) this.#replies.push(replyMs);
    for (const { code } of report.offences) this.#offences[code] = (this.#offences[code] ?? 0) + 1;
    this.#underruns += report.underruns;
    this.#lost += report.lostFrames ?? 0;
    this.#stale += report.staleFrames ?? 0;
  }

  async posted(request: Request): Promise<Response> {
    const { call } = await request.json() as { call: { callSid: string; endReason: string } };
    this.#posted.add(call.callSid);
    this.#outcomes[call.endReason] = (this.#outcomes[call.endReason] ?? 0) + 1;
    return new Response(null, { status: 204 });
  }

  get firstAudioMs() {
    return { p50: quantile(this.#firstAudio, 0.5) ?? null, p99: quantile(this.#firstAudio, 0.99) ?? null };
  }

  report(ended: ReadonlySet<string>) {
    return {
      calls: this.calls,
      broken: this.broken,
      otherwise: this.otherwise,
      recordsMissed: this.#streamed.difference(ended).size,
      postsMissed: this.#streamed.difference(this.#posted).size,
      offences: this.#offences,
      outcomes: this.#outcomes,
      firstAudioMs: this.firstAudioMs,
      replyMs: { p50: quantile(this.#replies, 0.5) ?? null, p99: quantile(this.#replies, 0.99) ?? null },
      underruns: this.#underruns,
      lostFrames: this.#lost,
      staleFrames: this.#stale,
    };
  }
}

function growth(samples: readonly Sample[], resting: Sample) {
  const warm = samples.slice(Math.floor(samples.length / 3)).map(({ calls, rss, handles }) => ({
    x: calls,
    y: rss / MB,
    handles: sum(handles),
  }));
  const counts = warm.map(({ handles }) => handles);
  return {
    rssMbPer1000Calls: 1000 * slope(warm),
    rssFloorMbPer1000Calls: 1000 * slope(floor(warm, FLOOR_LOOKS)),
    rssMb: { first: samples[0]!.rss / MB, last: samples.at(-1)!.rss / MB, rest: resting.rss / MB },
    handles: {
      least: Math.min(...counts),
      most: Math.max(...counts),
      rest: sum(resting.handles),
      byKind: resting.handles,
    },
  };
}

function heldGrowth(held: Held[]) {
  const busy = held.slice(0, -1);
  const grows = (of: (held: Held) => number) => 1000 * slope(busy.map((one) => ({ x: one.calls, y: of(one) })));
  return {
    held,
    heldRssMbPer1000Calls: grows(({ rssMb }) => rssMb),
    heldHeapMbPer1000Calls: grows(({ heapMb }) => heapMb),
  };
}

function sum(counts: Record<string, number>): number {
  return Object.values(counts).reduce((total, count) => total + count, 0);
}

function lineOf({ seconds, rss, heapUsed, heapTotal, external, handles }: Sample, tally: Tally): string {
  const mb = (bytes: number) => (bytes / MB).toFixed(1);
  return `${seconds} s: ${tally.calls} calls, ${tally.broken} broken, ${tally.otherwise} otherwise; RSS ${
    mb(rss)
  } MB, heap ${mb(heapUsed)} of ${mb(heapTotal)}, external ${mb(external)}; ${
    sum(handles)
  } handles; first audio p50 ${tally.firstAudioMs.p50} p99 ${tally.firstAudioMs.p99} ms`;
}

function signed(mb: number): string {
  return `${mb < 0 ? "" : "+"}${mb.toFixed(2)}`;
}

/** The report for people. */
export function describeSoak(report: SoakReport): string {
  const { firstAudioMs, replyMs, rssMb, held, handles } = report;
  return [
    `calls ${report.calls}, ${report.broken} broken, ${report.otherwise} ended otherwise; records missed ${report.recordsMissed}, posts missed ${report.postsMissed}`,
    `first audio p50 ${firstAudioMs.p50} ms, p99 ${firstAudioMs.p99} ms; reply p50 ${replyMs.p50} ms, p99 ${replyMs.p99} ms`,
    `under-runs ${report.underruns}, lost frames ${report.lostFrames}, stale ${report.staleFrames}, offences ${
      JSON.stringify(report.offences)
    }, ends ${JSON.stringify(report.outcomes)}`,
    `RSS ${signed(report.rssMbPer1000Calls)} MB per 1,000 calls, its floor ${signed(report.rssFloorMbPer1000Calls)} (${
      rssMb.first.toFixed(1)
    } -> ${rssMb.last.toFixed(1)} MB, at rest ${rssMb.rest.toFixed(1)})`,
    `collected: RSS ${signed(report.heldRssMbPer1000Calls)}, heap ${
      signed(report.heldHeapMbPer1000Calls)
    } MB per 1,000 calls (${
      held.map(({ rssMb, heapMb }) => `${rssMb.toFixed(0)}/${heapMb.toFixed(1)}`).join(" ")
    } at rest)`,
    `handles ${handles.least} to ${handles.most}, at rest ${handles.rest} ${JSON.stringify(handles.byKind)}`,
  ].join("\n");
}

async function main(args: string[]): Promise<number> {
  const [minutes = 30, atOnce = 50] = args.filter((arg) => !arg.startsWith("--")).map(Number);
  const interrupted = new AbortController();
  const stop = () => {
    interrupted.abort();
    endChildren().catch(reportError);
  };
  for (const signal of ["SIGINT", "SIGTERM"] as const) Deno.addSignalListener(signal, stop);
  try {
    const { signal } = interrupted;
    const report = await soak({ minutes, atOnce, print: console.log, collect: args.includes("--collect"), signal });
    console.log(describeSoak(report));
    console.log(JSON.stringify(report));
    return report.recordsMissed + report.postsMissed + report.broken + report.otherwise > 0 ? 1 : 0;
  } catch (error) {
    if (!interrupted.signal.aborted) throw error;
    console.error("Interrupted: no report.");
    return 130;
  }
}

if (import.meta.main) Deno.exit(await main(Deno.args));
