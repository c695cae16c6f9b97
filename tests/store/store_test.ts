import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { describeStoreReport, FLUSH_EVERY_MS, MEMORY_CALLS, PROCESS_DIED, QUEUE_LIMIT } from "../../lib/store.ts";
import { migrate, MIGRATIONS, NewerSchemaError, SqliteBackend } from "../../lib/store/sqlite.ts";
import { test } from "../case.ts";
import { VirtualClock } from "../sim/clock.ts";
import { conversation, folder, makeStore } from "./make.ts";

const DISKS = ["file", "memory"] as const;

for (const kind of DISKS) {
  const place = (dir: string) => kind === "file" ? { path: `${dir}/calls.sqlite` } : {};

  test(`${kind}: a call comes back as it was`, async () => {
    using dir = folder();
    const { store, clock } = makeStore(place(dir.path));
    using _ = store;
    conversation({ id: "call-aa11" }).forEach(store.observe);
    await clock.run(1);
    const found = store.get("last");
    assert.ok(found.ok);
    const { value: record } = found;
    assert.equal(record.endReason, "caller-hung-up");
    assert.equal(record.durationMs, 42_000);
    assert.deepEqual(record.transcript.map(({ who, text }) => `${who}: ${text}`), [
      "agent: Welcome to the clinic.",
      "caller: I would like to book a visit",
      "agent: Tuesday at ten is free.",
    ]);
    assert.equal(record.transcript[2]?.heardText, "Tuesday at ten");
    assert.equal(record.transcript[2]?.answerMs, 1720);
    assert.deepEqual(record.facts, { name: { value: "Ada", evidence: "Ada" } });
    assert.deepEqual(record.models, { think: "gpt-4o-mini" });
    assert.equal(store.notices("call-aa11").some(({ kind }) => kind === "mark-round-trip"), false);
    const [row] = store.list({});
    assert.deepEqual([row?.outcome, row?.turns, row?.facts, row?.live], ["caller-hung-up", 3, { name: "Ada" }, false]);
  });

  test(`${kind}: calls are found by time, number, outcome, life and beginnings of ids`, () => {
    using dir = folder();
    const { store } = makeStore(place(dir.path));
    using _ = store;
    const calls = [
      { id: "call-aa11", startedAt: "2026-01-01T09:00:00.000Z", from: "+15550111" },
      { id: "call-aa22", startedAt: "2026-01-01T10:00:00.000Z", to: "+15550199", reason: "silence" },
      { id: "call-bb33", startedAt: "2026-01-01T11:00:00.000Z" },
    ];
    for (const call of calls) conversation(call).forEach(store.observe);
    conversation({ id: "call-cc44", from: "sip:Ada@pbx.example", startedAt: "2026-01-01T11:59:00.000Z" }).slice(0, 5)
      .forEach(store.observe);
    const ids = (filter: Parameters<typeof store.list>[0]) => store.list(filter).map(({ id }) => id.slice(5));
    assert.deepEqual(ids({}), ["cc44", "bb33", "aa22", "aa11"]);
    assert.deepEqual(ids({ limit: 2 }), ["cc44", "bb33"]);
    assert.deepEqual(ids({ sinceMs: Date.parse("2026-01-01T10:30:00.000Z") }), ["cc44", "bb33"]);
    assert.deepEqual(ids({ outcome: "silence" }), ["aa22"]);
    assert.deepEqual(ids({ number: "1 (555) 0111" }), ["aa11"]);
    assert.deepEqual(ids({ number: "+15550199" }), ["aa22"]);
    assert.deepEqual(ids({ number: " sip:ada@PBX.example" }), ["cc44"]);
    assert.deepEqual(ids({ number: "+15550100" }), ["bb33", "aa22"]);
    assert.deepEqual(ids({ number: "+15550101" }), ["cc44", "bb33", "aa11"]);
    const [first] = store.list({ number: "+15550101", limit: 1 });
    assert.deepEqual(ids({ number: "+15550101", limit: 1, after: first!, live: false }), ["bb33"]);
    assert.deepEqual(ids({ number: "+15550101", outcome: "silence" }), []);
    assert.deepEqual(ids({ live: true }), ["cc44"]);
    assert.deepEqual(ids({ live: false }), ["bb33", "aa22", "aa11"]);
    const idOf = (call: string) => {
      const found = store.get(call);
      return found.ok ? found.value.id : found.fault.toSorted();
    };
    assert.equal(idOf("bb"), "call-bb33");
    assert.equal(idOf("call-aa1"), "call-aa11");
    assert.equal(idOf("CAcall-bb"), "call-bb33");
    assert.deepEqual(idOf("aa"), ["call-aa11", "call-aa22"]);
    assert.deepEqual(idOf("zz"), []);
    assert.deepEqual(idOf(""), []);
  });

  test(`${kind}: what a caller said is not kept where it is not to be, only how much`, () => {
    using dir = folder();
    const { store } = makeStore({ ...place(dir.path), privacy: () => ({ transcripts: false, keepDays: 30 }) });
    using _ = store;
    conversation({ id: "call-aa11", said: "my secret is pineapple" }).forEach(store.observe);
    store.observe({ call: "call-aa11", atMs: 50_000, kind: "summary", text: "A pineapple." });
    const found = store.get("last");
    assert.ok(found.ok);
    assert.equal(found.value.transcript[1]?.text, "");
    assert.equal(found.value.transcript[1]?.words, 4);
    assert.equal(JSON.stringify([found.value, store.notices("call-aa11")]).includes("pineapple"), false);
    assert.equal(JSON.stringify(store.notices("call-aa11")).includes("Tuesday"), false);
    if (kind === "file") assert.deepEqual(filesHolding(dir.path, "pineapple"), []);
  });

  test(`${kind}: facts that come after the end are part of the record`, async () => {
    using dir = folder();
    const { store, clock } = makeStore(place(dir.path));
    using _ = store;
    conversation({ id: "call-aa11" }).forEach(store.observe);
    await clock.run(5000);
    store.observe({
      call: "call-aa11",
      atMs: 45_000,
      kind: "fact",
      field: "phone",
      value: "+15550142",
      evidence: "one",
    });
    store.observe({ call: "call-aa11", atMs: 45_000, kind: "summary", text: "A visit was booked." });
    await clock.run(FLUSH_EVERY_MS);
    const found = store.get("call-aa11");
    assert.ok(found.ok);
    assert.deepEqual(Object.keys(found.value.facts), ["name", "phone"]);
    assert.equal(found.value.summary, "A visit was booked.");
    assert.deepEqual(store.list({})[0]?.facts, { name: "Ada", phone: "+15550142" });
  });

  test(`${kind}: minutes are those of the calls that are over, by when they began`, async () => {
    using dir = folder();
    const { store, clock } = makeStore(place(dir.path));
    using _ = store;
    conversation({ id: "call-yy00", startedAt: "2025-12-31T23:00:00.000Z", durationMs: 600_000 }).forEach(
      store.observe,
    );
    conversation({ id: "call-aa11", durationMs: 120_000 }).forEach(store.observe);
    conversation({ id: "call-bb22" }).slice(0, 3).forEach(store.observe);
    await clock.run(60_000);
    assert.equal(store.minutesSince(Date.parse("2025-12-31T00:00:00.000Z")), 12);
    assert.equal(store.minutesSince(Date.parse("2026-01-01T00:00:00.000Z")), 2);
  });

  test(`${kind}: calls are kept as long as their number says, and no longer`, async () => {
    using dir = folder();
    const keepDays: Record<string, number> = { "+15550101": 30, "+15550102": 1 };
    const { store, clock } = makeStore({
      ...place(dir.path),
      privacy: (to) => ({ transcripts: true, keepDays: keepDays[to] ?? 30 }),
    });
    using _ = store;
    for (let n = 0; n < 3; n++) {
      conversation({ id: `call-a${n}`, to: "+15550101" }).forEach(store.observe);
      conversation({ id: `call-b${n}`, to: "+15550102" }).forEach(store.observe);
    }
    await clock.run(23 * 3_600_000);
    assert.equal(store.list({}).length, 6);
    await clock.run(3 * 3_600_000);
    assert.deepEqual(store.list({}).map(({ to }) => to), ["+15550101", "+15550101", "+15550101"]);
    keepDays["+15550101"] = 0;
    conversation({ id: "call-zero" }).forEach(store.observe);
    await clock.run(1000);
    assert.deepEqual(store.list({}), [], "nothing stays with keepDays 0 once the call is over");
  });
}

