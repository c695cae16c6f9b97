/** Processes we start: pinned to a core where that can be done, spoken to by lines of JSON, ended by their own id and no other. */

const STOP_MS = 4000;
const KEPT_LINES = 20;

export interface ChildPlan {
  name: string;
  command: string[];
  /** The one core it may run on. */
  core?: number | undefined;
  cwd?: string;
  env?: Record<string, string>;
  /** The child gets no variables of ours but PATH, HOME and those of Deno's cache. */
  bare?: boolean;
  /** What a line on its stdout means, for programs that do not speak as ours do. */
  understand?: (line: string) => Message | undefined;
}

export type Message = { kind: string } & Record<string, unknown>;

/** Those that run. */
const alive = new Set<Child>();
let isOver = false;

/** End all that still run, each by its own id, and start no more: for when we are told to end ourselves. */
export async function endChildren(): Promise<void> {
  isOver = true;
  await Promise.all([...alive].map((child) => child[Symbol.asyncDispose]()));
}

export class Child implements AsyncDisposable {
  readonly name: string;
  readonly pid: number;
  readonly #process: Deno.ChildProcess;
  readonly #input: WritableStreamDefaultWriter<Uint8Array<ArrayBuffer>>;
  readonly #messages: Message[] = [];
  readonly #last: string[] = [];
  #wake = () => {};
  #exited = false;
  readonly #drained: Promise<unknown>;
  readonly #understand: (line: string) => Message | undefined;

  constructor({ name, command, core, cwd, env = {}, bare = false, understand = ours }: ChildPlan) {
    if (isOver) throw new Error("We were told to end.");
    const [program, ...args] = core === undefined ? command : ["taskset", "-c", String(core), ...command];
    this.name = name;
    this.#understand = understand;
    this.#process = new Deno.Command(program!, {
      args,
      env: { ...(bare ? inherited() : {}), ...env },
      clearEnv: bare,
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
      ...(cwd ? { cwd } : {}),
    }).spawn();
    this.pid = this.#process.pid;
    alive.add(this);
    this.#input = this.#process.stdin.getWriter();
    this.#drained = Promise.all([
      this.#read(this.#process.stdout, (line) => this.#message(line)),
      this.#read(this.#process.stderr, (line) => this.#remember(line)),
      this.#process.status.then(() => {
        this.#exited = true;
        alive.delete(this);
        this.#wake();
      }),
    ]).catch(() => {});
  }

  /** Settles when it has ended. */
  get ended(): Promise<unknown> {
    return this.#process.status;
  }

  get exited(): boolean {
    return this.#exited;
  }

  /** What it printed last, for when something went wrong. */
  get lastLines(): string {
    return this.#last.join("\n");
  }

  /** The next message of this kind. @throws {Error} if it does not come in time, or the child ends. */
  async next(kind: string, withinMs: number): Promise<Message> {
    const untilMs = performance.now() + withinMs;
    for (;;) {
      const at = this.#messages.findIndex((message) => message.kind === kind);
      if (at >= 0) return this.#messages.splice(at, 1)[0]!;
      const leftMs = untilMs - performance.now();
      if (this.#exited || leftMs <= 0) {
        const how = this.#exited ? "ended" : `did not say "${kind}" within ${withinMs / 1000} s`;
        throw new Error(`The ${this.name} ${how}.\n${this.lastLines}`);
      }
      await this.#change(leftMs);
    }
  }

  send(message: object): void {
    this.#input.write(new TextEncoder().encode(JSON.stringify(message) + "\n")).catch(() => {});
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const signal of ["SIGTERM", "SIGTERM", "SIGKILL"] as const) {
      if (this.#exited) break;
      this.#process.kill(signal);
      await Promise.race([this.#process.status, this.#change(STOP_MS)]);
    }
    await this.#input.abort().catch(() => {});
    await this.#drained;
  }

  #change(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  #message(line: string): void {
    const message = this.#understand(line);
    if (!message) return this.#remember(line);
    this.#messages.push(message);
    this.#wake();
  }

  #remember(line: string): void {
    if (this.#last.push(line) > KEPT_LINES) this.#last.shift();
  }

  async #read(stream: ReadableStream<Uint8Array<ArrayBuffer>>, take: (line: string) => void): Promise<void> {
    let rest = "";
    for await (const text of stream.pipeThrough(new TextDecoderStream())) {
      const lines = (rest + text).split("\n");
      rest = lines.pop()!;
      lines.forEach(take);
    }
    if (rest) take(rest);
  }
}

/** Our own children write one message a line. */
function ours(line: string): Message | undefined {
  return line.startsWith('{"kind"') ? JSON.parse(line) as Message : undefined;
}

function inherited(): Record<string, string> {
  const names = ["PATH", "HOME", "TMPDIR", "DENO_DIR", "NPM_CONFIG_REGISTRY", "npm_config_registry"];
  return Object.fromEntries(names.flatMap((name) => {
    const value = Deno.env.get(name);
    return value === undefined ? [] : [[name, value]];
  }));
}
