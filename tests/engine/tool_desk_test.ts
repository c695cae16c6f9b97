import assert from "node:assert/strict";
import type { EngineEvent } from "../../lib/engine/engine.ts";
import { Memory } from "../../lib/engine/memory.ts";
import { ToolDesk } from "../../lib/engine/tool_desk.ts";
import type { ChatToolCall } from "../../lib/providers/ports.ts";
import { test } from "../case.ts";
import { VirtualClock } from "../sim/clock.ts";

const call = (id: string, name = "book"): ChatToolCall => (
  { id, type: "function", function: { name, arguments: "{}" } }
);

function rig() {
  const clock = new VirtualClock();
  const memory = new Memory({ maxTurns: 10 });
  const events: EngineEvent[] = [];
  const desk = new ToolDesk({ clock, memory, post: (event) => void events.push(event) });
  let idle = 0;
  const wait = () => void desk.idle.then(() => idle++);
  /** What each call brought, in order. */
  const results = () => memory.messages().filter(({ role }) => role === "tool").map(({ content }) => content);
  return { clock, events, desk, wait, idle: () => idle, results };
}

test("all calls run at once, and whoever waits does so until the last has its result", async () => {
  const { clock, events, desk, wait, idle, results } = rig();
  desk.run([call("a"), call("b")]);
  wait();
  desk.run([call("c")]);
  wait();
  assert.deepEqual(events.map((event) => event.kind === "tool-call" && event.id), ["a", "b", "c"]);
  for (const id of ["b", "a"]) desk.result(id, `of ${id}`);
  await clock.run(0);
  assert.equal(idle(), 0);
  desk.result("c", "of c");
  await clock.run(0);
  assert.equal(idle(), 2);
  assert.deepEqual(results(), ["of a", "of b", "of c"]);
  assert.equal(clock.pending, 0);
});

test("a tool without a result counts as lost after 70 s, and what comes later is ignored", async () => {
  const { clock, desk, wait, idle, results } = rig();
  desk.run([call("a")]);
  wait();
  await clock.run(69_990);
  assert.equal(idle(), 0);
  await clock.run(20);
  assert.equal(idle(), 1);
  desk.result("a", "late");
  assert.deepEqual(results(), ['{"error":"The tool gave no answer in time."}']);
});

test("the caller is waited for only while every tool is one that he types for", () => {
  const { desk } = rig();
  assert.ok(!desk.awaitsCaller);
  desk.run([call("a", "collect_digits")]);
  assert.ok(desk.awaitsCaller);
  desk.run([call("b")]);
  assert.ok(!desk.awaitsCaller);
  desk.result("b", "done");
  assert.ok(desk.awaitsCaller);
  desk[Symbol.dispose]();
});

test("at the call's end nobody waits any more, and no result is taken", async () => {
  const { clock, desk, wait, idle, results } = rig();
  desk.run([call("a")]);
  wait();
  desk[Symbol.dispose]();
  await clock.run(0);
  assert.deepEqual([idle(), clock.pending, desk.awaitsCaller], [1, 0, false]);
  const [unknown] = results();
  desk.result("a", "late");
  assert.deepEqual(results(), [unknown]);
});