test("nothing is written while a call is observed, and all of it half a second later", async () => {
  using dir = folder();
  const path = `${dir.path}/calls.sqlite`;
  const { store, clock } = makeStore({ path });
  using _ = store;
  const beside = new DatabaseSync(path, { readOnly: true });
  const count = () => Number(beside.prepare("SELECT COUNT(*) AS n FROM notices").get()?.n);
  conversation({ id: "call-aa11" }).slice(0, 10).forEach(store.observe);
  assert.equal(count(), 0);
  await clock.run(FLUSH_EVERY_MS - 1);
  assert.equal(count(), 0);
  await clock.run(1);
  assert.equal(count(), 9, "all but the interim text");
  beside.close();
});

test("a process that died is known by the next one: its calls are not live any more", () => {
  using dir = folder();
  const path = `${dir.path}/calls.sqlite`;
  const first = makeStore({ path, process: "first" });
  conversation({ id: "call-aa11" }).slice(0, 9).forEach(first.store.observe);
  first.store[Symbol.dispose]();
  const second = makeStore({ path, process: "second" });
  const [row] = second.store.list({});
  assert.deepEqual([row?.live, row?.outcome], [false, PROCESS_DIED]);
  const found = second.store.get("last");
  assert.equal(found.ok && found.value.endReason, PROCESS_DIED);
  assert.deepEqual(second.store.list({ outcome: PROCESS_DIED }).map(({ id }) => id), ["call-aa11"]);
  second.store[Symbol.dispose]();
});

