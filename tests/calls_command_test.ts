import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { Hono } from "hono";
import { recordCommand } from "../lib/calls_command.ts";
import { CALLS_FILE } from "../lib/store/place.ts";
import { callsRoutes } from "../lib/calls_routes.ts";
import { waitsOf } from "../lib/store/waits.ts";
import { test } from "./case.ts";
import { fromSource, run } from "./executable/harness.ts";
import { conversation, folder, makeStore } from "./store/make.ts";

const TOKEN = "a-token-of-24-characters";

/** A data folder with three calls, and a way to give commands beside the server that holds it open. */
function desk() {
  const dir = folder();
  const { store } = makeStore({ path: `${dir.path}/${CALLS_FILE}`, folder: dir.path });
  conversation({ id: "call-aa11", from: "+15550111", startedAt: "2026-01-01T09:00:00.000Z" }).forEach(store.observe);
  conversation({ id: "call-aa22", from: "+15550122", reason: "silence" }).forEach(store.observe);
  conversation({ id: "call-bb33", from: "+15550111", said: "my card is 4111 1111 1111 1111\x1b[2J" }).forEach(
    store.observe,
  );
  store.flush();
  const app = new Hono();
  callsRoutes({ store, adminToken: TOKEN })(app);
  const run = async (
    name: "calls" | "show" | "forget",
    args: string[],
    more: { env?: Record<string, string>; yes?: boolean; isTerminal?: boolean } = {},
  ) => {
    const out: string[] = [];
    const err: string[] = [];
    const code = await recordCommand(name, args, {
      env: { DATA_DIR: dir.path, ADMIN_TOKEN: TOKEN, ...more.env },
      fetch: async (request) => await app.fetch(request),
      now: () => new Date("2026-01-01T12:10:00.000Z"),
      print: (line) => out.push(line),
      printError: (line) => err.push(line),
      isTerminal: more.isTerminal ?? false,
      confirm: () => more.yes,
    });
    return { code, out: out.join("\n"), err: err.join("\n") };
  };
  const close = () => {
    store[Symbol.dispose]();
    dir[Symbol.dispose]();
  };
  return { run, dir: dir.path, store, app, [Symbol.dispose]: close };
}

for (const [place, url] of [["the data folder", []], ["a server", ["--url", "http://desk.test/"]]] as const) {
  test(`calls, show and forget work on ${place}`, async () => {
    using at = desk();
    const list = await at.run("calls", [...url, "--number", "+15550111", "--json"]);
    assert.deepEqual(JSON.parse(list.out).calls.map(({ id }: { id: string }) => id), ["call-bb33", "call-aa11"]);
    assert.match(
      (await at.run("calls", [...url, "--outcome", "silence"])).out,
      /^call-aa22.*silence.*42\.0 s.*3 turns.*Ada$/,
    );
    assert.equal((await at.run("calls", [...url, "--since", "1h"])).out.split("\n").length, 2);
    assert.equal((await at.run("calls", [...url, "--live"])).out, "No calls.");
    const shown = await at.run("show", ["bb", ...url]);
    assert.equal(shown.code, 0);
    assert.match(shown.out, /answered after 1720 ms, interrupted after 700 ms/);
    assert.match(shown.out, /Tuesday at ten ~~is free\.~~/);
    assert.match(shown.out, /waited 1720 ms for the tool find_slots/);
    assert.match(shown.out, /about \$0\.0652 at list prices/);
    assert.equal(shown.out.includes("\x1b"), false, "nothing said may command a terminal");
    const several = await at.run("show", ["aa", ...url]);
    assert.equal(several.code, 1);
    assert.match(several.err, /call-aa11, call-aa22|call-aa22, call-aa11/);
    assert.equal((await at.run("show", ["zz", ...url])).code, 1);
    const gone = await at.run("forget", ["+15550111", "--yes", "--json", ...url]);
    assert.deepEqual(JSON.parse(gone.out), { schema: 1, number: "******11", calls: 2, clean: true });
    assert.deepEqual(at.store.list({}).map(({ id }) => id), ["call-aa22"]);
  });
}

