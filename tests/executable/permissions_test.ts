import assert from "node:assert/strict";
import { FLAGS } from "../../lib/compile.ts";
import { test } from "../case.ts";
import { emptyDirectory, ROOT, run } from "./harness.ts";

test("with its permissions no program can be run and nothing outside its folders be read or written", async () => {
  using place = emptyDirectory();
  const cwd = `${place.path}/home`;
  Deno.mkdirSync(cwd);
  Deno.writeTextFileSync(`${place.path}/outside`, "");
  Deno.writeTextFileSync(`${cwd}/here`, "");
  const output = `${place.path}/probe`;
  const args = ["compile", "--no-check", "--quiet", ...FLAGS, "--output", output];
  const compiled = await run({ command: Deno.execPath(), args }, [`${ROOT}tests/executable/probe.ts`], {
    cwd: ROOT,
    env: { DENORT_BIN: Deno.env.get("DENORT_BIN") ?? "" },
  });
  assert.equal(compiled.code, 0, compiled.stderr);
  const allowed = {
    "read /etc/passwd": "NotCapable",
    "read above": "NotCapable",
    "read its own program": "NotCapable",
    "write /tmp": "NotCapable",
    "write above": "NotCapable",
    "write /etc/offhook": "NotCapable",
    "link outwards": "NotCapable",
    "run a program": "NotCapable",
    "load a library": "NotCapable",
    "read PATH": "NotCapable",
    "list the environment": "NotCapable",
    "set a variable": "NotCapable",
    "ask for the host's name": "NotCapable",
    "read here": "done",
    "write here": "done",
    "make data": "done",
    "write data": "done",
    "open a database in data": "done",
    "open a database above": "NotCapable",
    "read a secret": "done",
  };
  // `serve` gives up the working directory, and the folder of its data stays.
  for (const [args, outcomes] of [[["serving"], { ...allowed, "write here": "NotCapable" }], [[], allowed]] as const) {
    const { stdout, stderr } = await run({ command: output, args: [] }, [...args], { cwd });
    assert.equal(stderr, "");
    assert.deepEqual(JSON.parse(stdout), outcomes);
    Deno.removeSync(`${cwd}/data`, { recursive: true });
  }
});
