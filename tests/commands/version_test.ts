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

test("with --json a wrong usage is a document too, whatever the command", async () => {
  const wrong: [args: string[], error: RegExp][] = [
    [["nonsense"], /^There is no command "nonsense"\.$/],
    [["serve", "--port", "x"], /^--port takes a whole number/],
    [["call", "--bogus"], /--bogus/],
    [["check", "--config", ""], /^--config takes a file\.$/],
    [["routes"], /^routes takes a command/],
    [["audio"], /^audio takes a command/],
    [["health", "--url", "x"], /^"x" is no address/],
    [["calls", "--limit", "x"], /^--limit takes a whole number from 1 on, not "x"\.$/],
    [["show", "--no-words"], /^--no-words goes with --bundle\.$/],
    [["forget"], /^Whom\?/],
  ];
  for (const [args, error] of wrong) {
    const { code, out } = await offhook(...args, "--json");
    assert.equal(code, 2, args.join(" "));
    assert.match(out, /^\{"ok":false,"schema":1,"error":".*"\}$/, args.join(" "));
    assert.match(JSON.parse(out).error, error);
    assert.equal((await offhook(...args)).out, "", args.join(" "));
  }
});
