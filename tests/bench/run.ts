/** One run: a server, the agent, N phones; a warm-up, a measured window, and the end. */

import type { AgentPlan } from "./agent.ts";
import { MANNER } from "./agent_script.ts";
import { Child } from "./child.ts";
import { cpuMs, machineCpuMs, mainThreadCpuMs, residentKib } from "./machine.ts";
import { machineMs } from "./machine_clock.ts";
import type { PhonesPlan } from "./phones.ts";
import { type Contender, freePort } from "./servers.ts";
import type { AgentResult, PhonesResult } from "./talk.ts";
import { judge, type Verdict } from "./verdict.ts";

export interface RunPlan {
  contender: Contender | { running: string; pid: number | undefined; agentPort: number };
  calls: number;
  seconds: number;
  cores: { server: number; rest: number } | undefined;
  folder: string;
  tls: { authority: string; cert: string; key: string } | undefined;
  progress: (what: string) => void;
}

export interface RunResult extends Verdict {
  server: string;
  calls: number;
  seconds: number;
  /** From the start of the process to its first `/health` 200, ms; null if it ran already. */
  startMs: number | null;
  /** The server's CPU (own code and kernel) per second of one call, ms. */
  cpuMsPerCallSecond: number | null;
  /** The part of it that its main thread used. */
  mainThreadMsPerCallSecond: number | null;
  idleKib: number | null;
  residentKib: number | null;
  /** Cores that others than this bench used meanwhile, on average: with more than a little, times mean nothing. */
  othersCores: number | null;
}

const WARM_UP_MS = 4000;
const CALLS_PER_SECOND = 50;
const START_DEADLINE_MS = 20_000;
const RESULT_DEADLINE_MS = 15_000;
/** After the last reply began, this much is left to be played. */
const DRAIN_MS = MANNER.replyMs + 1500;

export async function run(plan: RunPlan): Promise<RunResult> {
  const { contender, calls, seconds, cores, progress } = plan;
  await using owned = new AsyncDisposableStack();
  const agent = owned.use(startAgent(plan));
  const { port, clockPort } = await agent.next("ready", START_DEADLINE_MS);
  const server = await startServer(plan, Number(port), owned);
  const idle = server.pid === undefined ? undefined : residentKib(server.pid);

  progress(`${calls} calls ring`);
  const phonesPlan: PhonesPlan = {
    url: server.streamUrl,
    phones: calls,
    clockPort: Number(clockPort),
    perSecond: CALLS_PER_SECOND,
  };
  const phones = owned.use(
    new Child({ name: "phones", command: deno("phones.ts", phonesPlan), core: cores?.rest }),
  );
  const { dropped } = await phones.next("up", START_DEADLINE_MS + calls * 1000 / CALLS_PER_SECOND);
  refuseIfNobodyGotIn(dropped as PhonesResult["dropped"], calls);
  await wait(WARM_UP_MS);

  const window = { kind: "measure", fromMs: machineMs() + 50, untilMs: machineMs() + 50 + seconds * 1000 };
  for (const child of [agent, phones]) child.send(window);
  const ids = [server.pid, agent.pid, phones.pid, Deno.pid];
  const usage = () => ({
    server: server.pid === undefined ? undefined : cpuMs(server.pid),
    main: server.pid === undefined ? undefined : mainThreadCpuMs(server.pid),
    all: allCpu(ids),
  });
  const before = usage();
  for (let left = seconds; left > 0; left--) {
    progress(`${calls} calls, ${left} s left`);
    await wait(window.untilMs - left * 1000 + 1000 - machineMs());
    if (server.child?.exited) throw new Error(`The server ended.\n${server.child.lastLines}`);
  }
  const after = usage();
  const resident = server.pid === undefined ? undefined : residentKib(server.pid);

  progress("the last replies are played");
  agent.send({ kind: "finish" });
  await wait(DRAIN_MS);
  phones.send({ kind: "stop" });
  const heard = await phones.next("result", RESULT_DEADLINE_MS);
  agent.send({ kind: "stop" });
  const said = await agent.next("result", RESULT_DEADLINE_MS);
  // Our own children wrote both.
  const verdict = judge(heard as unknown as PhonesResult, said as unknown as AgentResult);
  return {
    server: "name" in contender ? contender.name : contender.running,
    calls,
    seconds,
    startMs: server.startMs,
    cpuMsPerCallSecond: perCallSecond(before.server, after.server, calls * seconds),
    mainThreadMsPerCallSecond: perCallSecond(before.main, after.main, calls * seconds),
    idleKib: idle ?? null,
    residentKib: resident ?? null,
    othersCores: othersCores(before.all, after.all, seconds),
    ...verdict,
  };
}

