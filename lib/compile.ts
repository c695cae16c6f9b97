/**
 * Builds the executable: `deno run --allow-all lib/compile.ts [--target TRIPLE] [--output FILE]`, as the tasks `compile` and
 * `compile:arm` do. An executable reads all that is in it before anything else and holds it as long as it runs, so it gets the
 * program as a bundle, without what packages bring along unused, and the local voice packed.
 */

import { parseArgs } from "node:util";
import { PACKED_FLITE, packFlite } from "./audio/flite_package.ts";
import { ENVIRONMENT_NAMES, READ_FOLDERS, WRITE_FOLDERS } from "./permissions.ts";

/** Where the bundle goes: as deep as `base/own.ts`, which tells from its own place where the program is. */
const BUNDLE = "dist/app";
/** Parts that are read as files. The workers are programs of their own. */
const INCLUDED = [
  "config.json",
  "deno.json",
  "assets",
  "lib/audio/voice_worker.ts",
  "lib/store/checkpoint_worker.ts",
  PACKED_FLITE,
];
const LEFT_OUT = "assets/audio/source";

/** What the executable may do, and how V8 collects (lib/README.md, "The garbage collector"). */
export const FLAGS = [
  "--no-prompt",
  "--v8-flags=--no-concurrent-marking,--max-semi-space-size=4,--initial-old-space-size=64",
  "--allow-net",
  `--allow-env=${ENVIRONMENT_NAMES}`,
  `--allow-read=${READ_FOLDERS}`,
  `--allow-write=${WRITE_FOLDERS}`,
];

async function build({ target, output }: { target?: string | undefined; output: string }): Promise<void> {
  await Deno.remove(BUNDLE, { recursive: true }).catch(() => {}); // there may be none
  await deno("bundle", "--quiet", "--platform=deno", "--code-splitting", `--outdir=${BUNDLE}`, "main.ts");
  for await (const { name } of Deno.readDir(BUNDLE)) {
    const path = `${BUNDLE}/${name}`;
    await Deno.writeTextFile(path, inAscii(await Deno.readTextFile(path)));
  }
  await Deno.writeFile(PACKED_FLITE, await packFlite());
  await deno(
    "compile",
    "--no-check",
    ...FLAGS,
    ...(target === undefined ? [] : [`--target=${target}`]),
    ...INCLUDED.map((path) => `--include=${path}`),
    `--exclude=${LEFT_OUT}`,
    `--output=${output}`,
    `${BUNDLE}/main.js`,
  );
}

/**
 * The same program in ASCII: for one other character V8 holds a file with two bytes for each. In a string, an expression, a
 * comment or a name an escape is what it stands for; only `String.raw` would tell the difference.
 */
export function inAscii(source: string): string {
  return source.replace(
    /\\?([\u0080-\uffff])|\\[^]/g,
    (all, unit: string | undefined) => unit ? `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}` : all,
  );
}

/** Run this same Deno. What it has to say it says itself; where it fails, so do we. */
async function deno(...args: string[]): Promise<void> {
  const { code } = await new Deno.Command(Deno.execPath(), { args, stdin: "null" }).spawn().status;
  if (code !== 0) Deno.exit(code);
}

if (import.meta.main) {
  const { values } = parseArgs({ options: { target: { type: "string" }, output: { type: "string" } } });
  await build({ target: values.target, output: values.output ?? "dist/offhook" });
}
