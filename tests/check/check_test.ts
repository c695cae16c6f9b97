import assert from "node:assert/strict";
import { decode } from "../../lib/audio/mulaw.ts";
import { writeWav } from "../../lib/audio/wav.ts";
import { adminItem, denoItem } from "../../lib/check/local.ts";
import { test } from "../case.ts";
import { config } from "../config/make.ts";
import { checkWorld, goodWorld, HOST, NUMBER, PIPELINE, RECORDING, SECRETS } from "./world.ts";

test("where all is right, nothing is wrong, to look at, or rehearsed", async () => {
  for (const config of [goodWorld().config, { ...PIPELINE, greeting: "Hello." }]) {
    const checked = await checkWorld({ ...goodWorld(), config }, { live: true });
    assert.equal(checked.code, 0, checked.output);
    assert.equal(checked.report.mode, "live");
    assert.deepEqual([checked.named("WRONG"), checked.named("warn"), checked.named("rehearsal")], [[], [], []]);
    for (const name of ["DEEPGRAM_API_KEY", "TWILIO_AUTH_TOKEN", "PUBLIC_HOST", NUMBER, "port 5000"]) {
      assert.equal(checked.item(name)?.state, "ok", name);
    }
    assert.equal(checked.item("GROQ_API_KEY")?.state, checked.item("pipeline.think[0]")?.state, "with its model");
  }
});

test("with nothing set it is a rehearsal, which only --live calls not ready", async () => {
  const nothing = { ...goodWorld(), env: {}, port: "free" } as const;
  const plain = await checkWorld(nothing);
  assert.equal(plain.code, 0, plain.output);
  assert.equal(plain.report.mode, "rehearsal");
  assert.deepEqual(plain.named("rehearsal").sort(), ["DEEPGRAM_API_KEY", "PUBLIC_HOST", "TWILIO_AUTH_TOKEN"]);
  assert.deepEqual(plain.reached, [], "stand-ins need no try");
  const live = await checkWorld(nothing, { live: true });
  assert.deepEqual([live.code, live.report.ok], [1, false]);
});

test("a real key is tried in rehearsal too", async () => {
  const good = await checkWorld({ ...goodWorld(), env: { DEEPGRAM_API_KEY: "mine" } });
  assert.equal(good.item("DEEPGRAM_API_KEY")?.state, "ok");
  assert.equal(good.code, 0);
  const bad = await checkWorld({ ...goodWorld(), env: { DEEPGRAM_API_KEY: "bad" } });
  assert.deepEqual([bad.named("WRONG"), bad.code], [["DEEPGRAM_API_KEY"], 1]);
});

test("--offline uses no network", async () => {
  const checked = await checkWorld({ ...goodWorld(), config: PIPELINE, port: "free" }, { offline: true });
  assert.deepEqual(checked.reached, []);
  assert.equal(checked.code, 0, checked.output);
  assert.match(checked.item("GROQ_API_KEY")!.finding, /not tried/);
});

test("--fix points the number here, and only --fix does", async () => {
  const world = {
    ...goodWorld(),
    number: { voice_url: "https://demo.twilio.com/welcome", voice_application_sid: "AP1" },
  };
  const before = await checkWorld(world);
  assert.equal(before.number["voice_url"], "https://demo.twilio.com/welcome");
  const fixed = await checkWorld(world, { fix: true });
  assert.equal(fixed.code, 0, fixed.output);
  assert.deepEqual(fixed.item(NUMBER), { name: NUMBER, state: "ok", finding: "points here now", remedy: "" });
  assert.deepEqual(
    [fixed.number["voice_url"], fixed.number["voice_fallback_url"], fixed.number["status_callback"]],
    [`https://${HOST}/incoming-call`, `https://${HOST}/incoming-call`, `https://${HOST}/call-status`],
  );
  assert.equal(fixed.number["voice_application_sid"], "");
});

test("--fix leaves a number on a SIP trunk alone", async () => {
  const number = { voice_url: "", trunk_sid: "TK00000000000000000000000000000001" };
  const checked = await checkWorld({ ...goodWorld(), number }, { fix: true });
  assert.deepEqual([checked.named("WRONG"), checked.code], [[NUMBER], 1]);
});

test("a number without fallback and status URL is only to be looked at", async () => {
  const checked = await checkWorld({ ...goodWorld(), number: { voice_url: `https://${HOST}/twiml` } });
  assert.deepEqual([checked.named("warn"), checked.named("WRONG"), checked.code], [[NUMBER], [], 0]);
  assert.match(checked.item(NUMBER)!.finding, /fallback URL and status URL/);
});

test("a fallback URL at another server is told, and --fix brings it here", async () => {
  const { number } = goodWorld();
  const astray = { ...goodWorld(), number: { ...number, voice_fallback_url: "https://old.example.com/incoming-call" } };
  const checked = await checkWorld(astray);
  assert.deepEqual([checked.named("warn"), checked.code], [[NUMBER], 0]);
  assert.match(checked.item(NUMBER)!.finding, /its fallback URL does not/);
  assert.equal((await checkWorld(astray, { fix: true })).number["voice_fallback_url"], `https://${HOST}/incoming-call`);
});