function startAgent({ contender, cores, tls }: RunPlan): Child {
  const agentPlan: AgentPlan = {
    port: "agentPort" in contender ? contender.agentPort : 0,
    manner: MANNER,
    ...(tls ? { tls: { cert: tls.cert, key: tls.key } } : {}),
  };
  return new Child({ name: "agent", command: deno("agent.ts", agentPlan), core: cores?.rest });
}

interface Started {
  child: Child | undefined;
  pid: number | undefined;
  streamUrl: string;
  startMs: number | null;
}

async function startServer(
  { contender, cores, folder, tls, progress }: RunPlan,
  agentPort: number,
  owned: AsyncDisposableStack,
): Promise<Started> {
  if ("running" in contender) {
    const streamUrl = new URL("/media-stream", contender.running.replace(/^http/, "ws")).href;
    return { child: undefined, pid: contender.pid, streamUrl, startMs: null };
  }
  const port = freePort();
  progress(`${contender.name} starts`);
  const startedMs = performance.now();
  const child = owned.use(contender.start({
    port,
    agentUrl: `${tls ? "wss" : "ws"}://127.0.0.1:${agentPort}/v1/agent/converse`,
    core: cores?.server,
    folder,
    ...(tls ? { authority: tls.authority } : {}),
  }));
  await untilHealthy(child, port);
  const startMs = performance.now() - startedMs;
  await untilQuiet(child.pid);
  return { child, pid: child.pid, streamUrl: `ws://127.0.0.1:${port}/media-stream`, startMs };
}

async function untilHealthy(child: Child, port: number): Promise<void> {
  const untilMs = performance.now() + START_DEADLINE_MS;
  while (performance.now() < untilMs && !child.exited) {
    try {
      const response = await fetch(`http://127.0.0.1:${port}/health`, { signal: AbortSignal.timeout(1000) });
      await response.body?.cancel();
      if (response.ok) return;
    } catch {
      // Not listening yet.
    }
    await wait(10);
  }
  throw new Error(`The ${child.name} did not answer /health.\n${child.lastLines}`);
}

/** What a server does in the background after its start is not what a call costs. */
async function untilQuiet(pid: number): Promise<void> {
  for (let round = 0; round < 20; round++) {
    const before = cpuMs(pid);
    await wait(1000);
    if (before === undefined || cpuMs(pid)! - before <= 30) return;
  }
}

function refuseIfNobodyGotIn(dropped: PhonesResult["dropped"], calls: number): void {
  if (dropped.length < calls) return;
  throw new Error(`The server takes no calls: ${dropped[0]?.why}`);
}

/** CPU of the whole machine and of these processes, ms. */
function allCpu(pids: (number | undefined)[]): { machine: number; ours: number } | undefined {
  const machine = machineCpuMs();
  if (machine === undefined) return undefined;
  return { machine, ours: pids.reduce<number>((sum, pid) => sum + (pid === undefined ? 0 : cpuMs(pid) ?? 0), 0) };
}

function othersCores(before: ReturnType<typeof allCpu>, after: ReturnType<typeof allCpu>, seconds: number) {
  if (!before || !after) return null;
  return Math.max(0, (after.machine - before.machine - (after.ours - before.ours)) / (seconds * 1000));
}

function perCallSecond(before: number | undefined, after: number | undefined, callSeconds: number): number | null {
  return before === undefined || after === undefined ? null : (after - before) / callSeconds;
}

function deno(file: string, plan: object): string[] {
  const path = new URL(file, import.meta.url).pathname;
  return [Deno.execPath(), "run", "--allow-net", "--allow-read", path, JSON.stringify(plan)];
}

function wait(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, Math.max(0, ms)));
}
