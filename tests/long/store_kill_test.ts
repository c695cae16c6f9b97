import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { PROCESS_DIED } from "../../lib/store.ts";
import { seeded, test } from "../case.ts";
import { folder, makeStore } from "../store/make.ts";

const CHILD = new URL("store_child.ts", import.meta.url).pathname;

test("a process killed in mid-call leaves a sound file with everything up to a second before", async () => {
  const random = seeded(5);
  for (let round = 0; round < 5; round++) {
    using dir = folder();
    const path = `${dir.path}/calls.sqlite`;
    const command = new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--no-prompt", CHILD, path],
      stdout: "piped",
      stderr: "inherit",
    });
    const child = command.spawn();
    let text = "";
    const reading = (async () => {
      for await (const chunk of child.stdout.pipeThrough(new TextDecoderStream())) text += chunk;
    })();
    while (text.split("\n").length < 100 + random() * 300) await new Promise((resolve) => setTimeout(resolve, 20));
    child.kill("SIGKILL");
    await child.status;
    await reading;
    const lines = text.split("\n").slice(0, -1).map((line) => line.split(" ").map(Number));
    const [lastN, lastMs] = lines.at(-1)!;

    const db = new DatabaseSync(path, { readOnly: true });
    assert.equal(db.prepare("PRAGMA integrity_check").get()?.integrity_check, "ok");
    db.close();
    const { store } = makeStore({ path, process: "next" });
    const found = store.get("last");
    assert.ok(found.ok);
    assert.equal(found.value.endReason, PROCESS_DIED);
    const kept = found.value.transcript;
    kept.forEach(({ text }, n) => assert.ok(text.startsWith(`utterance ${n} `), "in order, without a gap"));
    const lostMs = lastMs! - kept.at(-1)!.atMs;
    console.log(`round ${round}: ${kept.length} of ${lastN! + 1} utterances kept, ${Math.round(lostMs)} ms lost`);
    assert.ok(lostMs < 1000);
    store[Symbol.dispose]();
  }
});

test("a read-only folder and file are said, and reading goes on", async () => {
  if (Deno.uid() === 0) return console.log("root may write everywhere: not shown here");
  using dir = folder();
  Deno.chmodSync(dir.path, 0o500);
  const { store, clock, reports } = makeStore({ path: `${dir.path}/calls.sqlite` });
  await clock.run(5000);
  assert.equal(reports[0]?.kind, "failing");
  store[Symbol.dispose]();
  Deno.chmodSync(dir.path, 0o700);
});
