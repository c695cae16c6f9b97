/** The program itself, serving in rehearsal on a free port of loopback. */

const ROOT = new URL("../../", import.meta.url);
const START_TIMEOUT_MS = 30_000;
const STOP_TIMEOUT_MS = 10_000;

export interface Server extends AsyncDisposable {
  /** `http://127.0.0.1:PORT`. */
  origin: string;
  /** What it printed. */
  output: () => string;
  /** As Ctrl-C does. */
  stop(): Promise<void>;
}

/** Start it in an empty directory, so that it runs on what comes with it. */
export async function startServer(env: Record<string, string> = {}): Promise<Server> {
  const directory = await Deno.makeTempDir({ prefix: "offhook-server-" });
  const { PATH = "", HOME = "", DENO_DIR } = Deno.env.toObject();
  const main = new URL("main.ts", ROOT).pathname;
  const process = new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "-A",
      "--config",
      new URL("deno.json", ROOT).pathname,
      main,
      "serve",
      "--rehearse",
      "--port",
      "0",
      "--drain",
      "0",
    ],
    cwd: directory,
    clearEnv: true,
    env: { PATH, HOME, ...(DENO_DIR ? { DENO_DIR } : {}), ...env },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  let said = "";
  const { promise: port, resolve, reject } = Promise.withResolvers<string>();
  const read = (stream: ReadableStream<Uint8Array>) =>
    stream.pipeThrough(new TextDecoderStream()).pipeTo(
      new WritableStream({
        write(text) {
          said += text;
          const found = /http:\/\/localhost:(\d+)/.exec(said)?.[1];
          if (found) resolve(found);
        },
      }),
    );
  const drained = Promise.all([read(process.stdout), read(process.stderr)]);
  const timeout = setTimeout(() => reject(new Error(`The server does not start: ${said}`)), START_TIMEOUT_MS);
  process.status.then(() => reject(new Error(`The server ended: ${said}`)));
  let stopped: Promise<void> | undefined;
  const stop = () => stopped ??= end();
  async function end() {
    const kill = (signal: Deno.Signal) => {
      try {
        process.kill(signal);
      } catch {
        // it has ended already
      }
    };
    kill("SIGINT");
    const impatient = setTimeout(() => kill("SIGKILL"), STOP_TIMEOUT_MS);
    await process.status;
    clearTimeout(impatient);
    await drained;
    await Deno.remove(directory, { recursive: true });
  }
  try {
    return {
      origin: `http://127.0.0.1:${await port}`,
      output: () => said,
      stop,
      [Symbol.asyncDispose]: stop,
    };
  } catch (error) {
    await stop();
    throw error;
  } finally {
    clearTimeout(timeout);
  }
}
