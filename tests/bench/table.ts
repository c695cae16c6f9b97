/** `deno task bench --table`: runs what the rows need, round after round, and prints the table. One failing step costs no other row. */

import { CapacitySearch, GENERATOR_P99_MS, troubles } from "./capacity.ts";
import { Child, type Message } from "./child.ts";
import { loadgenRun } from "./loadgen.ts";
import { twoCores } from "./machine.ts";
import type { Cores } from "./options.ts";
import { serveOwnVoice } from "./own_voice.ts";
import { DELAY_ONE_WAY_MS, doubts, type Gathered, linesOf, type Purpose, ROWS, type Step, stepsOf } from "./rows.ts";
import { run, type RunResult } from "./run.ts";
import { fromRun, type Sample } from "./sample.ts";
import { bareBridge, type Contender, freePort, nodePeer, ours, testCertificate } from "./servers.ts";
import { inSlowNetwork } from "./slow_network.ts";
import { startServer, untilQuiet } from "./started.ts";
import { parseTableOptions, PHONES_LIMIT, TABLE_HELP, type TableOptions } from "./table_options.ts";
import { speedChart, speedTable } from "./table_report.ts";

const ROOT = new URL("../../", import.meta.url).pathname;
const PIPELINE_CALLS = 40;
const SHARED_CALLS = 50;
const MOST_CALLS = 2000;
const STARTUP_MS = 180_000;

/** @returns the exit code. `folder` is there for what the run writes. */
export async function table(args: string[], folder: string): Promise<number> {
  const options = parseTableOptions(args);
  if (typeof options === "string") {
    console.error(`${options}\nSee deno task bench --table --help.`);
    return 2;
  }
  if (options.help) {
    console.log(TABLE_HELP);
    return 0;
  }
  const bench = new Table(options, folder, await twoCores(options.cores));
  await bench.runAll();
  bench.print(`deno task bench ${args.join(" ")}`);
  return bench.gathered.samples.length + bench.gathered.starts.length + bench.gathered.capacities.length > 0 ? 0 : 1;
}

/** What cannot be had here, in no round. */
class LeftOut extends Error {}

class Table {
  readonly gathered: Gathered = { samples: [], capacities: [], starts: [] };
  readonly #options: TableOptions;
  readonly #folder: string;
  readonly #cores: Cores | undefined;
  readonly #notes = new Set<string>();
  #peer: Contender | undefined;

  constructor(options: TableOptions, folder: string, cores: Cores | undefined) {
    this.#options = { ...options, ...(options.server ? { server: Deno.realPathSync(options.server) } : {}) };
    this.#folder = folder;
    this.#cores = cores;
    if (!cores) this.#notes.add("Two cores and taskset are not here: server and phones share what there is.");
  }

  async runAll(): Promise<void> {
    const { rounds, rows } = this.#options;
    const steps = new Set(stepsOf(rows).filter((step) => this.#isPossible(step)));
    if ([...steps].some((step) => /^\d+$/.test(step) || step === "capacity")) await this.#installPeer();
    for (let round = 0; round < rounds; round++) {
      for (const step of steps) {
        try {
          await this.#step(step, round);
        } catch (error) {
          const why = error instanceof Error ? error.message : String(error);
          if (error instanceof LeftOut) steps.delete(step);
          this.#note(error instanceof LeftOut ? why : `${step}, round ${round + 1}: ${why}`);
        }
        if (step === "startup") steps.delete(step); // its figures are medians of its own starts
      }
    }
    this.#say("");
  }

  #isPossible(step: Step): boolean {
    const calls = Number(step);
    if (!this.#options.loadgen && (calls > PHONES_LIMIT || step === "capacity")) {
      this.#note(
        `${
          step === "capacity" ? "calls on one core" : `${step} calls`
        }: needs --loadgen PATH (see its README); left out.`,
      );
      return false;
    }
    return true;
  }

  async #installPeer(): Promise<void> {
    const { peer: kind } = this.#options;
    if (kind === "bare") this.#peer = bareBridge();
    if (kind !== "node") return;
    this.#say("the peer is installed");
    const peer = await nodePeer(this.#folder);
    if ("problem" in peer) this.#note(`Without the peer: ${peer.problem}`);
    else this.#peer = peer;
  }

