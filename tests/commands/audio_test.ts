import assert from "node:assert/strict";
import { hashOf, LOCAL_VOICE, OWN_RECORDING, parseIndex, writeIndex } from "../../lib/audio/prompt_index.ts";
import { promptLevelDbfs } from "../../lib/audio/recording.ts";
import type { Voice } from "../../lib/audio/voice.ts";
import { readWav, writeWav } from "../../lib/audio/wav.ts";
import { audio } from "../../lib/audio_command.ts";
import { wantedBy } from "../../lib/audio_names.ts";
import { parseConfig } from "../../lib/config.ts";
import { playedLines } from "../../lib/prompt_voice.ts";
import { test } from "../case.ts";
import { fromSource, run } from "../executable/harness.ts";
import { toneVoice } from "../sim/tone_voice.ts";
import { folder as emptyFolder } from "../store/make.ts";

const CONFIG = {
  prompt: "You answer the phone.",
  lines: { goodbye: { text: "Goodbye.", audio: "the_end" }, timeUp: "Half a minute left." },
  routes: [
    { name: "price", utterances: ["how much"], text: "Ninety dollars.", audio: "price_list" },
    { name: "who", utterances: ["who are you"], audio: "who_audio" },
  ],
};

/** What whoever runs the tests may have set: no test asks a vendor. */
const SETTINGS = ["DEEPGRAM_API_KEY", "CARTESIA_API_KEY"];

interface Desk {
  run: (...args: string[]) => Promise<{ code: number; out: string; err: string }>;
  write: (path: string, content: string | Uint8Array) => void;
  /** What the local voice was asked for. */
  spoken: string[];
}