test("who calls under a name that commands a terminal commands none", async () => {
  using at = desk();
  conversation({ id: "call-cc44", from: "sip:\x1b[2J@pbx.example", to: "\x9b2J" }).forEach(at.store.observe);
  at.store.flush();
  for (const command of [["show", "cc"], ["calls"]] as const) {
    const [name, ...args] = command;
    const { out } = await at.run(name, args);
    assert.doesNotMatch(out.replaceAll("\n", ""), /\p{Cc}/u, name);
    assert.match(out, /sip: \[2J@pbx\.example/);
  }
});

test("with --json what is not there is a document too", async () => {
  using at = desk();
  const none = await at.run("show", ["zz", "--json"]);
  assert.deepEqual(JSON.parse(none.out), { ok: false, schema: 1, error: none.err });
  using empty = folder();
  const never = await at.run("calls", ["--json"], { env: { DATA_DIR: empty.path } });
  assert.deepEqual([never.code, JSON.parse(never.out).error], [1, never.err]);
});

test("a time as it is listed is one that --since takes, wherever the machine stands", async () => {
  using at = desk();
  const before = Deno.env.get("TZ");
  Deno.env.set("TZ", "America/New_York");
  try {
    const [, listed] = /^call-bb33 +(\S+ \S+)/m.exec((await at.run("calls", [])).out)!;
    assert.match((await at.run("calls", ["--since", listed!])).out, /^call-bb33/);
  } finally {
    if (before === undefined) Deno.env.delete("TZ");
    else Deno.env.set("TZ", before);
  }
});

test("unheard words are struck out with the terminal's own means", async () => {
  using at = desk();
  const { out } = await at.run("show", ["last"], { isTerminal: true });
  assert.ok(out.includes("Tuesday at ten \x1b[9mis free.\x1b[29m"));
});

test("a bundle masks numbers, and holds no word if asked", async () => {
  using at = desk();
  const path = `${at.dir}/bundle.json`;
  assert.equal((await at.run("show", ["bb", "--bundle", path])).code, 0);
  const masked = Deno.readTextFileSync(path);
  for (const secret of ["15550111", "4111 1111", "15550101"]) assert.equal(masked.includes(secret), false, secret);
  assert.ok(masked.includes("my card is **************11"));
  assert.ok(masked.includes("2026-01-01T12:00:00.000Z"));
  await at.run("show", ["bb", "--bundle", path, "--no-words"]);
  const bare = Deno.readTextFileSync(path);
  for (const word of ["card", "Tuesday", "Ada", "Welcome"]) assert.equal(bare.includes(word), false, word);
  assert.ok(JSON.parse(bare).call.transcript.every(({ words }: { words: number }) => words > 0));
});

test("a bundle or a recording that cannot be written is told in a sentence", async () => {
  using at = desk();
  const bundle = await at.run("show", ["bb", "--bundle", `${at.dir}/none/x.json`]);
  assert.deepEqual([bundle.code, bundle.out], [1, ""]);
  assert.match(bundle.err, /^Cannot write \S+none\/x\.json: there is no such folder/);
  Deno.mkdirSync(`${at.dir}/recordings`);
  Deno.writeTextFileSync(`${at.dir}/recordings/call-bb33.wav`, "RIFF");
  const wav = await at.run("show", ["bb", "--wav", at.dir]);
  assert.equal(wav.code, 1);
  assert.match(wav.err, /^Cannot write /);
});

test("a folder that may not be read is told in our words, with what to do", async () => {
  using at = desk();
  const program = fromSource("--allow-read=.", "--allow-env");
  const { code, stderr } = await run(program, ["calls"], { cwd: "/usr", env: { DATA_DIR: at.dir } });
  assert.equal(code, 1);
  assert.match(stderr, /^Cannot read \S+calls\.sqlite: it may not be read\. Start Deno with --allow-read/);
});

test("a recording is copied, or its absence said", async () => {
  using at = desk();
  const missing = await at.run("show", ["bb", "--wav", `${at.dir}/x.wav`]);
  assert.match(missing.err, /was not recorded: privacy\.recording is what asks for it/);
  Deno.mkdirSync(`${at.dir}/recordings`);
  Deno.writeTextFileSync(`${at.dir}/recordings/call-bb33.wav`, "RIFF");
  assert.equal((await at.run("show", ["bb", "--wav", `${at.dir}/x.wav`])).code, 0);
  assert.equal(Deno.readTextFileSync(`${at.dir}/x.wav`), "RIFF");
  await at.run("forget", ["+15550111", "--yes"]);
  assert.deepEqual([...Deno.readDirSync(`${at.dir}/recordings`)], []);
});

test("wrong usage is 2, nothing there 1, nobody reached 3, and nobody is forgotten without a yes", async () => {
  using at = desk();
  const codes: [number, "calls" | "show" | "forget", string[]][] = [
    [2, "calls", ["--sence", "2h"]],
    [2, "calls", ["--since", "yesterday-ish"]],
    [2, "calls", ["--since", "2"]],
    [2, "calls", ["--limit", "many"]],
    [2, "calls", ["--limit", "0"]],
    [2, "calls", ["--outcome", "silent"]],
    [2, "calls", ["--live", "--outcome", "silence"]],
    [0, "calls", ["--outcome", "process-died"]],
    [2, "show", ["a", "b"]],
    [2, "forget", []],
    [2, "forget", ["+15550111"]],
    [2, "forget", ["", "--yes"]],
    [2, "forget", ["abc", "--yes"]],
    [0, "forget", ["+15550999", "--yes"]],
    [2, "calls", ["--url", "nonsense"]],
    [2, "show", ["last", "--url", "desk.test:80"]],
    [2, "show", ["last", "--wav", "x.wav", "--url", "http://desk.test"]],
    [2, "show", ["last", "--no-words"]],
    [0, "forget", ["--help"]],
  ];
  const noneKept = { env: { DATA_DIR: `${at.dir}/none` } };
  for (const [code, name, args] of codes) {
    assert.equal((await at.run(name, args)).code, code, args.join(" "));
    if (code === 2) assert.equal((await at.run(name, args, noneKept)).code, 2, `${args.join(" ")}, and none are kept`);
  }
  assert.match(
    (await at.run("calls", ["--outcome", "silent"])).err,
    /^--outcome takes one of .*silence.*process-died, not/,
  );
  for (const number of ["abc", "anonymous"]) {
    const { code, err } = await at.run("calls", ["--number", number]);
    assert.deepEqual([code, err.split("\n")[0]], [
      2,
      `"${number}" is no telephone number, and no call is from or to it.`,
    ]);
  }
  assert.deepEqual((await at.run("calls", ["--number", "+15550999"])).out, "No calls.");
  assert.equal((await at.run("forget", ["+15550111"], { yes: false })).code, 1);
  assert.equal(at.store.list({}).length, 3);
  assert.match((await at.run("show", ["last", "--no-words"])).err, /^--no-words goes with --bundle\.\n\nUsage: show/);
  assert.equal((await at.run("calls", [], noneKept)).code, 1);
  assert.equal((await at.run("forget", ["+15550111", "--yes"], noneKept)).code, 1);
  assert.match(
    (await at.run("calls", ["--url", "http://desk.test"], { env: { ADMIN_TOKEN: "wrong" } })).err,
    /ADMIN_TOKEN/,
  );
  const down = await recordCommand("calls", ["--url", "http://down.test"], {
    env: {},
    fetch: () => Promise.reject(new TypeError("connection refused")),
    now: () => new Date(),
    print: () => {},
    printError: () => {},
    isTerminal: false,
    confirm: () => undefined,
  });
  assert.equal(down, 3);
});

test("calls are shown by HTTP to whoever has the token, and to nobody where there is none", async () => {
  using at = desk();
  const get = (path: string, token?: string, method = "GET") =>
    Promise.resolve(at.app.request(path, { method, headers: token ? { authorization: `Bearer ${token}` } : {} }));
  assert.equal((await get("/calls")).status, 401);
  assert.equal((await get("/calls", `${TOKEN}x`)).status, 401);
  assert.equal((await get("/calls?limit=x", TOKEN)).status, 400);
  assert.equal((await get("/calls?outcome=silent", TOKEN)).status, 400);
  assert.equal((await (await get("/calls?limit=1", TOKEN)).json()).calls.length, 1);
  const { call, notices } = await (await get("/calls/call-aa22", TOKEN)).json();
  assert.equal(call.cost.usd, 0.0652);
  assert.ok(notices.length > 10);
  assert.equal((await get("/calls/nobody", TOKEN)).status, 404);
  assert.equal((await get("/calls/call-aa22", undefined, "DELETE")).status, 401);
  assert.equal((await get("/calls/call-aa22", TOKEN, "DELETE")).status, 204);
  assert.equal((await get("/calls/call-aa22", TOKEN, "DELETE")).status, 404);
  const off = new Hono();
  callsRoutes({ store: at.store, adminToken: undefined })(off);
  assert.equal((await off.request("/calls", { headers: { authorization: "Bearer undefined" } })).status, 404);
});

const SILENT = { reason: "silence", durationMs: 9000, framesIn: 0, framesOut: 0 } as const;

for (const kind of ["file", "memory"]) {
  test(`a long list in ${kind} comes in pages, while calls go on: whole, in order, none twice`, async () => {
    using dir = folder();
    const { store } = makeStore(kind === "file" ? { path: `${dir.path}/${CALLS_FILE}` } : {});
    using _ = store;
    const day = Date.parse("2026-01-01T12:00:00.000Z");
    // Three of each millisecond, so that a page ends between two that began together.
    const ids = Array.from({ length: 500 }, (_, n) => `call-${String(n).padStart(3, "0")}`);
    for (const [n, id] of ids.entries()) {
      const startedAt = new Date(day + Math.floor(n / 3)).toISOString();
      conversation({ id, startedAt }).slice(0, 3).forEach(store.observe);
      if (n % 100 === 0) store.flush();
    }
    const app = new Hono();
    callsRoutes({ store, adminToken: TOKEN })(app);
    const listed = async (limit: number, meanwhile?: () => void, filter = "") => {
      const headers = { authorization: `Bearer ${TOKEN}` };
      const response = await app.request(`/calls?limit=${limit}${filter}`, { headers });
      assert.equal(response.headers.get("content-type"), "application/json");
      const pieces: string[] = [];
      for await (const piece of response.body!.pipeThrough(new TextDecoderStream())) {
        pieces.push(piece);
        meanwhile?.();
      }
      assert.ok(pieces.length > Math.min(limit, ids.length) / 200, "one page is read at once");
      const { schema, calls } = JSON.parse(pieces.join(""));
      assert.equal(schema, 1);
      return calls.map(({ id }: { id: string }) => id);
    };
    const newest = ids.toReversed();
    assert.deepEqual(await listed(0), []);
    for (const limit of [1, 199, 200, 201, 400, 499, 500, 1000]) {
      assert.deepEqual(await listed(limit), newest.slice(0, limit), `limit ${limit}`);
    }
    const silent = ids.filter((_, n) => n % 2 === 0);
    for (const call of silent) store.observe({ call, atMs: 9000, kind: "call-ended", ...SILENT });
    assert.deepEqual(await listed(300, undefined, "&outcome=silence"), silent.toReversed());
    const startedAt = new Date(day + 60_000).toISOString();
    let rung = 0;
    const ring = () => conversation({ id: `new-${rung++}`, startedAt }).forEach(store.observe);
    assert.deepEqual(await listed(1000, ring), newest);
  });
}

test("a server that shows no calls, or fails, is not said to have no such call", async () => {
  using at = desk();
  const off = new Hono();
  callsRoutes({ store: at.store, adminToken: undefined })(off);
  const show = async (app: Hono) => {
    const err: string[] = [];
    const code = await recordCommand("show", ["last", "--url", "http://desk.test"], {
      env: { ADMIN_TOKEN: TOKEN },
      fetch: async (request) => await app.fetch(request),
      now: () => new Date(),
      print: () => {},
      printError: (line) => err.push(line),
      isTerminal: false,
      confirm: () => undefined,
    });
    return [code, ...err];
  };
  assert.deepEqual(await show(off), [
    1,
    'http://desk.test does not give "last": Calls are not shown here: ADMIN_TOKEN is not set.',
  ]);
  const down = new Hono().get("*", (c) => c.text("bad gateway", 502));
  assert.deepEqual(await show(down), [1, 'http://desk.test does not give "last": HTTP 502']);
  assert.match((await at.run("show", ["zz", "--url", "http://desk.test"])).err, /There is no such call/);
});

test("a call that the server cannot remove now is not said to be removed", async () => {
  using at = desk();
  using beside = new DatabaseSync(`${at.dir}/${CALLS_FILE}`);
  beside.exec("BEGIN IMMEDIATE");
  const headers = { authorization: `Bearer ${TOKEN}` };
  const answer = await at.app.request("/calls/call-aa22", { method: "DELETE", headers });
  assert.equal(answer.status, 503);
  assert.match((await answer.json()).error, /still there/);
  const forgotten = await at.run("forget", ["+15550111", "--yes", "--json", "--url", "http://desk.test/"]);
  assert.deepEqual(JSON.parse(forgotten.out), { schema: 1, number: "******11", calls: 0, clean: false });
  assert.equal(forgotten.code, 1);
  beside.exec("ROLLBACK");
});

test("every long wait names who was waited for", () => {
  const notices = conversation({ id: "call-a" });
  assert.deepEqual(waitsOf(notices), [
    { fromMs: 4000, waitedMs: 1720, who: "the tool find_slots" },
    { fromMs: 6500, waitedMs: 35_500, who: "the caller" },
  ]);
  const slow = notices.filter(({ kind }) => !kind.startsWith("tool")).map((notice) =>
    notice.kind === "latency" ? { ...notice, parts: { stt: 100, model: 1400, voice: 200 } } : notice
  );
  assert.equal(waitsOf(slow)[0]?.who, "the model");
});

test("a damaged file, one of a newer version, and what is no file at all are told in a sentence", async () => {
  const damages: [(path: string) => void, RegExp][] = [
    [(path) => Deno.writeTextFileSync(path, "A letter. ".repeat(999)), /file is not a database: move the file away/],
    [(path) => Deno.mkdirSync(path), /this is no file: move it away/],
    [(path) => {
      const db = new DatabaseSync(path);
      db.exec("PRAGMA user_version = 99");
      db.close();
    }, /schema 99.*: run the version that wrote it|no such table: calls: another program/],
  ];
  for (const [damage, told] of damages) {
    using dir = folder();
    damage(`${dir.path}/${CALLS_FILE}`);
    using at = desk();
    for (const name of ["calls", "show", "forget"] as const) {
      const args = name === "forget" ? ["+15550111", "--yes"] : [];
      const { code, err } = await at.run(name, args, { env: { DATA_DIR: dir.path } });
      assert.equal(code, 1);
      assert.match(err, /^Cannot (read|edit) .*calls\.sqlite: /);
      assert.match(err, told);
      assert.equal(err.includes("\n"), false, err);
    }
  }
  using dir = folder();
  Deno.writeTextFileSync(`${dir.path}/data`, "");
  using at = desk();
  const { code, err } = await at.run("calls", [], { env: { DATA_DIR: `${dir.path}/data` } });
  assert.deepEqual([code, /what it names is no folder/.test(err)], [1, true], err);
});
