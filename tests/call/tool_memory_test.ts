import assert from "node:assert/strict";
import { systemClock } from "../../lib/base/clock.ts";
import { ok } from "../../lib/base/result.ts";
import { ConfiguredTools } from "../../lib/call_tools.ts";
import { test } from "../case.ts";
import { config } from "../config/make.ts";

/** Tools of one call, and how many messages were taken. */
function messageTools() {
  const taken: string[] = [];
  const tools = new ConfiguredTools({
    call: config({ prompt: "You are brief.", tools: [{ name: "take_message" }, { name: "collect_digits" }] }).base,
    clock: systemClock,
    fetch: () => Promise.reject(new Error("nothing is fetched")),
    resolve: () => Promise.resolve([]),
    secrets: {},
    variable: () => "",
    spoken: () => undefined,
    park: () => {},
    takeMessage: (message) => Promise.resolve(ok(void taken.push(String(message.message)))),
  });
  const ask = (id: string, message: string) =>
    tools.run({ id, name: "take_message", arguments: JSON.stringify({ message }) });
  return { tools, taken, ask };
}

test("who takes over and asks for the same gets what was done, once; what is new is done", async () => {
  const { tools, taken, ask } = messageTools();
  using _tools = tools;
  tools.callerSaid("tell them I am late");
  const first = await ask("1", "late");
  tools.succeeded();
  assert.equal(await ask("2", "late"), first);
  assert.deepEqual(taken, ["late"]);
  await ask("3", "later still");
  assert.deepEqual(taken, ["late", "later still"]);
});

test("after the caller's next turn the same request is done anew: the old result may be out of date", async () => {
  const { tools, taken, ask } = messageTools();
  using _tools = tools;
  await ask("1", "late");
  tools.succeeded();
  tools.callerSaid("tell them once more");
  await ask("2", "late");
  assert.deepEqual(taken, ["late", "late"]);
});

test("what was withdrawn while it ran is no result for who takes over", async () => {
  const { tools, taken, ask } = messageTools();
  using _tools = tools;
  const first = ask("1", "late");
  tools.cancel("1");
  assert.match((await first).content, /withdrawn/);
  tools.succeeded();
  assert.match((await ask("2", "late")).content, /handed over/);
  assert.deepEqual(taken, ["late", "late"]);
});

test("a request is the same in whatever order its arguments come", async () => {
  const { tools, taken } = messageTools();
  using _tools = tools;
  const ask = (id: string, args: string) => tools.run({ id, name: "take_message", arguments: args });
  const first = await ask("1", '{"message": "late", "name": "Ann"}');
  tools.succeeded();
  assert.equal(await ask("2", '{"name":"Ann","message":"late"}'), first);
  assert.deepEqual(taken, ["late"]);
});

test("who is asked for keys may say okay, or have pressed some before, and types on", async () => {
  const { tools } = messageTools();
  using _tools = tools;
  const typed = tools.run({ id: "1", name: "collect_digits", arguments: '{"length": 4}' });
  for (const said of ["okay", "[The caller pressed 9.]"]) tools.callerSaid(said);
  for (const key of "1234") tools.digit(key);
  assert.deepEqual(JSON.parse((await typed).content), { digits: "1234", complete: true });
});
