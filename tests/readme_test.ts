import assert from "node:assert/strict";
import { test } from "./case.ts";

const ROOT = new URL("../", import.meta.url);
const read = (path: string) => Deno.readTextFileSync(new URL(path, ROOT));
const { tasks } = JSON.parse(read("deno.json")) as { tasks: Record<string, unknown> };
const README = read("README.md");

/** What stands in code in a text, without its fenced blocks. */
const codeIn = (text: string) =>
  [...text.replace(/```[\s\S]*?```/g, "").matchAll(/`([^`]+)`/g)].map(([, code]) => code!);

test("every command that README names is there", () => {
  const table = README.slice(README.indexOf("## Commands"), README.indexOf("## On a VM"));
  const rows = table.split("\n").filter((line) => /^\| `(?!deno)/.test(line)).map((line) => line.split("|")[1]!);
  const [, ...last] = /^\| tasks only: (.*?) \|/m.exec(table)!;
  const named = [...rows, ...last].flatMap(codeIn).map((code) => code.split(" ")[0]!);
  const asked = [...README.matchAll(/\btask ([a-z:]+)/g)].map(([, name]) => name!);
  assert.ok(named.length > 15 && asked.length > 10, `${named.length} in the table, ${asked.length} elsewhere`);
  const unknown = [...named, ...asked].filter((name) => !(name in tasks) && name !== "serve");
  assert.deepEqual(unknown, []);
});

test("every file that lib/README.md names is there", () => {
  const names = codeIn(read("lib/README.md")).filter((code) => /^[a-z_/]+(\.ts|\/)$/.test(code));
  assert.ok(names.length > 30, `${names.length} names`);
  const isThere = (path: string) => {
    try {
      return Boolean(Deno.statSync(new URL(path, ROOT)));
    } catch {
      return false;
    }
  };
  // Beside a file its neighbours are named without their folder.
  const folders = ["lib/", "", ...[...Deno.readDirSync(new URL("lib/", ROOT))].map(({ name }) => `lib/${name}/`)];
  assert.deepEqual(names.filter((name) => !folders.some((folder) => isThere(`${folder}${name}`))), []);
});
