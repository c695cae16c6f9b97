import assert from "node:assert/strict";
import { routes } from "../../lib/routes_command.ts";
import { test } from "../case.ts";

async function run(...args: string[]) {
  const out: string[] = [];
  const err: string[] = [];
  const code = await routes(args, { print: (line) => out.push(line), printError: (line) => err.push(line) });
  return { code, out: out.join("\n"), err: err.join("\n") };
}

async function inFolder(files: Record<string, string>, act: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    for (const [name, text] of Object.entries(files)) Deno.writeTextFileSync(`${folder}/${name}`, text);
    await act(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

const CONFIG = JSON.stringify({
  prompt: "You answer the phone.",
  routes: [
    { name: "price", utterances: ["how much is it", "what does a visit cost"], text: "Ninety dollars." },
    { name: "who", utterances: ["who are you", "are you a robot"], text: "An AI." },
  ],
});

test("a text is routed or not, with score, threshold and nearest example", () =>
  inFolder({ "config.json": CONFIG, "bare.json": '{"prompt": "Hi."}' }, async (folder) => {
    const routed = await run("test", "how", "much", "is", "it", "--config", `${folder}/config.json`);
    assert.equal(routed.code, 0);
    assert.match(routed.out, /^price: score 1\.00 reaches the threshold 0\.50; nearest example "how much is it"/);
    const none = await run("test", "my dog ate the sofa", "--config", `${folder}/config.json`, "--json");
    assert.equal(none.code, 1);
    const told = JSON.parse(none.out);
    assert.equal(told.route, null);
    assert.ok(told.score < told.threshold);
    assert.equal(told.ranked.length, 2);
    assert.ok(CONFIG.includes(`"${told.nearest.utterance}"`));
    const bare = await run("test", "hello", "--config", `${folder}/bare.json`);
    assert.equal(bare.code, 1);
    assert.match(bare.err, /bare\.json has no routes/);
    const missing = await run("test", "hello", "--config", `${folder}/none.json`);
    assert.equal(missing.code, 1);
    assert.match(missing.err, /there is no such file/);
    const inJson = await run("test", "hello", "--config", `${folder}/none.json`, "--json");
    assert.deepEqual(JSON.parse(inJson.out), { ok: false, schema: 1, error: missing.err });
  }));

test("a data set is evaluated; one that cannot be read is named", () => {
  const rows = (file: string) => ["text,category", "what does it cost,price", "who are you,who", file].join("\n");
  return inFolder(
    { "train.csv": rows("how much is it,price"), "test.csv": rows("who is this,who") },
    async (folder) => {
      const { code, out } = await run("eval", "--data", folder, "--json");
      assert.equal(code, 0);
      assert.equal(JSON.parse(out).intents, 2);
      const missing = await run("eval", "--data", `${folder}/none.json`);
      assert.equal(missing.code, 1);
      assert.match(missing.err, /Cannot read .*none\.json/);
      const inJson = await run("eval", "--data", `${folder}/none.json`, "--json");
      assert.deepEqual(JSON.parse(inJson.out), { ok: false, schema: 1, error: missing.err });
      const cheating = await run("eval", "--data", folder, "--threshold-on", "test");
      assert.equal(cheating.code, 1);
      assert.match(cheating.err, /only "val" is separate/);
    },
  );
});

test("wrong usage is told", async () => {
  for (const args of [[], ["test"], ["eval"], ["guess"], ["test", "x", "--loud"]]) {
    const { code, err } = await run(...args);
    assert.equal(code, 2);
    assert.match(err, /See offhook routes --help/);
  }
  assert.match((await run("--help")).out, /routes test TEXT/);
});

test("routes without a command says which there are", async () => {
  const { code, err } = await run();
  assert.equal(code, 2);
  assert.match(err, /^routes takes a command: test or eval\.$/m);
});