test("a folder has one owner: a second server says so, keeps what it has to record, and records it once the first is gone", async () => {
  using dir = folder();
  const path = `${dir.path}/calls.sqlite`;
  const first = makeStore({ path, process: "first" });
  conversation({ id: "call-first" }).slice(0, 9).forEach(first.store.observe);
  await first.clock.run(1000);
  const { store, clock, reports } = makeStore({ path, process: "second" });
  using _ = store;
  conversation({ id: "call-second" }).forEach(store.observe);
  await clock.run(10_000);
  assert.deepEqual(reports.map(({ kind }) => kind), ["failing"]);
  assert.match(
    describeStoreReport(reports[0]!),
    /another server records calls there: stop it, or give one of the two /,
  );
  assert.deepEqual(first.store.list({}).map(({ id, live }) => [id, live]), [["call-first", true]]);
  first.store[Symbol.dispose]();
  await clock.run(3000);
  assert.deepEqual(reports.at(-1), { kind: "recovered", lost: 0 });
  assert.deepEqual(store.list({}).map(({ id, outcome }) => [id, outcome]), [
    ["call-second", "caller-hung-up"],
    ["call-first", PROCESS_DIED],
  ]);
});

test("beside a process that records, others read and edit; once it is gone, nobody takes its calls for live", async () => {
  using dir = folder();
  const path = `${dir.path}/calls.sqlite`;
  const { store, clock } = makeStore({ path });
  for (const id of ["call-a1", "call-b2"]) conversation({ id }).slice(0, 9).forEach(store.observe);
  await clock.run(1000);
  const beside = new SqliteBackend({ path, access: "edit" });
  assert.deepEqual(beside.list({ live: true }).map(({ id }) => id), ["call-b2", "call-a1"]);
  assert.equal(beside.remove(["call-a1"]), 1);
  store[Symbol.dispose]();
  assert.deepEqual(beside.list({}).map(({ id, outcome }) => [id, outcome]), [["call-b2", PROCESS_DIED]]);
  beside.close();
});

test("a call whose process died is kept as long as any other", async () => {
  using dir = folder();
  const path = `${dir.path}/calls.sqlite`;
  const first = makeStore({ path, process: "first" });
  conversation({ id: "call-aa11" }).slice(0, 9).forEach(first.store.observe);
  first.store[Symbol.dispose]();
  const { store, clock } = makeStore({ path, process: "second" });
  using _ = store;
  await clock.run(29 * 86_400_000);
  assert.equal(store.list({}).length, 1);
  await clock.run(2 * 86_400_000);
  assert.deepEqual(store.list({}), []);
});

test("a live call is live however long nothing happens in it, whatever becomes of the clock, until nobody records", async () => {
  using dir = folder();
  const path = `${dir.path}/calls.sqlite`;
  const clock = new VirtualClock();
  let aheadMs = 0;
  const wallTime = () => new Date(clock.wallTime().getTime() + aheadMs);
  const { store } = makeStore({
    path,
    clock: { monotonicMs: () => clock.monotonicMs(), after: (ms, action) => clock.after(ms, action), wallTime },
  });
  using _ = store;
  conversation({ id: "call-aa11" }).slice(0, 9).forEach(store.observe);
  using beside = {
    backend: new SqliteBackend({ path, access: "read" }),
    [Symbol.dispose]: () => beside.backend.close(),
  };
  await clock.run(10 * 60_000);
  for (aheadMs of [0, 3_600_000, -3_600_000]) {
    for (const [row] of [store.list({}), beside.backend.list({})]) {
      assert.deepEqual([row?.live, row?.outcome], [true, undefined], `${aheadMs}`);
    }
  }
  store[Symbol.dispose]();
  assert.deepEqual(beside.backend.list({}).map(({ live, outcome }) => [live, outcome]), [[false, PROCESS_DIED]]);
});

