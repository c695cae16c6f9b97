/** One run: a server, the agent, N phones; a warm-up, a measured window, and the end. */

import type { AgentPlan } from "./agent.ts";
import { MANNER } from "./agent_script.ts";
import { Child } from "./child.ts";
import { residentKib } from "./machine.ts";
import { machineMs } from "./machine_clock.ts";
import type { PhonesPlan } from "./phones.ts";
import type { Cores } from "./options.ts";
import type { Contender } from "./servers.ts";
import { spent, startServer, usage, wait } from "./started.ts";
import type { AgentResult, PhonesResult } from "./talk.ts";
import { judge, type Verdict } from "./verdict.ts";

export interface RunPlan {
  contender: Contender | { running: string; pid: number | undefined; agentPort: number };
  calls: number;
  /** How long they are up before it is measured, and how long that takes, s. */
  warm?: number;
  seconds: number;
  cores: Cores | undefined;
  folder: string;
  tls: { authority: string; cert: string; key: string } | undefined;
  progress: (what: string) => void;
  /** Who the server talks to: the Voice Agent (as if not said), or recogniser, model and voice. */
  vendors?: "agent" | "pipeline";
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

const WARM_UP_S = 4;
/** A recogniser hears words where there is sound: towards one, callers speak so long and are silent till the next period. */
const SENTENCE_MS = 700;
const CALLS_PER_SECOND = 50;
const START_DEADLINE_MS = 20_000;
const RESULT_DEADLINE_MS = 15_000;
/** After the last reply began, this much is left to be played, with an interruption and its answer. */
const DRAIN_MS = MANNER.replyMs + 4000;

export async function run(plan: RunPlan): Promise<RunResult> {
  const { contender, calls, seconds, cores, progress } = plan;
  await using owned = new AsyncDisposableStack();
  const agent = owned.use(startAgent(plan));
  const { port, clockPort } = await agent.next("ready", START_DEADLINE_MS);
  const server = await reach(plan, Number(port), owned);
  const idle = server.pid === undefined ? undefined : residentKib(server.pid);

  progress(`${calls} calls ring`);
  const phonesPlan: PhonesPlan = {
    url: server.streamUrl,
    phones: calls,
    clockPort: Number(clockPort),
    perSecond: CALLS_PER_SECOND,
    ...(plan.vendors === "pipeline" ? { talk: { speakMs: SENTENCE_MS, periodMs: MANNER.periodMs } } : {}),
  };
  const phones = owned.use(
    new Child({ name: "phones", command: deno("phones.ts", phonesPlan), core: cores?.rest }),
  );
  const { dropped } = await phones.next("up", START_DEADLINE_MS + calls * 1000 / CALLS_PER_SECOND);
  refuseIfNobodyGotIn(dropped as PhonesResult["dropped"], calls);
  await wait((plan.warm ?? WARM_UP_S) * 1000);

  const window = { kind: "measure", fromMs: machineMs() + 50, untilMs: machineMs() + 50 + seconds * 1000 };
  for (const child of [agent, phones]) child.send(window);
  const others = [agent.pid, phones.pid, Deno.pid];
  const before = usage(server.pid, others);
  for (let left = seconds; left > 0; left--) {
    progress(`${calls} calls, ${left} s left`);
    await wait(window.untilMs - left * 1000 + 1000 - machineMs());
    if (server.child?.exited) throw new Error(`The server ended.\n${server.child.lastLines}`);
  }
  const after = usage(server.pid, others);
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
    ...spent(before, after, { calls, seconds }),
    idleKib: idle ?? null,
    residentKib: resident ?? null,
    ...verdict,
  };
}

/** The server to call: one that runs, or a child. */
async function reach(plan: RunPlan, vendorPort: number, owned: AsyncDisposableStack) {
  const { contender, cores, folder, tls, progress } = plan;
  if ("running" in contender) {
    const streamUrl = new URL("/media-stream", contender.running.replace(/^http/, "ws")).href;
    return { child: undefined, pid: contender.pid, streamUrl, startMs: null };
  }
  const vendors = `${tls ? "wss" : "ws"}://127.0.0.1:${vendorPort}`;
  const authority = tls?.authority;
  const { child, port, startMs } = await startServer(
    { contender, vendors, cores, folder, authority, progress },
    owned,
  );
  return { child, pid: child.pid, streamUrl: `ws://127.0.0.1:${port}/media-stream`, startMs };
}

function startAgent({ contender, cores, tls, vendors = "agent" }: RunPlan): Child {
  const agentPlan: AgentPlan = {
    port: "agentPort" in contender ? contender.agentPort : 0,
    manner: MANNER,
    ...(tls ? { tls: { cert: tls.cert, key: tls.key } } : {}),
  };
  return new Child({
    name: "agent",
    command: deno(vendors === "agent" ? "agent.ts" : "vendors.ts", agentPlan),
    core: cores?.rest,
  });
}

function refuseIfNobodyGotIn(dropped: PhonesResult["dropped"], calls: number): void {
  if (dropped.length < calls) return;
  throw new Error(`The server takes no calls: ${dropped[0]?.why}`);
}

function deno(file: string, plan: object): string[] {
  const path = new URL(file, import.meta.url).pathname;
  return [Deno.execPath(), "run", "--allow-net", "--allow-read", path, JSON.stringify(plan)];
}