/** In a folder of its own with CONFIG in it. The commands work in the working directory, so these tests do not overlap. */
async function inFolder(act: (desk: Desk) => Promise<void>, config: unknown = CONFIG): Promise<void> {
  const before = Deno.cwd();
  const folder = await Deno.makeTempDir();
  const spoken: string[] = [];
  const tones = toneVoice();
  const voice: Voice = {
    speak: (text, signal) => {
      spoken.push(text);
      return tones.speak(text, signal);
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
  const environment = SETTINGS.map((name) => [name, Deno.env.get(name)] as const);
  for (const name of SETTINGS) Deno.env.delete(name);
  Deno.chdir(folder);
  try {
    Deno.writeTextFileSync("config.json", JSON.stringify(config));
    Deno.mkdirSync("assets/audio", { recursive: true });
    Deno.writeTextFileSync("assets/audio/index.json", "{}");
    await act({
      spoken,
      write: (path, content) =>
        typeof content === "string" ? Deno.writeTextFileSync(path, content) : Deno.writeFileSync(path, content),
      async run(...args) {
        const out: string[] = [];
        const err: string[] = [];
        const code = await audio(args, {
          print: (line) => out.push(line),
          printError: (line) => err.push(line),
          voice,
        });
        return { code, out: out.join("\n"), err: err.join("\n") };
      },
    });
  } finally {
    Deno.chdir(before);
    for (const [name, value] of environment) if (value !== undefined) Deno.env.set(name, value);
    await Deno.remove(folder, { recursive: true });
  }
}

function index() {
  return parseIndex(Deno.readTextFileSync("assets/audio/index.json"))!;
}

function wav(peak = 500): Uint8Array {
  const samples = Int16Array.from({ length: 44100 }, (_, n) => peak * Math.sin(2 * Math.PI * 600 * n / 44100));
  return writeWav({ rateHz: 44100, channels: [samples, samples] });
}

test("without names, what is missing is spoken, and only that; then what has changed", () =>
  inFolder(async ({ run, write, spoken }) => {
    const first = await run("build", "--voice", "local");
    assert.equal(first.code, 1); // one route has no text
    assert.match(first.err, /who_audio: routes\[1\] has no text\. Write one, or build it from a WAV/);
    assert.deepEqual(spoken, ["Goodbye.", "Ninety dollars."]);
    assert.equal(index().the_end!.voice, LOCAL_VOICE);
    assert.equal(index().the_end!.hash, hashOf(Deno.readFileSync("assets/audio/the_end.mulaw")));
    assert.ok(readWav(Deno.readFileSync("assets/audio/source/price_list.wav")).ok);

    write("who_audio.wav", wav());
    assert.equal((await run("build", "who_audio.wav")).code, 0);
    const again = await run("build");
    assert.deepEqual([again.code, again.err, spoken.length], [0, "", 2]);
    assert.match(again.out, /is there and says its text/);

    write("config.json", JSON.stringify(CONFIG).replace("Ninety", "A hundred"));
    assert.equal((await run("build")).code, 0);
    assert.deepEqual(spoken.slice(2), ["A hundred dollars."]);
    assert.equal(index().price_list!.text, "A hundred dollars.");
  }));

test("a person's recording is levelled, kept with its source, and never replaced unasked", () =>
  inFolder(async ({ run, write, spoken }) => {
    write("price_list.wav", wav());
    const { code, out } = await run("build", "./price_list.wav");
    assert.equal(code, 0);
    assert.match(out, /assets\/audio\/price_list\.mulaw: 1\.0 s, -(19\.\d|20\.\d) dBFS, recording/);
    assert.deepEqual(Deno.readFileSync("assets/audio/source/price_list.wav"), wav());
    assert.equal(index().price_list!.text, "Ninety dollars.");
    assert.equal(index().price_list!.voice, OWN_RECORDING);

    write("config.json", JSON.stringify(CONFIG).replace("Ninety", "A hundred"));
    assert.match((await run("build")).err, /price_list\.mulaw was recorded with another text/);
    assert.ok(!spoken.includes("A hundred dollars."));
    assert.equal((await run("build", "price_list")).code, 0);
    assert.ok(spoken.includes("A hundred dollars."));
  }));

test("a line may be called by its recording, its own name or its route", () =>
  inFolder(async ({ run, spoken }) => {
    assert.equal((await run("build", "the_end", "goodbye", "price")).code, 0);
    assert.deepEqual(spoken, ["Goodbye.", "Goodbye.", "Ninety dollars."]);
    assert.ok(Deno.statSync("assets/audio/price_list.mulaw").isFile);
    const { code, out } = await run("build", "timeUp");
    assert.equal(code, 0);
    assert.match(out, /No line plays it yet: write "audio": "timeUp"/);
  }));

test("one order that fails is told with its remedy, and the others are done", () =>
  inFolder(async ({ run, write }) => {
    write("bad.wav", "not a WAV");
    write("two words.wav", wav());
    const { code, out, err } = await run("build", "bad.wav", "none.wav", "two words.wav", "nobody", "the_end");
    assert.equal(code, 1);
    assert.match(err, /bad\.wav: This is not a WAV file/);
    assert.match(err, /none\.wav: There is no such file/);
    assert.match(err, /two words\.wav: "two words" cannot be the name/);
    assert.match(err, /nobody: config\.json has no line or route of this name\. It has: .*the_end/);
    assert.match(out, /the_end\.mulaw/);
  }));

test("two lines with one recording and two texts are refused, and so are texts that differ by call", () =>
  inFolder(async ({ run }) => {
    const { code, err } = await run("build", "same", "caller");
    assert.equal(code, 1);
    assert.match(err, /same: lines\.goodbye and lines\.apology share this recording|lines\.apology and lines\.goodbye/);
    assert.match(err, /caller: lines\.busy has \{\{ \}\} in its text/);
  }, {
    prompt: "You answer the phone.",
    lines: {
      goodbye: { text: "Goodbye.", audio: "same" },
      apology: { text: "Sorry.", audio: "same" },
      busy: { text: "Sorry, {{caller}}.", audio: "caller" },
    },
  }));

test("the configured voice needs its key", () =>
  inFolder(async ({ run }) => {
    const { code, err } = await run("build", "the_end", "--voice", "configured");
    assert.equal(code, 1);
    assert.match(err, /set DEEPGRAM_API_KEY or CARTESIA_API_KEY, or use --voice local/);
  }));

test("info tells length, level, voice, text and what is wrong; wav gives the recording back", () =>
  inFolder(async ({ run, write }) => {
    await run("build", "price");
    write("assets/audio/the_end.mulaw", new Uint8Array(0));
    const { code, out } = await run("info", "price_list", "the_end", "who_audio");
    assert.deepEqual([code, (await run("info", "price_list")).code], [1, 0]);
    assert.match(out, /^price_list +0\.9 s +-\d+\.\d dBFS +local rms +"Ninety dollars\."$/m);
    assert.match(out, /the_end\.mulaw is empty/);
    assert.match(out, /who_audio\.mulaw is missing\. Build it: offhook audio build who_audio\.wav/);
    assert.match((await run("info", "nope")).out, /There is no recording "nope"\. There are: .*price_list.*the_end/);
    const told = JSON.parse((await run("info", "price_list", "--json")).out);
    assert.equal(told.prompts[0].voice, LOCAL_VOICE);
    assert.deepEqual(told.prompts[0].warnings, []);

    assert.equal((await run("wav", "price_list", "out.wav")).code, 0);
    const read = readWav(Deno.readFileSync("out.wav"));
    assert.ok(read.ok && read.value.rateHz === 8000);
    assert.equal((await run("wav", "the_end", "out.wav")).code, 1);
    assert.match((await run("wav", "nope", "out.wav")).err, /There is no recording "nope"\. There are: price_list\./);
    assert.match((await run("wav", "price_list", "no/such/folder.wav")).err, /Cannot write no.*no such folder/);
  }));

test("wrong usage is told, and touches nothing", () =>
  inFolder(async ({ run, write }) => {
    for (const args of [[], ["sing"], ["build", "--voice", "mine"], ["wav", "x"], ["build", "--loud"]]) {
      const { code, err } = await run(...args);
      assert.equal(code, 2);
      assert.match(err, /See offhook audio --help/);
    }
    assert.match((await run()).err, /audio takes a command: build, info or wav/);
    assert.equal((await run("--help")).code, 0);
    write("assets/audio/index.json", "{ spoilt");
    assert.match((await run("build")).err, /index\.json is damaged/);
  }));

test("the recordings that come with the example say what config.json says, and what a bare configuration does", () => {
  const root = new URL("../../", import.meta.url);
  const parse = (text: string) => {
    const parsed = parseConfig({ text, file: "config.json", env: {}, readAsset: () => "A prompt." });
    assert.ok(parsed.ok);
    return parsed.value.config;
  };
  const config = parse(Deno.readTextFileSync(new URL("config.json", root)));
  const bareTexts = playedLines(parse('{ "prompt": "A prompt." }').base).map(({ text }) => text);
  const text = Deno.readTextFileSync(new URL("assets/audio/index.json", root));
  const known = parseIndex(text)!;
  assert.equal(writeIndex(known), text);
  const said = Object.entries(known).map(([name, { text }]) => ({ name, text }));
  for (const text of bareTexts) assert.ok(said.some((one) => one.text === text), `no recording says "${text}"`);
  const wanted = wantedBy(config).flatMap(({ audio, text }) => audio === undefined ? [] : [{ name: audio, text }]);
  const others = said.filter(({ name }) => !wanted.some((line) => line.name === name));
  for (const { name, text } of others) assert.ok(bareTexts.includes(text), `${name} is in nobody's use`);
  for (const { name, text } of [...wanted, ...others]) {
    const bytes = Deno.readFileSync(new URL(`assets/audio/${name}.mulaw`, root));
    assert.deepEqual(known[name], { text, voice: LOCAL_VOICE, hash: hashOf(bytes) });
    assert.ok(Math.abs(promptLevelDbfs(bytes) + 18) < 2, `${name}: ${promptLevelDbfs(bytes)} dBFS`);
    const source = readWav(Deno.readFileSync(new URL(`assets/audio/source/${name}.wav`, root)));
    assert.ok(source.ok && source.value.channels[0]!.length === bytes.length);
  }
});

test("with --json build and wav print one document, and tell people elsewhere", () =>
  inFolder(async ({ run }) => {
    const built = await run("build", "--voice", "local", "--json");
    const report = JSON.parse(built.out);
    assert.deepEqual([built.code, report.ok, report.schema], [1, false, 1]);
    assert.deepEqual(report.built.map(({ name }: { name: string }) => name), ["the_end", "price_list"]);
    assert.deepEqual(report.faults.map(({ name }: { name: string }) => name), ["who_audio"]);
    assert.match(built.err, /assets\/audio\/the_end\.mulaw: /);

    const { seconds, ...wav } = JSON.parse((await run("wav", "the_end", "out.wav", "--json")).out);
    assert.deepEqual(wav, { ok: true, schema: 1, name: "the_end", file: "out.wav" });
    assert.ok(seconds > 0);
    const none = await run("wav", "nothing", "out.wav", "--json");
    assert.deepEqual([none.code, JSON.parse(none.out).ok, JSON.parse(none.out).error], [1, false, none.err]);
  }));

test("a WAV file that may not be read is told with what may", async () => {
  using dir = emptyFolder();
  const program = fromSource("-A", "--deny-read=/nope");
  const { code, stderr } = await run(program, ["audio", "build", "/nope/hello.wav"], {
    cwd: dir.path,
    limitMs: 10_000,
  });
  assert.equal(code, 1);
  assert.match(stderr, /hello\.wav: .*it may not be read\. Start Deno with --allow-read for that place\.$/m);
});