test("a URL of the number that Twilio asks with GET is told, and --fix makes it POST", async () => {
  const methods = ["voice_method", "voice_fallback_method", "status_callback_method"];
  const { number } = goodWorld();
  const oldFashioned = { ...goodWorld(), number: { ...number, ...Object.fromEntries(methods.map((m) => [m, "GET"])) } };
  const checked = await checkWorld(oldFashioned);
  assert.deepEqual([checked.named("warn"), checked.code], [[NUMBER], 0]);
  assert.match(
    checked.item(NUMBER)!.finding,
    /its voice URL, fallback URL and status URL are asked with GET, not POST$/,
  );
  assert.match(checked.item(NUMBER)!.remedy, /--fix/);
  const fixed = await checkWorld(oldFashioned, { fix: true });
  assert.equal(fixed.item(NUMBER)!.finding, "points here now");
  assert.deepEqual(methods.map((method) => fixed.number[method]), ["POST", "POST", "POST"]);
});

test("what a number lacks and what it asks with GET is told together, and the method of a URL elsewhere is not", async () => {
  const number = {
    ...goodWorld().number,
    voice_fallback_url: "https://old.example.com/",
    voice_fallback_method: "GET",
    status_callback_method: "GET",
  };
  const { finding } = (await checkWorld({ ...goodWorld(), number })).item(NUMBER)!;
  assert.equal(
    finding,
    "its calls come here, but its fallback URL does not, and its status URL is asked with GET, not POST",
  );
});

test("a public name cannot be judged while no server runs here", async () => {
  const checked = await checkWorld({ ...goodWorld(), port: "free", unknown: [HOST] });
  assert.deepEqual([checked.named("warn"), checked.named("WRONG")], [["PUBLIC_HOST"], []]);
  assert.match(checked.item("PUBLIC_HOST")!.remedy, /offhook serve/);
});

test("without the account's token it warns that anybody can pose as Twilio", async () => {
  const { env, ...world } = goodWorld();
  const checked = await checkWorld({ ...world, env: { ...env, TWILIO_AUTH_TOKEN: undefined } });
  assert.deepEqual([checked.named("warn"), checked.named("WRONG")], [["TWILIO_AUTH_TOKEN"], []]);
});

test("limits and troubles on the vendor's side are to be looked at, not wrong", async () => {
  for (const refuse of [429, 503]) {
    const checked = await checkWorld({ ...goodWorld(), agentFaults: { refuse } });
    assert.deepEqual([checked.named("warn"), checked.named("WRONG"), checked.code], [["agent"], [], 0]);
  }
});

test("with a broken file or a variable at fault everything else is looked at all the same, and nothing told twice", async () => {
  const { env, ...world } = goodWorld();
  const broken = await checkWorld({ ...world, env, config: "{" });
  for (const name of ["DEEPGRAM_API_KEY", "TWILIO_AUTH_TOKEN", "PUBLIC_HOST", NUMBER]) {
    assert.equal(broken.item(name)?.state, "ok", name);
  }
  const sid = await checkWorld({ ...world, env: { ...env, TWILIO_ACCOUNT_SID: "AC1" } });
  const names = sid.report.items.map(({ name }) => name);
  assert.deepEqual(names, [...new Set(names)]);
  assert.equal(sid.item("PUBLIC_HOST")?.state, "ok");
  const key = await checkWorld({ ...world, env: { ...env, DEEPGRAM_API_KEY: "…" } });
  assert.deepEqual(key.named("WRONG"), ["DEEPGRAM_API_KEY"]);
  assert.match(key.item("DEEPGRAM_API_KEY")!.finding, /a character that no key has/);
});

test("a key that one of a vendor's services refuses is refused, though another takes it", async () => {
  const checked = await checkWorld({ ...goodWorld(), config: PIPELINE, listenKey: "another" });
  assert.deepEqual(checked.named("WRONG"), ["DEEPGRAM_API_KEY"]);
});

test("what several numbers share is tried once, under the common name", async () => {
  const numbers = { [NUMBER]: { greeting: "Billing." } };
  const checked = await checkWorld({ ...goodWorld(), config: { prompt: "x", greeting: "Hello.", numbers } });
  assert.equal(checked.reached.filter((address) => address.startsWith("agent.deepgram.com")).length, 1);
  assert.equal(checked.item("agent")?.state, "ok");
});

test("a WAV file in place of a recording works, and is to be converted", async () => {
  const wav = writeWav({ rateHz: 8000, channels: [decode(RECORDING)] });
  const checked = await checkWorld({ ...goodWorld(), files: { "assets/audio/hello.mulaw": wav } });
  assert.deepEqual([checked.named("warn"), checked.named("WRONG")], [["assets/audio/hello.mulaw"], []]);
  assert.match(checked.item("assets/audio/hello.mulaw")!.remedy, /audio build hello\.wav/);
});