  async #step(step: Step, round: number): Promise<void> {
    const { server } = this.#options;
    switch (step) {
      case "capacity":
        return await this.#eachContender((contender) => this.#capacity(contender, round));
      case "startup":
        return await this.#startup();
      case "delay":
        return await this.#delay(round);
      case "pipeline":
        await this.#phones(ours({ engine: "pipeline", executable: server }), PIPELINE_CALLS, round, "pipeline");
        return await this.#phones(ours({ executable: server }), PIPELINE_CALLS, round, "pipeline-agent");
      case "one-core":
        return await this.#phones(ours({ executable: server }), SHARED_CALLS, round, "one-core");
      default:
        return await this.#eachContender((contender) => this.#load(contender, Number(step), round));
    }
  }

  /** Ours, then the peer; the one's fault is not the other's. */
  async #eachContender(measure: (contender: Contender) => Promise<void>): Promise<void> {
    const faults: unknown[] = [];
    for (const contender of [ours({ executable: this.#options.server }), ...(this.#peer ? [this.#peer] : [])]) {
      await measure(contender).catch((error) => faults.push(error));
    }
    if (faults.length > 0) throw faults[0];
  }

  async #load(contender: Contender, calls: number, round: number): Promise<void> {
    if (!this.#options.loadgen) return await this.#phones(contender, calls, round, "load");
    await using owned = new AsyncDisposableStack();
    const { start, call } = this.#caller(contender, owned);
    await start();
    this.#keep(await call(calls), round, "load");
  }

  async #capacity(contender: Contender, round: number): Promise<void> {
    const server = nameOf(contender);
    await using owned = new AsyncDisposableStack();
    const { start, call } = this.#caller(contender, owned);
    const started = await start();
    const before = this.gathered.capacities.findLast((found) => found.server === server)?.calls;
    const { first, step } = this.#options;
    const search = new CapacitySearch({
      step,
      most: MOST_CALLS,
      ...before ? { first: before } : { first, stride: 2 * step },
    });
    for (let calls = search.next; calls !== undefined; calls = search.next) {
      let sample = await call(calls);
      if (sample.generatorLagMs.p99 > GENERATOR_P99_MS) { // its fault, perhaps: once more
        await untilQuiet(started.child.pid);
        sample = await call(calls);
      }
      const found = troubles(sample, { paced: server === "offhook" });
      const lag = sample.generatorLagMs.p99;
      if (lag > GENERATOR_P99_MS) {
        this.#notes.add("The generator itself was late while calls on one core were counted.");
      }
      const late = lag > GENERATOR_P99_MS ? ` (the generator: ${lag.toFixed(1)} ms late)` : "";
      this.#tell(`${server} x ${calls}: ${found.length === 0 ? "carried" : found.join(", ")}${late}`);
      search.tell(found.length === 0);
      await untilQuiet(started.child.pid);
    }
    this.gathered.capacities.push({ server, round, calls: search.best });
  }

  /** A server and how to call it with the load generator. */
  #caller(contender: Contender, owned: AsyncDisposableStack) {
    const { warm, seconds, loadgen } = this.#options;
    const voice = owned.use(serveOwnVoice());
    const agentPort = freePort();
    const cores = this.#cores;
    const progress = (what: string) => this.#say(what);
    const server = Promise.withResolvers<Awaited<ReturnType<typeof startServer>>>();
    const start = async () => {
      const started = await startServer({
        contender,
        vendors: `ws://127.0.0.1:${agentPort}`,
        speakUrl: `ws://127.0.0.1:${voice.port}/v1/speak`,
        cores,
        folder: this.#folder,
        progress,
      }, owned);
      server.resolve(started);
      return started;
    };
    const call = async (calls: number): Promise<Sample> =>
      await loadgenRun({
        program: loadgen!,
        server: await server.promise,
        name: nameOf(contender),
        agentPort,
        calls,
        warm,
        seconds,
        cores,
        progress,
      });
    return { start, call };
  }

  /** A run with phones in TypeScript. */
  async #phones(contender: Contender, calls: number, round: number, purpose: Purpose): Promise<void> {
    const cores = this.#cores;
    const shared = purpose === "one-core";
    const tls = shared ? await testCertificate(this.#folder) : undefined;
    if (tls && "problem" in tls) throw new LeftOut(tls.problem);
    const result = await run({
      contender,
      calls,
      warm: this.#options.warm,
      seconds: this.#options.seconds,
      cores: shared && cores ? { server: cores.server, rest: cores.server } : cores,
      folder: this.#folder,
      tls,
      vendors: purpose === "pipeline" ? "pipeline" : "agent",
      progress: (what) => this.#say(`${purpose}, ${contender.name}: ${what}`),
    });
    this.#keep(fromRun(result), round, purpose);
  }

  async #startup(): Promise<void> {
    const executable = this.#options.server ?? `${ROOT}dist/offhook`;
    if (!exists(executable)) throw new LeftOut("There is no dist/offhook. Build it first: deno task compile");
    this.#say("the executable starts");
    const onCore = this.#cores ? ["--core", String(this.#cores.server)] : [];
    await using child = new Child({
      name: "start of the executable",
      command: [Deno.execPath(), "run", "-A", `${ROOT}tests/bench/startup.ts`, executable, "--json", ...onCore],
      core: this.#cores?.rest,
      understand: jsonLine,
    });
    const found = (await child.next("json", STARTUP_MS)).found as Gathered["starts"][number];
    if (!Number.isFinite(found.startMs) || !Number.isFinite(found.idleRssKib)) {
      throw new Error("startup.ts --json does not tell startMs and idleRssKib");
    }
    this.gathered.starts.push(found);
    this.#tell(`start: ${found.startMs.toFixed(0)} ms, idle ${(found.idleRssKib / 1024).toFixed(0)} MiB`);
  }

  /** The bench inside a network of its own, whose loopback is slow: only root may do that. */
  async #delay(round: number): Promise<void> {
    const cores = this.#cores ? ["--cores", `${this.#cores.server},${this.#cores.rest}`] : [];
    const bench = [Deno.execPath(), "run", "-A", `${ROOT}tests/bench/main.ts`, "--calls", String(SHARED_CALLS)];
    const seconds = String(this.#options.seconds);
    const command = await inSlowNetwork(DELAY_ONE_WAY_MS, [...bench, "--seconds", seconds, "--json", ...cores]);
    if (!command) {
      throw new LeftOut(
        "This machine lets us slow no network (unshare -n, and netem or /dev/net/tun: root): left out.",
      );
    }
    this.#say("delay: the bench runs in a slow network");
    await using child = new Child({
      name: "bench with delay",
      command,
      core: this.#cores?.rest,
      understand: jsonLine,
    });
    const message = await child.next("json", 120_000 + this.#options.seconds * 1000);
    const [result] = (message.found as { runs: RunResult[] }).runs; // our own bench wrote it
    if (result) this.#keep(fromRun(result), round, "delay");
  }

  #keep(sample: Sample, round: number, purpose: Purpose): void {
    this.gathered.samples.push({ ...sample, round, purpose });
    const { server, calls, cpuMsPerCallSecond: cpu, uplinkMs, lost, stale, underruns, othersCores } = sample;
    const name = purpose === "load" ? "" : ` (${purpose})`;
    this.#tell(
      `round ${round + 1}: ${server} x ${calls}${name}: CPU ${cpu?.toFixed(3) ?? "-"} ms, uplink p99 ${
        uplinkMs.p99.toFixed(1)
      } ms, lost ${lost}, stale ${stale}, under-runs ${underruns}, others used ${othersCores?.toFixed(2) ?? "-"} cores`,
    );
  }

  print(command: string): void {
    const { rows, json } = this.#options;
    const lines = linesOf(rows, this.gathered);
    const notes = [...this.#notes, ...doubts(this.gathered)];
    if (json) return console.log(JSON.stringify({ schema: 1, command, lines, notes, ...this.gathered }));
    console.log(`${command}\n\n${speedTable(lines)}\n\n${speedChart(lines)}`);
    for (const row of ROWS.filter(({ name }) => rows.includes(name) && !lines.some((line) => line.row === name))) {
      console.log(`Not measured: ${row.title}.`);
    }
    for (const note of notes) console.log(note);
  }

  #note(text: string): void {
    this.#notes.add(text);
    this.#tell(text);
  }

  /** A line of its own, behind the one that is written over. */
  #tell(text: string): void {
    this.#say("");
    console.error(text);
  }

  #say(what: string): void {
    if (Deno.stderr.isTerminal()) Deno.stderr.writeSync(new TextEncoder().encode(`\r\x1b[K${what}`));
  }
}

function nameOf({ name }: Contender): Sample["server"] {
  return name === "peer" ? "peer" : "offhook";
}

function jsonLine(line: string): Message | undefined {
  return line.startsWith("{") ? { kind: "json", found: JSON.parse(line) } : undefined;
}

function exists(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}
