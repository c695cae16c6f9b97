import assert from "node:assert/strict";
import { folderArchive } from "../lib/calls_archive.ts";
import { describeNotes, parseConfig } from "../lib/config.ts";
import { openKeeping } from "../lib/keeping.ts";
import { test } from "./case.ts";
import { VirtualClock } from "./sim/clock.ts";
import { conversation, folder } from "./store/make.ts";

/** Keeps a recorded call in `path`, and tells the modes of what is there while it is open. */
async function modesOf(path: string): Promise<Record<string, string>> {
  const parsed = parseConfig({ text: '{"prompt": "x"}', file: "config.json", env: {}, readAsset: () => undefined });
  if (!parsed.ok) throw new Error(describeNotes(parsed.fault));
  const { config } = parsed.value;
  await using keeping = openKeeping({
    config: () => config,
    clock: new VirtualClock(),
    fetch: () => Promise.reject(new TypeError("no network here")),
    folder: path,
    process: "test",
    lost: () => {},
    report: () => {},
  });
  using _recorder = keeping.record!("call-a1");
  conversation({ id: "call-a1" }).forEach(keeping.store.observe);
  keeping.store.flush();
  const names = [".", ...[...Deno.readDirSync(path)].map(({ name }) => name), "recordings/call-a1.wav"].toSorted();
  return Object.fromEntries(names.map((name) => [name, (Deno.statSync(`${path}/${name}`).mode! & 0o777).toString(8)]));
}

const OWN = {
  "calls.sqlite": "600",
  "calls.sqlite-owner": "600",
  "calls.sqlite-shm": "600",
  "calls.sqlite-wal": "600",
  "recordings": "700",
  "recordings/call-a1.wav": "600",
};

test("what is kept of calls is for our own user alone, what an older version has made too", async () => {
  if (Deno.build.os === "windows") return;
  using dir = folder();
  const path = `${dir.path}/below/data`;
  assert.deepEqual(await modesOf(path), { ".": "700", ...OWN });
  Deno.chmodSync(path, 0o755);
  Deno.chmodSync(`${path}/recordings`, 0o755);
  Deno.chmodSync(`${path}/calls.sqlite`, 0o644);
  assert.deepEqual(await modesOf(path), { ".": "755", ...OWN }, "a data folder that was there stays as it was");
});

test("the webhook is told no word of a call whose words were not kept when it began, and all of another's", async () => {
  for (const transcripts of [false, true]) {
    const parsed = parseConfig({
      text: JSON.stringify({ prompt: "x", privacy: { transcripts } }),
      file: "config.json",
      env: { CALL_WEBHOOK_URL: "https://crm.test/calls" },
      readAsset: () => undefined,
    });
    if (!parsed.ok) throw new Error(describeNotes(parsed.fault));
    let { config } = parsed.value;
    const clock = new VirtualClock();
    const posts: string[] = [];
    const keeping = openKeeping({
      config: () => ({ ...config, rehearsal: false }), // no model is asked for facts
      clock,
      fetch: async (request) => {
        posts.push(await request.text());
        return new Response(null, { status: 204 });
      },
      folder: undefined,
      process: "test",
      lost: () => {},
      report: () => {},
    });
    const notices = conversation({ id: "call-a1", said: "my secret is pineapple" });
    notices.slice(0, 5).forEach(keeping.observe);
    const { base } = config;
    config = { ...config, base: { ...base, privacy: { ...base.privacy, transcripts: !transcripts } } }; // an edit
    notices.slice(5).forEach(keeping.observe);
    assert.equal(JSON.stringify(keeping.store.notices("call-a1")).includes("pineapple"), transcripts);
    await clock.run(5000);
    await clock.runFor(Promise.resolve(keeping[Symbol.asyncDispose]()));
    assert.deepEqual([posts.length, posts[0]!.includes("pineapple")], [1, transcripts]);
    assert.ok(posts[0]!.includes('"cost"'));
  }
});

/** Posts of a call whose address is in trouble at first, by `keepDays`, if `meanwhile` happens after the first two. */
async function postsOf({ keepDays, meanwhile }: { keepDays: number; meanwhile: (folder: string) => Promise<unknown> }) {
  using dir = folder();
  const parsed = parseConfig({
    text: JSON.stringify({ prompt: "x", privacy: { keepDays } }),
    file: "config.json",
    env: { CALL_WEBHOOK_URL: "https://crm.test/calls" },
    readAsset: () => undefined,
  });
  if (!parsed.ok) throw new Error(describeNotes(parsed.fault));
  const config = { ...parsed.value.config, rehearsal: false }; // no model is asked for facts
  const clock = new VirtualClock();
  let posts = 0;
  const keeping = openKeeping({
    config: () => config,
    clock,
    fetch: () => Promise.resolve(new Response(null, { status: ++posts < 4 ? 503 : 204 })),
    folder: dir.path,
    process: "test",
    lost: () => {},
    report: () => {},
  });
  conversation({ id: "call-a1" }).forEach(keeping.observe);
  await clock.run(5000);
  assert.equal(posts, 2);
  await meanwhile(dir.path);
  await clock.run(600_000);
  await clock.runFor(Promise.resolve(keeping[Symbol.asyncDispose]()));
  return posts;
}

test("a caller who is forgotten while the webhook's address is in trouble is told of no more; who is not kept anyway is", async () => {
  const forget = async (folder: string) => {
    using archive = folderArchive({ env: { DATA_DIR: folder } }, "edit");
    assert.deepEqual(await archive.forget("+15550100"), { calls: 1, clean: true });
  };
  assert.equal(await postsOf({ keepDays: 30, meanwhile: forget }), 2);
  assert.equal(await postsOf({ keepDays: 30, meanwhile: () => Promise.resolve() }), 4);
  assert.equal(await postsOf({ keepDays: 0, meanwhile: () => Promise.resolve() }), 4);
});