test("what is forgotten is gone from the files, byte by byte", async () => {
  using dir = folder();
  const path = `${dir.path}/calls.sqlite`;
  const { store, clock } = makeStore({ path, folder: dir.path });
  Deno.mkdirSync(`${dir.path}/recordings`);
  Deno.writeTextFileSync(`${dir.path}/recordings/call-x7.wav`, "RIFF");
  for (let n = 0; n < 60; n++) {
    const from = n % 3 === 0 ? "+15550177" : "+15550100";
    const word = n % 3 === 0 ? "pineapple" : "tangerine";
    conversation({ id: `call-x${n}`, from, said: `${`${word} `.repeat(1 + n * 20)}please` }).forEach(store.observe);
    await clock.run(100);
  }
  // A live call of the same caller goes on and leaves nothing either.
  const live = conversation({ id: "call-live", from: "+15550177", said: "pineapple" });
  live.slice(0, 9).forEach(store.observe);
  await clock.run(1000);
  assert.notDeepEqual(filesHolding(dir.path, "pineapple"), []);
  Deno.writeTextFileSync(`${dir.path}/recordings/call-x3.wav`, "RIFF");
  assert.deepEqual(store.forget("1 555 0177"), { calls: 21, clean: true });
  live.slice(9).forEach(store.observe);
  await clock.run(1000);
  for (const trace of ["pineapple", "15550177"]) assert.deepEqual(filesHolding(dir.path, trace), [], trace);
  assert.equal(store.list({ limit: 100 }).length, 40);
  assert.equal(filesHolding(dir.path, "tangerine").length > 0, true);
  const files = [...Deno.readDirSync(`${dir.path}/recordings`)].map(({ name }) => name);
  assert.equal(files.includes("call-x3.wav"), false);
  assert.equal(files.includes("call-x7.wav"), true, "another caller's recording stays");
  store[Symbol.dispose]();
  assert.deepEqual(filesHolding(dir.path, "pineapple"), []);
});

test("removing one call leaves the others", () => {
  const { store } = makeStore();
  using _ = store;
  conversation({ id: "call-a" }).forEach(store.observe);
  conversation({ id: "call-b" }).forEach(store.observe);
  assert.equal(store.remove("call-a"), "removed");
  assert.equal(store.remove("call-a"), "unknown");
  assert.deepEqual(store.list({}).map(({ id }) => id), ["call-b"]);
});

test("many old calls are removed a few at a time, for nobody is heard meanwhile", async () => {
  using dir = folder();
  const { store, clock } = makeStore({ path: `${dir.path}/calls.sqlite` });
  using _ = store;
  for (let n = 0; n < 60; n++) {
    conversation({ id: `call-${n}`, startedAt: "2025-11-01T12:00:00.000Z" }).forEach(store.observe);
  }
  const kept = () => store.list({ limit: 100 }).length;
  await clock.run(600_000);
  assert.equal(kept(), 40);
  await clock.run(500);
  assert.equal(kept(), 20);
  await clock.run(500);
  assert.equal(kept(), 0);
});

/** A folder with recordings of these calls. */
function recordedIn(dir: string, ...calls: string[]): { files: () => string[]; record: (call: string) => void } {
  const record = (call: string) => Deno.writeTextFileSync(`${dir}/recordings/${call}.wav`, "RIFF");
  Deno.mkdirSync(`${dir}/recordings`);
  calls.forEach(record);
  return { record, files: () => [...Deno.readDirSync(`${dir}/recordings`)].map(({ name }) => name).toSorted() };
}

test("a call that comes back is kept until it is over, and with keepDays 0 nothing stays then", async () => {
  using dir = folder();
  const { store, clock } = makeStore({
    path: `${dir.path}/calls.sqlite`,
    folder: dir.path,
    privacy: () => ({ transcripts: true, keepDays: 0 }),
  });
  using _ = store;
  const { files, record } = recordedIn(dir.path, "call-a1");
  const notices = conversation({ id: "call-a1", reason: "line-lost" });
  const over = notices.pop()!;
  notices.forEach(store.observe);
  await clock.run(2 * 3_600_000);
  assert.deepEqual([store.list({}).length, files()], [1, ["call-a1.wav"]]);
  store.observe({ call: "call-a1", atMs: 50_000, kind: "call-resumed", why: "line-lost", streamSid: "MZ2" });
  store.observe({ call: "call-a1", atMs: 51_000, kind: "caller-text", text: "I am back", final: true });
  await clock.run(1000);
  const found = store.get("call-a1");
  assert.equal(found.ok && found.value.transcript.at(-1)?.text, "I am back");
  record("call-a1");
  store.observe({ ...notices.at(-1)!, atMs: 60_000 });
  store.observe(over);
  await clock.run(1000);
  assert.deepEqual([store.list({}), files()], [[], []]);
});

