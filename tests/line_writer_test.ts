import assert from "node:assert/strict";
import { LineWriter, WAITING_LIMIT } from "../lib/line_writer.ts";
import { test } from "./case.ts";
import { VirtualClock } from "./sim/clock.ts";

/** Somebody who reads `partBytes` at once, or nothing while he stalls. */
function reader({ partBytes = Infinity } = {}) {
  const clock = new VirtualClock();
  let text = "";
  let writes = 0;
  let stalled: PromiseWithResolvers<void> | undefined;
  const lines = new LineWriter({
    clock,
    async write(bytes) {
      writes++;
      await stalled?.promise;
      const part = bytes.subarray(0, Math.min(partBytes, bytes.length));
      text += new TextDecoder().decode(part);
      return part.length;
    },
  });
  return {
    clock,
    lines,
    writes: () => writes,
    read: () => text.trimEnd().split("\n"),
    stall: () => stalled = Promise.withResolvers(),
    goOn: () => void (stalled?.resolve(), stalled = undefined),
  };
}

test("lines arrive whole and in order, however little is taken at once", async () => {
  const { clock, lines, read } = reader({ partBytes: 3 });
  const said = Array.from({ length: 50 }, (_, n) => `line ${n}`);
  for (const line of said) {
    lines.print(`${line}\n`);
    if (line.endsWith("7")) await clock.run(30);
  }
  await clock.run(100);
  assert.deepEqual(read(), said);
});

test("the first line goes at once, and those of the next 100 ms together", async () => {
  const { clock, lines, read, writes } = reader();
  lines.print("at once");
  await clock.run(0);
  assert.deepEqual([read(), writes()], [["at once"], 1]);
  for (const line of ["a", "b", "c"]) {
    lines.print(line);
    await clock.run(30);
  }
  assert.equal(writes(), 1);
  await clock.run(10);
  assert.deepEqual([read(), writes()], [["at once", "a", "b", "c"], 2]);
});

test("a reader who stalls holds nobody up: what has no place is lost, and told of once he reads again", async () => {
  const { clock, lines, read, stall, goOn } = reader();
  lines.onLost = (count) => lines.print(`${count} lost`);
  stall();
  lines.print("first");
  const line = "x".repeat(999);
  for (let n = 0; n < WAITING_LIMIT / 1000 + 5; n++) lines.print(line);
  goOn();
  await clock.run(1);
  await clock.run(100);
  lines.print("last");
  await clock.run(100);
  const told = read();
  assert.deepEqual([told[0], ...told.slice(-2)], ["first", "5 lost", "last"]);
  assert.equal(told.length, 3 + WAITING_LIMIT / 1000);
});

test("where writing fails the line is lost, and the next one is tried", async () => {
  const clock = new VirtualClock();
  let fails = true;
  let text = "";
  const lines = new LineWriter({
    clock,
    write: (bytes) => {
      if (fails) return Promise.reject(new Error("No space left on device"));
      text += new TextDecoder().decode(bytes);
      return Promise.resolve(bytes.length);
    },
  });
  lines.print("lost");
  await clock.run(1);
  fails = false;
  lines.print("told");
  await clock.run(100);
  assert.equal(text, "told\n");
});

test("what still waits to be gathered is written at the end", async () => {
  const { clock, lines, read } = reader();
  lines.print("said");
  await clock.run(1);
  lines.print("last words");
  await clock.runFor(lines[Symbol.asyncDispose](), 0);
  assert.deepEqual(read(), ["said", "last words"]);
  assert.equal(clock.pending, 0);
});

test("the end waits for what is being written, and not for a reader who stalls", async () => {
  const { clock, lines, read, stall, goOn } = reader();
  lines.print("said");
  await clock.runFor(lines[Symbol.asyncDispose]());
  assert.deepEqual(read(), ["said"]);
  stall();
  lines.print("not read");
  await clock.runFor(lines[Symbol.asyncDispose](), 2000);
  goOn();
  await clock.run(1);
  assert.equal(clock.pending, 0);
});
