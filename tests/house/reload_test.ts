import assert from "node:assert/strict";
import { watchFiles } from "../../lib/reload.ts";
import { test } from "../case.ts";
import { VirtualClock } from "../sim/clock.ts";

test("a change is noticed within 2 s, once, and a file may appear or go", async () => {
  const clock = new VirtualClock();
  const scope = new AbortController();
  const files = new Map([["config.json", "1"]]);
  let changes = 0;
  const watching = watchFiles({
    clock,
    signal: scope.signal,
    paths: ["config.json", "assets/prompts"],
    look: (path) => files.get(path) ?? "",
    changed: () => void changes++,
    failed: assert.fail,
  });
  await clock.run(5000);
  assert.equal(changes, 0);
  files.set("config.json", "2");
  await clock.run(5000);
  assert.equal(changes, 1);
  files.set("assets/prompts", "new");
  await clock.run(2000);
  files.delete("config.json");
  await clock.run(2000);
  assert.equal(changes, 3);
  scope.abort();
  await watching;
  assert.equal(clock.pending, 0);
});

test("a change that cannot be taken is told, and the next one is noticed all the same", async () => {
  const clock = new VirtualClock();
  const scope = new AbortController();
  let file = "good";
  const told: string[] = [];
  const watching = watchFiles({
    clock,
    signal: scope.signal,
    paths: ["config.json"],
    look: () => file,
    changed: () => {
      if (file === "bad") throw new Error("path is a directory");
      told.push(file);
    },
    failed: (error) => void told.push(String(error)),
  });
  for (file of ["bad", "mended"]) await clock.run(2000);
  assert.deepEqual(told, ["Error: path is a directory", "mended"]);
  scope.abort();
  await watching;
});