test("a missing recording is only to be looked at", async () => {
  const checked = await checkWorld({ ...goodWorld(), files: {} });
  assert.deepEqual([checked.named("warn"), checked.named("WRONG"), checked.code], [["recordings"], [], 0]);
  assert.match(checked.item("recordings")!.finding, /1 of 1 are missing.*hello/);
});

test("what does not answer costs 3 s, side by side", async () => {
  const silent = ["agent.deepgram.com", "api.deepgram.com", "api.groq.com", "api.cartesia.ai", "api.twilio.com", HOST];
  for (const config of [goodWorld().config, PIPELINE]) {
    const checked = await checkWorld({ ...goodWorld(), config, silent });
    assert.ok(checked.tookMs <= 3100, `${checked.tookMs} ms`);
    assert.equal(checked.code, 1);
  }
});

test("a number's own engine is tried under its name, and a number that the account lacks is told", async () => {
  const stranger = "+15550100099";
  const numbers = {
    [stranger]: { engine: "pipeline", pipeline: { think: [{ provider: { type: "groq", model: "none" } }] } },
  };
  const checked = await checkWorld({ ...goodWorld(), config: { prompt: "x", numbers } });
  assert.deepEqual(checked.named("WRONG"), [`numbers.${stranger}.pipeline.think[0]`], checked.output);
  assert.ok(checked.named("warn").includes(`numbers.${stranger}`));
});

test("the report for people tells sources, not values, then has a row for each item and ends with the sum", async () => {
  const { output } = await checkWorld(goodWorld(), { json: false });
  const lines = output.split("\n");
  assert.match(lines[0]!, /^Where values come from/);
  assert.match(lines[lines.indexOf("") + 1]!, /^ok {9}Deno +2\.9\.6$/);
  assert.match(output, /^environment PUBLIC_HOST: server\.publicHost$/m);
  assert.doesNotMatch(lines.slice(0, lines.indexOf("")).join("\n"), /rehearsal/, "this is none");
  assert.match(lines.at(-1)!, /^0 wrong, 0 to look at\. Live/);
  assert.ok(lines.every((line) => line.length <= 118));
  for (const secret of Object.values(SECRETS)) assert.ok(!output.includes(secret));
});

test("of a file with a fault no value is said to be a default: it was not read", async () => {
  const config = { prompt: "You answer the phone.", name: "Acme", greting: "Hello." };
  const { report, item } = await checkWorld({ ...goodWorld(), config });
  assert.equal(item("config.json greting")!.state, "WRONG");
  assert.equal(report.origins["base.name"], undefined);
  assert.equal(report.origins["keys.deepgram"], "environment DEEPGRAM_API_KEY");
  assert.deepEqual(Object.values(report.origins).filter((origin) => origin === "default"), []);
  const { output } = await checkWorld({ ...goodWorld(), config }, { json: false });
  assert.match(output, /^Where values come from:$/m);
  assert.doesNotMatch(output, /: rehearsal$/m, "nobody asked for one");
});

test("a configuration that the program brings along is not taken for one of this folder", async () => {
  const { item } = await checkWorld({ ...goodWorld(), isOurs: true });
  assert.deepEqual(
    [item("config.json")!.state, item("config.json")!.finding],
    ["ok", "the program's own: none is in this folder"],
  );
});

test("of the server that runs here, what fails is told, and that it is another's rehearsal", async () => {
  const running = (more: object) => JSON.stringify({ status: "healthy", version: "0.1.0", activeCalls: 1, ...more });
  const providers = [{ name: "store", state: "open", lastFault: "The disk is full" }, { name: "x", state: "closed" }];
  const found = async (more: object) =>
    (await checkWorld({ ...goodWorld(), localHealth: running(more) })).item("port 5000")!;
  assert.equal((await found({ providers: [] })).finding, "Offhook 0.1.0 answers there, with 1 call");
  const failing = await found({ status: "degraded", providers });
  assert.deepEqual([failing.state, failing.finding.split(", ").slice(1)], ["warn", [
    "with 1 call",
    "degraded (store: The disk is full)",
  ]]);
  assert.match((await found({ status: "draining" })).finding, /draining$/);
  const rehearsing = await found({ rehearsal: true });
  assert.deepEqual([rehearsing.state, rehearsing.remedy], [
    "warn",
    "Its callers hear stand-ins. Restart it with the variables that are set here.",
  ]);
});

test("a Deno of tomorrow is not too old, one of yesterday is; who may read the calls is said", () => {
  const states = ["2.4.9", "2.5.0", "2.10.1", "3.0.0"].map((version) => denoItem(version).state);
  assert.deepEqual(states, ["WRONG", "ok", "ok", "ok"]);
  const told = (env: Record<string, string>) => adminItem(config({ prompt: "x" }, { env })).finding;
  assert.match(told({ ADMIN_TOKEN: "a-token-of-24-characters" }), /open to its bearer/);
  assert.match(told({}), /calls is off/);
});