test("a call that is over as the process ends leaves nothing with keepDays 0", () => {
  using dir = folder();
  const path = `${dir.path}/calls.sqlite`;
  const { store } = makeStore({ path, folder: dir.path, privacy: () => ({ transcripts: true, keepDays: 0 }) });
  const { files } = recordedIn(dir.path, "call-a1");
  conversation({ id: "call-a1", said: "pineapple" }).forEach(store.observe);
  store[Symbol.dispose]();
  assert.deepEqual([files(), filesHolding(dir.path, "pineapple")], [[], []]);
});

test("a clock that is set right soon after the start has cost no call", async () => {
  using dir = folder();
  const path = `${dir.path}/calls.sqlite`;
  const before = makeStore({ path }).store;
  conversation({ id: "call-a1" }).forEach(before.observe);
  before[Symbol.dispose]();
  const clock = new VirtualClock();
  let aheadMs = 400 * 86_400_000;
  const wallTime = () => new Date(clock.wallTime().getTime() + aheadMs);
  const { store } = makeStore({
    path,
    clock: { monotonicMs: () => clock.monotonicMs(), after: (ms, action) => clock.after(ms, action), wallTime },
  });
  using _ = store;
  await clock.run(60_000); // the network is there, and with it the time
  aheadMs = 0;
  await clock.run(3 * 3_600_000);
  assert.deepEqual(store.list({}).map(({ id }) => id), ["call-a1"]);
  aheadMs = 400 * 86_400_000;
  await clock.run(3_600_000);
  assert.deepEqual(store.list({}), [], "and what is really old goes");
});

test("at the end, old recordings without a call are removed", () => {
  using dir = folder();
  const path = `${dir.path}/calls.sqlite`;
  const first = makeStore({ path, folder: dir.path });
  conversation({ id: "call-a1" }).forEach(first.store.observe);
  first.store[Symbol.dispose]();
  const { files } = recordedIn(dir.path, "call-a1", "call-a2", "call-a3", "a copy");
  for (const name of ["call-a1", "call-a2", "a copy"]) {
    Deno.utimeSync(`${dir.path}/recordings/${name}.wav`, new Date("2025-11-01"), new Date("2025-11-01"));
  }
  const { store } = makeStore({ path, folder: dir.path });
  assert.equal(files().length, 4, "not while callers wait to be answered");
  store[Symbol.dispose]();
  assert.deepEqual(files(), ["a copy.wav", "call-a1.wav", "call-a3.wav"]);
});

test("what is recorded of a live call after it was removed goes when it is over", async () => {
  using dir = folder();
  const { store, clock } = makeStore({ path: `${dir.path}/calls.sqlite`, folder: dir.path });
  using _ = store;
  const { files, record } = recordedIn(dir.path, "call-a1");
  const notices = conversation({ id: "call-a1", reason: "line-lost" });
  const over = notices.pop()!;
  notices.forEach(store.observe);
  assert.equal(store.remove("call-a1"), "removed");
  assert.deepEqual(files(), []);
  record("call-a1");
  store.observe(over);
  await clock.run(1000);
  assert.deepEqual(files(), []);
});

test("a call that cannot be removed now is said to be kept, and is kept whole", async () => {
  using dir = folder();
  const path = `${dir.path}/calls.sqlite`;
  const { store, clock } = makeStore({ path, folder: dir.path });
  using _ = store;
  const { files } = recordedIn(dir.path, "call-a1");
  conversation({ id: "call-a1" }).forEach(store.observe);
  await clock.run(1000);
  using beside = new DatabaseSync(path);
  beside.exec("BEGIN IMMEDIATE");
  assert.equal(store.remove("call-a1"), "kept");
  assert.deepEqual(store.forget("+15550100"), { calls: 0, clean: false });
  beside.exec("ROLLBACK");
  store.observe({ call: "call-a1", atMs: 45_000, kind: "summary", text: "A visit." });
  const found = store.get("call-a1");
  assert.deepEqual([found.ok && found.value.summary, files()], ["A visit.", ["call-a1.wav"]]);
  assert.equal(store.remove("call-a1"), "removed");
  assert.deepEqual([store.list({}), files()], [[], []]);
});

