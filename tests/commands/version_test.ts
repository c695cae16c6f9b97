import assert from "node:assert/strict";
import { test } from "../case.ts";

const ROOT = new URL("../../", import.meta.url);

async function offhook(...args: string[]): Promise<{ code: number; out: string }> {
  const command = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", "main.ts", ...args],
    cwd: ROOT,
  });
  const { code, stdout } = await command.output();
  return { code, out: new TextDecoder().decode(stdout).trim() };
}

test("every command takes the common options", async () => {
  const common = ["--config", "config.json", "--json", "--help"];
  for (const name of ["serve", "call", "check", "routes", "audio", "health", "calls", "show", "forget"]) {
    assert.equal((await offhook(name, ...common)).code, 0, name);
  }
});

test("every command tells the version, and no other does", async () => {
  const { version } = JSON.parse(Deno.readTextFileSync(new URL("deno.json", ROOT))) as { version: string };
  for (const args of [[], ["check"], ["calls"], ["health"], ["call", "--json"]]) {
    assert.deepEqual(await offhook(...args, "--version"), { code: 0, out: version }, args.join(" "));
  }
  assert.equal((await offhook("nonsense", "--version")).code, 2);
});
