/** The one way to write a test here: both leak sanitizers on, on every Deno (2.9 has them off by default). */

type Body = (t: Deno.TestContext) => void | Promise<void>;

/** A test named after the behaviour it shows. Leaked timers, sockets and files fail it. */
export function test(name: string, fn: Body): void {
  Deno.test({ name, fn, sanitizeOps: true, sanitizeResources: true });
}

/** Like `test`, but skipped with a plain message where `needs` is missing, for example a folder of shared recordings. */
export function testWith(needs: { present: boolean; missing: string }, name: string, fn: Body): void {
  if (needs.present) return test(name, fn);
  Deno.test({ name: `${name} (skipped: ${needs.missing})`, ignore: true, fn: () => {} });
}

/** The folder of shared recordings and data sets beside the checkout, if it is there (see README, "Tests"). */
export const SHARED = new URL("../../shared/", import.meta.url);

/** Whether `path` exists below the shared folder. */
export function shared(path: string): { present: boolean; missing: string; url: URL } {
  const url = new URL(path, SHARED);
  let present = true;
  try {
    Deno.statSync(url);
  } catch {
    present = false;
  }
  return { present, missing: `../shared/${path} is not here`, url };
}

/** A small seeded generator (mulberry32): uniform numbers in [0, 1), the same for the same seed everywhere. */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6D2B79F5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

/** How many of `all` seeds to run: a fifth in the everyday suite, all with `deno task seeds`. */
export function seedCount(all: number): number {
  return Deno.env.get("SEEDS") === "all" ? all : Math.ceil(all / 5);
}
