import assert from "node:assert/strict";
import { ToolBox } from "../../lib/engine/tools.ts";
import { test } from "../case.ts";
import { VirtualClock } from "../sim/clock.ts";

/** What happens, in order: a tool is asked for by its name, `we` say something, or ask whether he is there, the caller says what is in quotes. @returns what was done. */
async function done(...course: string[]): Promise<string[]> {
  const ran: string[] = [];
  const tool = (name: string) => ({
    schema: { name, description: "", parameters: { type: "object", properties: {} } },
    sideEffect: true,
    confirm: true,
    timeoutMs: 1000,
    run: () => Promise.resolve(void ran.push(name)),
  });
  using box = new ToolBox({ clock: new VirtualClock(), tools: [tool("book"), tool("cancel")] });
  for (const [id, what] of course.entries()) {
    if (what === "we") box.weSay();
    else if (what === "are you there") box.weAskElse();
    else if (what.startsWith('"')) box.callerSaid(what);
    else await box.run({ id: String(id), name: what, arguments: "{}" });
  }
  return ran;
}

test("a yes is to what was read back", async () => {
  assert.deepEqual(await done("book", "we", '"yes"', "book"), ["book"]);
  assert.deepEqual(await done("book", "we", "book", '"yes"', "book"), ["book"]);
});

test("of two calls that are asked for together, one at a time gets its yes", async () => {
  const first = ["book", "cancel", "we", '"yes"'];
  assert.deepEqual(await done(...first, "book", "cancel"), ["book"]);
  assert.deepEqual(await done(...first, "cancel", "book"), ["book"]);
  assert.deepEqual(await done(...first, "book", "cancel", "we", '"yes"', "cancel"), ["book", "cancel"]);
});

test("a yes to the second of two questions is none to the first, which is asked again", async () => {
  const both = ["book", "we", "cancel", "we", '"yes"'];
  assert.deepEqual(await done(...both, "book", "cancel"), ["cancel"]);
  assert.deepEqual(await done(...both, "cancel", "book", "we", '"yes"', "book"), ["cancel", "book"]);
});

test("a yes before anything was read back is to something else", async () => {
  assert.deepEqual(await done("book", '"okay"', "book"), []);
  assert.deepEqual(await done("book", '"okay"', "book", "we", '"yes"', "book"), ["book"]);
});

test("a yes to whether he is there is none to what was read back before", async () => {
  assert.deepEqual(await done("book", "we", "are you there", '"yes, I am here"', "book"), []);
  assert.deepEqual(await done("book", "are you there", "we", '"yes"', "book"), ["book"]);
});
