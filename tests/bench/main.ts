/** `deno task bench`: phones and an agent against a server, every frame counted. See `options.ts` for the command line. */

import { endChildren } from "./child.ts";
import { twoCores } from "./machine.ts";
import { type BenchOptions, HELP, parseOptions } from "./options.ts";
import { chart, compare, comparisonLine, kibPerFurtherCall, table } from "./report.ts";
import { run, type RunPlan, type RunResult } from "./run.ts";
import { nodePeer, ours, testCertificate } from "./servers.ts";

/** What makes a run faulty, whatever its times are. */
function faultsOf({ up, down, stale, underruns, dropped, notCleared, odd }: RunResult): string[] {
  const counts = {
    "lost up": up.lost,
    "doubled up": up.duplicated,
    "out of order up": up.reordered,
    "altered up": up.altered,
    "lost down": down.lost,
    "doubled down": down.duplicated,
    "out of order down": down.reordered,
    "altered down": down.altered,
    stale,
    "under-runs": underruns,
    "calls dropped": dropped.length,
    "interruptions without clear": notCleared,
    "unknown messages": odd,
  };
  return Object.entries(counts).filter(([, count]) => count > 0).map(([name, count]) => `${count} ${name}`);
}

async function main(args: string[]): Promise<number> {
  if (args.includes("--table")) {
    const { table } = await import("./table.ts");
    return await inFolder((folder) => table(args, folder));
  }
  const options = parseOptions(args);
  if (typeof options === "string") {
    console.error(`${options}\nSee deno task bench --help.`);
    return 2;
  }
  if (options.help) {
    console.log(HELP);
    return 0;
  }
  return await inFolder((folder) => bench(options, folder));
}

/** What is written and started is gone afterwards, also when we are told to end. */
async function inFolder(work: (folder: string) => Promise<number>): Promise<number> {
  const folder = Deno.makeTempDirSync({ prefix: "offhook-bench-" });
  let isStopping = false;
  const stop = async () => {
    if (isStopping) return;
    isStopping = true;
    await endChildren();
    Deno.removeSync(folder, { recursive: true });
    Deno.exit(130);
  };
  for (const signal of ["SIGINT", "SIGTERM"] as const) Deno.addSignalListener(signal, stop);
  try {
    return await work(folder);
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    return 3;
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

async function bench(options: BenchOptions, folder: string): Promise<number> {
  const cores = await twoCores(options.cores);
  if (!cores) console.error("Two cores and taskset are not here: server and phones share what there is.");
  if (Deno.build.os !== "linux") console.error("There is no /proc here: CPU and memory are not measured.");
  const tls = options.tls ? await testCertificate(folder) : undefined;
  if (tls && "problem" in tls) throw new Error(tls.problem);
  const contenders = await contendersOf(options, folder);

  const runs: RunResult[] = [];
  for (const calls of options.calls) {
    for (let round = 0; round < (options.peer ? options.rounds : 1); round++) {
      for (const contender of contenders) {
        const result = await run({
          contender,
          calls,
          seconds: options.seconds,
          cores,
          folder,
          tls,
          progress: (what) => progress(`${"name" in contender ? contender.name : contender.running}: ${what}`),
        });
        progress("");
        runs.push(result);
        const faults = faultsOf(result);
        console.error(`${result.server} x ${calls}: ${faults.length === 0 ? "nothing lost" : faults.join(", ")}`);
      }
    }
  }
  print(runs, options);
  return runs.some((result) => result.server !== "peer" && faultsOf(result).length > 0) ? 1 : 0;
}

async function contendersOf(options: BenchOptions, folder: string): Promise<RunPlan["contender"][]> {
  const { url, pid, agentPort, peer, stallMs, stallEverySeconds } = options;
  if (url !== undefined) return [{ running: url, pid, agentPort }];
  const mine = ours(stallMs > 0 ? { stall: { ms: stallMs, everySeconds: stallEverySeconds } } : {});
  if (!peer) return [mine];
  progress("the peer is installed");
  const other = await nodePeer(folder);
  if ("problem" in other) throw new Error(other.problem);
  return [mine, other];
}

function print(runs: RunResult[], { json, peer, calls }: BenchOptions): void {
  const comparisons = peer ? [...new Set(calls)].map((count) => compare(runs, count)) : [];
  const furtherKib = kibPerFurtherCall(runs);
  if (json) {
    const ok = runs.every((result) => result.server === "peer" || faultsOf(result).length === 0);
    console.log(JSON.stringify({ ok, schema: 1, runs, comparisons, kibPerFurtherCall: furtherKib }));
    return;
  }
  console.log(table(runs));
  console.log(`\n${chart("CPU per call-second, ms", runs, (result) => result.cpuMsPerCallSecond)}`);
  console.log(`\n${chart("uplink added, p99 ms", runs, (result) => result.uplinkMs.p99)}`);
  if (furtherKib !== null) console.log(`\nmemory per further call: ${furtherKib.toFixed(0)} KiB`);
  for (const comparison of comparisons) console.log(`\n${comparisonLine(comparison)}`);
}

/** A line that is written over on a terminal; nothing elsewhere, where only results are wanted. */
function progress(what: string): void {
  if (!Deno.stderr.isTerminal()) return;
  Deno.stderr.writeSync(new TextEncoder().encode(`\r\x1b[K${what}`));
}

Deno.exit(await main(Deno.args));