for (
  const [what, hold, left] of [["written", "BEGIN IMMEDIATE", 3], ["emptied", "BEGIN; SELECT * FROM calls", 0]] as const
) {
  test(`old calls go, with all traces, once a file that could not be ${what} can be: it is tried every 2 s`, async () => {
    using dir = folder();
    const path = `${dir.path}/calls.sqlite`;
    let keepDays = 30;
    const { store, clock } = makeStore({ path, folder: dir.path, privacy: () => ({ transcripts: true, keepDays }) });
    using _ = store;
    const { files } = recordedIn(dir.path, "call-a0", "call-a1", "call-a2");
    for (let n = 0; n < 3; n++) conversation({ id: `call-a${n}`, said: "pineapple" }).forEach(store.observe);
    await clock.run(590_000);
    keepDays = 0;
    using beside = new DatabaseSync(path);
    beside.exec(hold);
    let timers = 0;
    const after = clock.after.bind(clock);
    clock.after = (...args) => (timers++, after(...args));
    await clock.run(20_000);
    assert.ok(timers > 2 && timers < 10, `${timers} attempts in 10 s`);
    assert.deepEqual([store.list({}).length, files().length], [left, left]);
    assert.notDeepEqual(filesHolding(dir.path, "pineapple"), []);
    beside.exec("ROLLBACK");
    await clock.run(3000);
    assert.deepEqual([store.list({}), files(), filesHolding(dir.path, "pineapple")], [[], [], []]);
  });
}

test("memory holds a bounded number of calls: the oldest makes room", () => {
  const { store } = makeStore();
  using _ = store;
  for (let n = 0; n < MEMORY_CALLS + 7; n++) conversation({ id: `call-${n}` }).forEach(store.observe);
  assert.equal(store.list({ limit: 10_000 }).length, MEMORY_CALLS);
  assert.equal(store.get("call-6").ok, false);
});

test("a folder that cannot be written is said at once, calls go on, and it recovers", async () => {
  using dir = folder();
  const path = `${dir.path}/later/calls.sqlite`;
  const { store, clock, reports } = makeStore({ path });
  using _ = store;
  const [report] = reports;
  assert.ok(report?.kind === "failing" && report.fault.kind === "rejected");
  assert.equal(report.fault.code, "not-opened");
  conversation({ id: "call-aa11" }).forEach(store.observe);
  assert.equal(store.failing?.fault, report.fault);
  await clock.run(30_000);
  assert.equal(reports.length, 1, "said once, not with every attempt");
  await clock.run(60_000);
  assert.equal(reports.length, 2, "and again after a minute");
  assert.deepEqual(store.list({}), []);
  Deno.mkdirSync(`${dir.path}/later`);
  await clock.run(3000);
  assert.deepEqual(reports.at(-1), { kind: "recovered", lost: 0 });
  assert.equal(store.failing, undefined);
  assert.equal(store.list({})[0]?.outcome, "caller-hung-up");
});

test("a full disk is said, nothing throws, what has no place is counted, and the rest is written when there is room", async () => {
  using dir = folder();
  const path = `${dir.path}/calls.sqlite`;
  let lost = 0;
  const { store, clock, reports } = makeStore({ path, lost: (count) => lost += count });
  using _ = store;
  conversation({ id: "call-before" }).forEach(store.observe);
  await clock.run(1000);
  // Every insertion fails with the words SQLite has for a full disk.
  const lock = new DatabaseSync(path);
  lock.exec("CREATE TRIGGER full BEFORE INSERT ON notices BEGIN SELECT RAISE(FAIL, 'database or disk is full'); END");
  conversation({ id: "call-during" }).forEach(store.observe);
  await clock.run(1000);
  const [report] = reports;
  assert.ok(report?.kind === "failing" && report.fault.kind === "rejected");
  assert.equal(report.fault.code, "full");
  for (let n = 0; n < QUEUE_LIMIT + 10; n++) {
    store.observe({ call: "call-during", atMs: n, kind: "digit", digit: "1" });
  }
  await clock.run(5000);
  assert.deepEqual(reports.map(({ kind }) => kind), ["failing", "dropped"]);
  lock.exec("DROP TRIGGER full");
  lock.close();
  await clock.run(5000);
  const last = reports.at(-1);
  assert.ok(last?.kind === "recovered" && last.lost > 0);
  assert.equal(lost, last.lost);
  assert.equal(store.notices("call-during").length, QUEUE_LIMIT);
  assert.equal(store.list({}).find(({ id }) => id === "call-during")?.outcome, "caller-hung-up");
});

