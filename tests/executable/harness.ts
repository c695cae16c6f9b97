/** Programs as a user starts them: a process of its own, an empty directory, nothing of our environment. */

import { sleep, systemClock } from "../../lib/base/clock.ts";

const HEALTHY_WITHIN_MS = 15_000;
const POLL_MS = 5;

export const ROOT = new URL("../../", import.meta.url).pathname;

export interface Program {
  command: string;
  /** What comes before the program's own arguments. */
  args: string[];
}

/** The built executable: `dist/offhook`. */
export const EXECUTABLE: Program = { command: `${ROOT}dist/offhook`, args: [] };

/** From the source tree, with the Deno that runs the tests. */
export function fromSource(...permissions: string[]): Program {
  return { command: Deno.execPath(), args: ["run", "--no-prompt", ...permissions, `${ROOT}main.ts`] };
}

export interface Started {
  cwd: string;
  env?: Record<string, string>;
}

export interface Finished {
  code: number;
  stdout: string;
  stderr: string;
}

function command({ command, args }: Program, more: string[], { cwd, env = {} }: Started): Deno.Command {
  const base = { PATH: "/usr/bin:/bin", HOME: Deno.env.get("HOME") ?? cwd, NO_COLOR: "1" };
  const cache = Deno.env.get("DENO_DIR");
  return new Deno.Command(command, {
    args: [...args, ...more],
    cwd,
    clearEnv: true,
    env: { ...base, ...(cache ? { DENO_DIR: cache } : {}), ...env },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  });
}

/** Run to the end, or for `limitMs` and be killed. */
export async function run(
  program: Program,
  args: string[],
  { limitMs = 40_000, ...started }: Started & { limitMs?: number },
): Promise<Finished> {
  const child = command(program, args, started).spawn();
  using _limit = systemClock.after(limitMs, () => child.kill("SIGKILL"));
  const { code, stdout, stderr } = await child.output();
  return { code, stdout: new TextDecoder().decode(stdout), stderr: new TextDecoder().decode(stderr) };
}

export interface RunningServer extends AsyncDisposable {
  url: string;
  pid: number;
  /** From the start to the first answer of `/health`. */
  coldStartMs: number;
  /** Ask it to stop. @returns how it ended. */
  stop(signal: "SIGTERM" | "SIGINT" | "SIGHUP"): Promise<Finished & { afterMs: number }>;
}

/** Start `serve` and wait until it is healthy. Disposing kills it if it still runs. */
export async function startServer(program: Program, { env, ...started }: Started): Promise<RunningServer> {
  const port = freePort();
  const child = command(program, ["serve"], { ...started, env: { ...env, PORT: String(port) } }).spawn();
  const startedMs = performance.now();
  const url = `http://127.0.0.1:${port}`;
  const output = child.output();
  let running = true;
  const ended = output.then(({ code, stdout, stderr }): Finished => {
    running = false;
    return { code, stdout: new TextDecoder().decode(stdout), stderr: new TextDecoder().decode(stderr) };
  });
  const server: RunningServer = {
    url,
    pid: child.pid,
    coldStartMs: 0,
    async stop(signal) {
      const stopMs = performance.now();
      child.kill(signal);
      using _limit = systemClock.after(15_000, () => running && child.kill("SIGKILL"));
      return { ...await ended, afterMs: performance.now() - stopMs };
    },
    async [Symbol.asyncDispose]() {
      if (running) child.kill("SIGKILL");
      await ended;
    },
  };
  while (!await isHealthy(url)) {
    if (!running || performance.now() - startedMs > HEALTHY_WITHIN_MS) {
      await server[Symbol.asyncDispose]();
      throw new Error(`The server did not become healthy:\n${(await ended).stderr}`);
    }
    await sleep(systemClock, POLL_MS);
  }
  server.coldStartMs = performance.now() - startedMs;
  return server;
}

async function isHealthy(url: string): Promise<boolean> {
  try {
    const response = await fetch(`${url}/health`);
    await response.body?.cancel();
    return response.ok;
  } catch {
    return false;
  }
}

function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

/** A directory that is gone afterwards. */
export function emptyDirectory(): Disposable & { path: string } {
  const path = Deno.makeTempDirSync({ prefix: "offhook-" });
  return { path, [Symbol.dispose]: () => Deno.removeSync(path, { recursive: true }) };
}
