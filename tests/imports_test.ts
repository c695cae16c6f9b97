import assert from "node:assert/strict";
import { test } from "./case.ts";

const ROOT = new URL("../", import.meta.url);

/** What each folder of lib may import besides itself and `base`. Files directly in lib and main.ts may import anything. */
const MAY_IMPORT: Record<string, readonly string[]> = {
  base: [],
  audio: [],
  phone: ["audio"],
  providers: ["audio"],
  routing: ["audio"],
  extraction: ["audio", "providers/ports.ts"],
  engine: ["audio", "providers/ports.ts", "routing", "extraction"],
  call: ["audio", "phone/leg.ts", "engine/engine.ts", "routing"],
  telemetry: ["call/notice.ts"],
  store: ["call/notice.ts"],
  rehearsal: ["audio"],
  softphone: ["audio"],
  config: [],
  check: ["audio", "config.ts", "permissions.ts", "phone", "providers"],
};

function sourceFiles(folder: URL): URL[] {
  return [...Deno.readDirSync(folder)].flatMap((entry) =>
    entry.isDirectory
      ? sourceFiles(new URL(`${entry.name}/`, folder))
      : entry.name.endsWith(".ts")
      ? [new URL(entry.name, folder)]
      : []
  );
}

function importsOf(file: URL): string[] {
  const text = Deno.readTextFileSync(file);
  return [...text.matchAll(/^(?:import|export)[^;]*?from\s+"(\.[^"]+)"/gms), ...text.matchAll(/import\("(\.[^"]+)"\)/g)]
    .map((match) => new URL(match[1]!, file).pathname);
}

test("imports point one way", () => {
  const lib = new URL("lib/", ROOT);
  const wrong: string[] = [];
  for (const file of sourceFiles(lib)) {
    const path = file.pathname.slice(lib.pathname.length);
    const folder = path.includes("/") ? path.split("/")[0]! : undefined;
    if (folder === undefined) continue;
    const allowed = MAY_IMPORT[folder];
    assert.ok(allowed, `lib/${folder} has no rule`);
    for (const target of importsOf(file)) {
      const to = target.slice(lib.pathname.length);
      const ok = [folder, "base", ...allowed].some((place) => to === place || to.startsWith(`${place}/`));
      if (!ok) wrong.push(`${path} imports ${to}`);
    }
  }
  assert.deepEqual(wrong, []);
});

test("tests are written with test(), which has the leak sanitizers on", () => {
  const bare = sourceFiles(new URL("tests/", ROOT))
    .filter((file) => !file.pathname.endsWith("/tests/case.ts") && !file.pathname.includes("/tests/imports_test.ts"))
    .filter((file) => /\bDeno\.test\b/.test(Deno.readTextFileSync(file)))
    .map((file) => file.pathname.slice(ROOT.pathname.length));
  assert.deepEqual(bare, []);
});

test("nothing is imported from where npm cannot reach", () => {
  const remote = [...sourceFiles(new URL("lib/", ROOT)), new URL("main.ts", ROOT)]
    .filter((file) => /from\s+"(jsr:|https?:)/.test(Deno.readTextFileSync(file)))
    .map((file) => file.pathname.slice(ROOT.pathname.length));
  assert.deepEqual(remote, []);
});
