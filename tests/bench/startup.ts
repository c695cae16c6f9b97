/**
 * How soon an executable answers, and what it holds: `deno run -A tests/bench/startup.ts [EXECUTABLE] [STARTS] [--json] [--core N]`.
 * Live: account and host are set, and Deepgram's voice for the lines without a recording is a stand-in in this process, as
 * without it the local voice would be loaded. Linux only, for /proc. The floor beside it: a server of one line, built on the
 * same base.
 */

import { parseArgs } from "node:util";
import { systemClock } from "../../lib/base/clock.ts";
import { emptyDirectory, EXECUTABLE, ROOT } from "../executable/harness.ts";

const POLL_MS = 1;
/** V8 gives back what the start needed 8 s after it. */
const IDLE_MS = 10_000;
const DEADLINE_MS = 15_000;
const ANSWER_MS = 2000;
const MEBIBYTE_IN_KIBIBYTES = 1024;

const LIVE = {
  DEEPGRAM_API_KEY: "a-key-that-nobody-checks",
  TWILIO_ACCOUNT_SID: `AC${"0".repeat(32)}`,
  TWILIO_AUTH_TOKEN: "0".repeat(32),
  PUBLIC_HOST: "phone.example.com",
  LOG_LEVEL: "warning",
};

interface Start {
  /** From the start of the process to the first 200. */
  healthMs: number;
  /** What the processor worked for it until then, all threads, ms: steadier than the time on a shared machine. */
  cpuMs: number;
  /** After `IDLE_MS`, MiB. */
  resident: number;
  anonymous: number;
  file: number;
}

/** One start in `cwd`, on `core` if one is named, measured from outside. */
async function measure(
  program: string,
  { cwd, speakUrl, core }: { cwd: string; speakUrl: string; core: string | undefined },
): Promise<Start> {
  const port = freePort();
  const env = { ...LIVE, PORT: String(port), DEEPGRAM_SPEAK_URL: speakUrl, PATH: "/usr/bin:/bin", HOME: cwd };
  const [command, args] = core === undefined ? [program, []] : ["taskset", ["-c", core, program]];
  const startedMs = performance.now();
  const child = new Deno.Command(command, {
    args,
    cwd,
    clearEnv: true,
    env,
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).spawn();
  try {
    while (!await answers(port)) {
      if (performance.now() - startedMs > DEADLINE_MS) throw new Error(`${program} does not answer`);
      await pause(POLL_MS);
    }
    const healthMs = performance.now() - startedMs;
    const cpuMs = cpuOf(child.pid);
    await pause(IDLE_MS);
    const status = Deno.readTextFileSync(`/proc/${child.pid}/status`);
    return {
      healthMs,
      cpuMs,
      resident: mebibytes(status, "VmRSS"),
      anonymous: mebibytes(status, "RssAnon"),
      file: mebibytes(status, "RssFile"),
    };
  } finally {
    child.kill("SIGKILL");
    await child.status;
  }
}

const ASK = new TextEncoder().encode("GET /health HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");

/** Whether `/health` answers 200, over a plain socket: `fetch` would measure itself. */
async function answers(port: number): Promise<boolean> {
  try {
    using socket = await Deno.connect({ hostname: "127.0.0.1", port });
    using _limit = systemClock.after(ANSWER_MS, () => socket.close());
    await socket.write(ASK);
    const buffer = new Uint8Array(64);
    const length = await socket.read(buffer) ?? 0;
    return new TextDecoder().decode(buffer.subarray(0, length)).startsWith("HTTP/1.1 200");
  } catch {
    return false;
  }
}

/** CPU time of all threads, ms. */
function cpuOf(pid: number): number {
  const threads = [...Deno.readDirSync(`/proc/${pid}/task`)];
  const ns = threads.map(({ name }) =>
    Number(Deno.readTextFileSync(`/proc/${pid}/task/${name}/schedstat`).split(" ")[0])
  );
  return ns.reduce((sum, each) => sum + each, 0) / 1e6;
}

function mebibytes(status: string, name: string): number {
  return Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, "m").exec(status)?.[1] ?? NaN) / MEBIBYTE_IN_KIBIBYTES;
}

const pause = (ms: number) => new Promise<void>((done) => setTimeout(done, ms));

function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

function median(values: number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!;
}

function line(name: string, starts: Start[]): string {
  const of = (key: keyof Start) => median(starts.map((start) => start[key])).toFixed(0).padStart(4);
  const least = Math.min(...starts.map(({ healthMs }) => healthMs)).toFixed(0);
  return `${name.padEnd(10)} first 200 after ${of("healthMs")} ms (least ${least}), ${of("cpuMs")} ms of CPU; idle ${
    of("resident")
  } MiB = ` +
    `${of("anonymous")} of its own + ${of("file")} of files`;
}

/** The least that a server costs: one line on the base that the executable stands on. @returns undefined if it cannot be built here. */
async function buildFloor(folder: string): Promise<string | undefined> {
  const source = `${folder}/floor.ts`;
  Deno.writeTextFileSync(source, `Deno.serve({ port: Number(Deno.env.get("PORT")) }, () => new Response("ok"));\n`);
  const args = [
    "compile",
    "--no-check",
    "--quiet",
    "--allow-net",
    "--allow-env",
    "--output",
    `${folder}/floor`,
    source,
  ];
  const { success } = await new Deno.Command(Deno.execPath(), { args, cwd: folder, stderr: "null" }).output();
  return success ? `${folder}/floor` : undefined;
}

const { values: { json, core }, positionals } = parseArgs({
  args: Deno.args,
  allowPositionals: true,
  options: { json: { type: "boolean" }, core: { type: "string" } },
});
const [executable = EXECUTABLE.command, count = "7"] = positionals;
using folder = emptyDirectory();
Deno.writeTextFileSync(`${folder.path}/config.json`, JSON.stringify({ prompt: "You are brief." }));
const program = Deno.realPathSync(executable);
const floor = json ? undefined : await buildFloor(folder.path);
const contenders = { ...(floor ? { floor } : {}), [program.replace(ROOT, "")]: program };
const starts: Record<string, Start[]> = {};
const halfASecond = new Uint8Array(4000).fill(0xff);
await using voice = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen() {} }, () => new Response(halfASecond));
const speakUrl = `ws://127.0.0.1:${voice.addr.port}/v1/speak`;
for (let i = 0; i <= Number(count); i++) {
  for (const [name, contender] of Object.entries(contenders)) {
    const start = await measure(contender, { cwd: folder.path, speakUrl, core });
    if (i > 0) (starts[name] ??= []).push(start); // the first one fills the caches
  }
}
if (json) {
  const [all = []] = Object.values(starts);
  const startMs = median(all.map(({ healthMs }) => healthMs));
  const idleRssKib = median(all.map(({ resident }) => resident)) * MEBIBYTE_IN_KIBIBYTES;
  console.log(JSON.stringify({ startMs, idleRssKib }));
} else {
  for (const [name, all] of Object.entries(starts)) console.log(line(name, all));
  if (!floor) console.log("The floor cannot be built here: use the Deno, and DENORT_BIN, that built the executable.");
}