test("a file that is moved away while we write it: a new one is made, and a call that lives is in it", async () => {
  using dir = folder();
  const path = `${dir.path}/calls.sqlite`;
  const { store, clock, reports } = makeStore({ path });
  using _ = store;
  conversation({ id: "call-before" }).forEach(store.observe);
  const live = conversation({ id: "call-live" });
  live.slice(0, 9).forEach(store.observe);
  await clock.run(1000);
  Deno.renameSync(path, `${path}.old`);
  live.slice(9).forEach(store.observe);
  await clock.run(1000);
  const beside = new SqliteBackend({ path, access: "read" });
  const rows = beside.list({});
  beside.close();
  assert.deepEqual(rows.map(({ id, from, outcome }) => ({ id, from, outcome })), [
    { id: "call-live", from: "+15550100", outcome: "caller-hung-up" },
  ]);
  const old = new SqliteBackend({ path: `${path}.old`, access: "read" });
  assert.equal(old.list({}).length, 2);
  old.close();
  assert.deepEqual(reports, []);
});

test("a data folder that is removed while we write into it is told, and used again once it is back", async () => {
  using dir = folder();
  const data = `${dir.path}/data`;
  Deno.mkdirSync(data);
  const { store, clock, reports } = makeStore({ path: `${data}/calls.sqlite` });
  using _ = store;
  await clock.run(1000);
  Deno.removeSync(data, { recursive: true });
  conversation({ id: "call-a1" }).forEach(store.observe);
  await clock.run(5000);
  const [report] = reports;
  assert.ok(report?.kind === "failing" && report.fault.kind === "rejected");
  assert.match(report.fault.detail, /check that its folder exists/);
  Deno.mkdirSync(data);
  await clock.run(5000);
  assert.deepEqual(reports.map(({ kind }) => kind), ["failing", "recovered"]);
  assert.deepEqual(store.list({}).map(({ id }) => id), ["call-a1"]);
});

test("another process that holds the file for a while is no failure", async () => {
  using dir = folder();
  const path = `${dir.path}/calls.sqlite`;
  const { store, clock, reports } = makeStore({ path });
  using _ = store;
  const beside = new DatabaseSync(path);
  beside.exec("BEGIN IMMEDIATE");
  conversation({ id: "call-aa11" }).forEach(store.observe);
  await clock.run(3000);
  beside.exec("ROLLBACK");
  beside.close();
  await clock.run(1000);
  assert.deepEqual(reports, []);
  assert.equal(store.list({}).length, 1);
});

test("another process that holds the file for so long that much waits is told", async () => {
  using dir = folder();
  const path = `${dir.path}/calls.sqlite`;
  const { store, clock, reports } = makeStore({ path });
  using _ = store;
  const beside = new DatabaseSync(path);
  beside.exec("BEGIN IMMEDIATE");
  for (let n = 0; n < QUEUE_LIMIT / 2; n++) store.observe({ call: "call-a1", atMs: n, kind: "digit", digit: "1" });
  await clock.run(3000);
  const [report] = reports;
  assert.ok(report?.kind === "failing" && report.fault.kind === "rejected" && report.fault.code === "busy");
  beside.exec("ROLLBACK");
  beside.close();
  await clock.run(10_000);
  assert.deepEqual(reports.map(({ kind }) => kind), ["failing", "recovered"]);
});

test("of 600 calls at once each has its end, and one of long ago gets the fact that is found late", async () => {
  using dir = folder();
  const { store, clock } = makeStore({ path: `${dir.path}/calls.sqlite` });
  using _ = store;
  const calls = Array.from({ length: 600 }, (_, n) => conversation({ id: `call-${n}` }));
  for (const notices of calls) notices.slice(0, 9).forEach(store.observe);
  for (const notices of calls) notices.slice(9).forEach(store.observe);
  await clock.run(20_000);
  conversation({ id: "call-600" }).forEach(store.observe); // for whom older ones make room
  await clock.run(1000);
  const value = "+15550142";
  store.observe({ call: "call-0", atMs: 45_000, kind: "fact", field: "phone", value, evidence: "one" });
  await clock.run(1000);
  const rows = store.list({ limit: 1000 });
  assert.equal(rows.length, 601);
  assert.ok(rows.every(({ outcome, turns }) => outcome === "caller-hung-up" && turns === 3));
  assert.deepEqual(rows.find(({ id }) => id === "call-0")?.facts, { name: "Ada", phone: value });
});

