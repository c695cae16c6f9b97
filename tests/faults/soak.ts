/**
 * `deno task soak [MINUTES] [CALLS]`: a rehearsing server in a process of its own, real sockets, so many
 * calls at once with churn. Prints memory per 1,000 calls, open handles and missed records; exit 1 if a record is missed.
 */

import { toneVoice } from "../../lib/audio/voice.ts";
import { sleep, systemClock } from "../../lib/base/clock.ts";
import { vendorDial } from "../../lib/providers/socket.ts";
import { placeCall } from "../../lib/softphone/phone.ts";
import type { Step } from "../../lib/softphone/steps.ts";
import { seeded } from "../case.ts";

const [minutes = 30, atOnce = 50] = Deno.args.map(Number);
const PORT = 5990;
const TOKEN = "soak-token-of-this-run-only";
const folder = await Deno.makeTempDir({ prefix: "soak" });
const server = new Deno.Command(Deno.execPath(), {
  args: ["run", "--allow-all", "--no-check", new URL("../../main.ts", import.meta.url).pathname, "serve"],
  cwd: folder,
  env: {
    PORT: String(PORT),
    BIND: "127.0.0.1",
    DATA_DIR: `${folder}/data`,
    ADMIN_TOKEN: TOKEN,
    MAX_CALLS: "200",
    LOG_LEVEL: "error",
  },
  stdout: "null",
  stderr: "inherit",
}).spawn();

interface Sample {
  calls: number;
  rssMb: number;
  handles: number;
}

const samples: Sample[] = [];
const random = seeded(7);
const voice = toneVoice();
const stopping = new AbortController();
let calls = 0;
let broken = 0;
let hungUpEarly = 0;
const offences = new Map<string, number>();
const ids = new Set<string>();

try {
  await ready();
  const startMs = performance.now();
  const workers = Array.from({ length: atOnce }, (_, n) => work(n));
  while (performance.now() - startMs < minutes * 60_000) {
    await sleep(systemClock, 10_000);
    samples.push(sample());
    const { rssMb, handles } = samples.at(-1)!;
    console.log(
      `${Math.round((performance.now() - startMs) / 1000)} s: ${calls} calls, ${
        rssMb.toFixed(1)
      } MB, ${handles} handles`,
    );
  }
  stopping.abort();
  await Promise.all(workers);
  await sleep(systemClock, 20_000);
  const rest = sample();
  const listed = await recorded();
  const missing = [...ids].filter((id) => !listed.has(id)).length;
  const warm = samples.slice(Math.floor(samples.length / 3)); // what is loaded once is loaded by then
  console.log(`calls ${calls} (${hungUpEarly} hung up in the middle), ${broken} broken, records missed ${missing}`);
  console.log(
    `RSS slope ${slopePer1000(warm).toFixed(2)} MB per 1,000 calls, ${samples[0]!.rssMb.toFixed(1)} -> ${
      samples.at(-1)!.rssMb.toFixed(1)
    } MB, at rest ${rest.rssMb.toFixed(1)} MB`,
  );
  console.log(
    `handles ${Math.min(...warm.map((s) => s.handles))} to ${
      Math.max(...warm.map((s) => s.handles))
    }, at rest ${rest.handles}`,
  );
  console.log(`offences ${JSON.stringify(Object.fromEntries(offences))}`);
  if (missing + broken > 0) Deno.exitCode = 1;
} finally {
  stopping.abort();
  server.kill("SIGTERM");
  await server.status;
  await voice[Symbol.asyncDispose]();
  await Deno.remove(folder, { recursive: true });
}

async function work(n: number): Promise<void> {
  await sleep(systemClock, n * 200);
  while (!stopping.signal.aborted) await oneCall();
}

async function oneCall(): Promise<void> {
  const early = random() < 0.2;
  const steps: Step[] = early
    ? [{ kind: "wait", ms: Math.floor(random() * 3000) }]
    : [{ kind: "say", text: "good morning to you" }, { kind: "say", text: "thank you very much" }];
  try {
    const report = await placeCall({
      url: `http://127.0.0.1:${PORT}/incoming-call`,
      from: `+1555${Math.floor(random() * 1e7).toString().padStart(7, "0")}`,
      steps,
      clock: systemClock,
      dial: vendorDial({ clock: systemClock, kind: "ws" }),
      fetch,
      voice,
      random,
      openDelayMs: 50,
      ...(early ? { hangUpWay: "stop-and-close" } : {}),
      limitMs: 60_000,
    });
    calls++;
    if (early) hungUpEarly++;
    ids.add(report.callSid);
    for (const { code } of report.offences) offences.set(code, (offences.get(code) ?? 0) + 1);
  } catch (error) {
    broken++;
    console.log(`broken: ${error}`);
    await sleep(systemClock, 1000);
  }
}

async function ready(): Promise<void> {
  for (let tries = 0; tries < 100; tries++) {
    const answer = await fetch(`http://127.0.0.1:${PORT}/health`).catch(() => undefined);
    await answer?.body?.cancel();
    if (answer?.ok) return;
    await sleep(systemClock, 200);
  }
  throw new Error("the server did not come up");
}

function sample(): Sample {
  const status = Deno.readTextFileSync(`/proc/${server.pid}/status`);
  const rssMb = Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1] ?? 0) / 1024;
  return { calls, rssMb, handles: [...Deno.readDirSync(`/proc/${server.pid}/fd`)].length };
}

/** The CallSids that have a record. */
async function recorded(): Promise<Set<string>> {
  const answer = await fetch(`http://127.0.0.1:${PORT}/calls?limit=100000`, {
    headers: { authorization: `Bearer ${TOKEN}` },
  });
  return new Set((await answer.text()).match(/CA[0-9a-f]{32}/g) ?? []);
}

/** By least squares. */
function slopePer1000(points: readonly Sample[]): number {
  const mean = (of: (s: Sample) => number) => points.reduce((sum, s) => sum + of(s), 0) / points.length;
  const [x, y] = [mean((s) => s.calls), mean((s) => s.rssMb)];
  const across = points.reduce((sum, s) => sum + (s.calls - x) ** 2, 0);
  return 1000 * points.reduce((sum, s) => sum + (s.calls - x) * (s.rssMb - y), 0) / across;
}
