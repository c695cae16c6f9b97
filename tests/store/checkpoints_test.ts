import assert from "node:assert/strict";
import { dirname } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { systemClock } from "../../lib/base/clock.ts";
import { Checkpoints, type CheckpointThread } from "../../lib/store/checkpoints.ts";
import { test } from "../case.ts";
import { VirtualClock } from "../sim/clock.ts";
import { conversation, makeStore } from "./make.ts";

/** Threads that do nothing until they are told to. */
function fakeThreads() {
  const threads: (CheckpointThread & { asked: string[]; ended: boolean })[] = [];
  const openThread = () => {
    const thread: (typeof threads)[number] = {
      asked: [],
      ended: false,
      onmessage: null,
      onerror: null,
      postMessage: (path) => void thread.asked.push(path),
      terminate: () => void (thread.ended = true),
    };
    threads.push(thread);
    return thread;
  };
  const answer = (n: number) => threads[n]!.onmessage?.(new MessageEvent("message", { data: true }));
  return { threads, openThread, answer };
}

test("the log is taken into the file after so many rows, by one thread, one time after the other", () => {
  const { threads, openThread, answer } = fakeThreads();
  using checkpoints = new Checkpoints({ path: "calls.sqlite", clock: new VirtualClock(), openThread });
  checkpoints.written(1999);
  assert.deepEqual([threads.length, checkpoints.isBusy], [0, false]);
  checkpoints.written(1);
  assert.deepEqual([threads[0]?.asked, checkpoints.isBusy], [["calls.sqlite"], true]);
  checkpoints.written(2500);
  assert.equal(threads[0]!.asked.length, 1, "it is at it");
  answer(0);
  assert.equal(checkpoints.isBusy, false);
  checkpoints.written(1);
  assert.deepEqual([threads.length, threads[0]!.asked.length], [1, 2]);
});

test("a thread without work ends, one that hangs or fails is given up, and the next rows get a new one", async () => {
  const clock = new VirtualClock();
  const { threads, openThread, answer } = fakeThreads();
  using checkpoints = new Checkpoints({ path: "calls.sqlite", clock, openThread });
  checkpoints.written(2000);
  answer(0);
  await clock.run(59_000);
  assert.equal(threads[0]!.ended, false);
  await clock.run(2000);
  assert.equal(threads[0]!.ended, true);

  checkpoints.written(2000);
  await clock.run(9000);
  assert.deepEqual([checkpoints.isBusy, threads[1]!.ended], [true, false]);
  await clock.run(2000);
  assert.deepEqual([checkpoints.isBusy, threads[1]!.ended], [false, true]);

  checkpoints.written(2000);
  const failed = new ErrorEvent("error", { cancelable: true });
  threads[2]!.onerror?.(failed);
  assert.deepEqual([checkpoints.isBusy, threads[2]!.ended, failed.defaultPrevented], [false, true, true]);
  checkpoints.written(2000);
  answer(2);
  assert.deepEqual([threads.length, checkpoints.isBusy], [4, true], "what was given up counts no more");
});

test("what the thread has taken over is in the file itself, and a file that is not there is not made", async () => {
  const folder = await Deno.makeTempDir();
  const path = `${folder}/calls.sqlite`;
  const db = new DatabaseSync(path);
  db.exec("PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0; CREATE TABLE words (word TEXT)");
  for (let n = 0; n < 500; n++) db.prepare("INSERT INTO words VALUES (?)").run(`word ${n}`);
  const rowsOfFileAlone = () => {
    Deno.copyFileSync(path, `${folder}/copy.sqlite`);
    using copy = new DatabaseSync(`${folder}/copy.sqlite`);
    return copy.prepare("SELECT COUNT(*) AS rows FROM sqlite_master, words").get();
  };
  assert.throws(rowsOfFileAlone, /no such table/);

  const answers: PromiseWithResolvers<boolean>[] = [];
  const openThread = () => {
    const worker = new Worker(new URL("../../lib/store/checkpoint_worker.ts", import.meta.url), { type: "module" });
    worker.addEventListener("message", ({ data }) => answers.at(-1)!.resolve(data));
    return worker;
  };
  const takenOver = async (path: string) => {
    answers.push(Promise.withResolvers());
    using checkpoints = new Checkpoints({ path, clock: systemClock, openThread });
    checkpoints.written(2000);
    return await answers.at(-1)!.promise;
  };
  assert.equal(await takenOver(path), true);
  assert.deepEqual({ ...rowsOfFileAlone() }, { rows: 500 });
  assert.equal(await takenOver(`${folder}/moved.sqlite`), false);
  assert.deepEqual([...Deno.readDirSync(folder)].filter(({ name }) => name.startsWith("moved")), []);
  db.close();
  await Deno.remove(folder, { recursive: true });
});

test("a store has its log taken into the file by a thread, which ends with it", () => {
  const { Worker: Platforms } = globalThis;
  const { threads, openThread } = fakeThreads();
  const path = `${Deno.makeTempDirSync()}/calls.sqlite`;
  globalThis.Worker = function () {
    return openThread();
  } as unknown as typeof Worker;
  try {
    const { store } = makeStore({ path });
    conversation({ id: "call-aa11" }).slice(0, 5).forEach(store.observe);
    for (let n = 0; n < 2000; n++) store.observe({ call: "call-aa11", atMs: n, kind: "digit", digit: "1" });
    store.flush();
    assert.deepEqual(threads.map(({ asked, ended }) => [asked, ended]), [[[path], false]]);
    store[Symbol.dispose]();
    assert.equal(threads[0]!.ended, true);
  } finally {
    globalThis.Worker = Platforms;
    Deno.removeSync(dirname(path), { recursive: true });
  }
});