test("a fact that comes late is kept, however many calls wait to be written", async () => {
  using dir = folder();
  const { store, clock } = makeStore({ path: `${dir.path}/calls.sqlite` });
  using _ = store;
  conversation({ id: "call-old" }).forEach(store.observe);
  await clock.run(1000);
  for (let n = 0; n < 600; n++) conversation({ id: `call-${n}` }).forEach(store.observe);
  const value = "+15550142";
  store.observe({ call: "call-old", atMs: 45_000, kind: "fact", field: "phone", value, evidence: "one" });
  const old = store.list({ limit: 1000 }).find(({ id }) => id === "call-old");
  assert.deepEqual(old?.facts, { name: "Ada", phone: value });
});

test("a live call that is forgotten by another process stays forgotten, whatever happens in it", async () => {
  using dir = folder();
  const path = `${dir.path}/calls.sqlite`;
  const { store, clock } = makeStore({ path });
  using _ = store;
  const notices = conversation({ id: "call-a1", said: "pineapple" });
  notices.slice(0, 9).forEach(store.observe);
  await clock.run(1000);
  const beside = new SqliteBackend({ path, access: "edit" });
  assert.equal(beside.remove(beside.ofNumber("+15550100")), 1);
  notices.slice(9).forEach(store.observe);
  await clock.run(1000);
  assert.deepEqual([store.list({}), store.notices("call-a1")], [[], []]);
  assert.ok(beside.scrub());
  beside.close();
  assert.deepEqual(filesHolding(dir.path, "pineapple"), []);
});

test("what could not be written yet can be forgotten, and is not written later", async () => {
  using dir = folder();
  const { store, clock } = makeStore({ path: `${dir.path}/later/calls.sqlite` });
  using _ = store;
  conversation({ id: "call-a1" }).forEach(store.observe);
  conversation({ id: "call-b2", from: "+15550111" }).forEach(store.observe);
  assert.equal(store.forget("+15550100").calls, 1);
  Deno.mkdirSync(`${dir.path}/later`);
  await clock.run(5000);
  assert.deepEqual(store.list({}).map(({ id }) => id), ["call-b2"]);
});

test("a file of a newer version is left as it is", () => {
  using dir = folder();
  const path = `${dir.path}/calls.sqlite`;
  const db = new DatabaseSync(path);
  db.exec("PRAGMA user_version = 99");
  db.close();
  const { store, reports } = makeStore({ path });
  store[Symbol.dispose]();
  const [report] = reports;
  assert.ok(report?.kind === "failing" && report.fault.kind === "rejected");
  assert.match(report.fault.detail, /schema 99/);
});

test("an older file is brought up to date, all or nothing", () => {
  const db = new DatabaseSync(":memory:");
  const later = [...MIGRATIONS, "ALTER TABLE calls ADD COLUMN mood TEXT"];
  migrate(db);
  assert.throws(() => migrate(db, [...later, "CREATE TABLE half (x); SELECT nonsense"]));
  assert.equal(db.prepare("PRAGMA user_version").get()?.user_version, later.length);
  assert.equal(db.prepare("SELECT COUNT(*) AS n FROM sqlite_master WHERE name = 'half'").get()?.n, 0);
  assert.throws(() => migrate(db), NewerSchemaError);
  db.close();
});

test("a file that is none of ours is not overwritten", () => {
  using dir = folder();
  const path = `${dir.path}/calls.sqlite`;
  Deno.writeTextFileSync(
    path,
    "This is a letter, and a long one, to somebody who keeps letters in odd places.\n".repeat(99),
  );
  const before = Deno.readFileSync(path);
  let lost = 0;
  const { store, reports } = makeStore({ path, lost: (count) => lost += count });
  conversation({ id: "call-aa11" }).forEach(store.observe);
  store[Symbol.dispose]();
  assert.equal(reports[0]?.kind, "failing");
  assert.deepEqual(Deno.readFileSync(path), before);
  const last = reports.at(-1)!;
  assert.ok(last.kind === "lost" && last.lost > 5 && last.lost === lost, JSON.stringify(last));
  assert.match(describeStoreReport(last), /^Calls were NOT recorded: \d+ notices are lost\.$/);
  assert.match(describeStoreReport(reports[0]), /a new one is made; 0 notices wait in memory\.$/);
});

/** Names of files in `dir` whose bytes hold `text`. */
function filesHolding(dir: string, text: string): string[] {
  return [...Deno.readDirSync(dir)].filter(({ isFile }) => isFile).map(({ name }) => name).filter((name) =>
    new TextDecoder("latin1").decode(Deno.readFileSync(`${dir}/${name}`)).includes(text)
  );
}
