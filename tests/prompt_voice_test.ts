import assert from "node:assert/strict";
import { LOCAL_VOICE } from "../lib/audio/prompt_index.ts";
import { describeNotes, parseConfig } from "../lib/config.ts";
import { playedLines, promptVoice, speakingVoice } from "../lib/prompt_voice.ts";
import { cartesiaStandIn } from "../lib/rehearsal/cartesia.ts";
import { deepgramSpeakStandIn } from "../lib/rehearsal/deepgram_speak.ts";
import { seeded, test } from "./case.ts";
import { VirtualClock } from "./sim/clock.ts";
import { toneVoice } from "./sim/tone_voice.ts";

function configured(file: Record<string, unknown>, env: Record<string, string> = {}) {
  const parsed = parseConfig({
    text: JSON.stringify({ prompt: "You answer the phone.", ...file }),
    file: "config.json",
    env,
    readAsset: () => undefined,
  });
  if (!parsed.ok) throw new Error(describeNotes(parsed.fault));
  return parsed.value.config;
}

const DEEPGRAM = { type: "deepgram", model: "aura-2-thalia-en" };
const CARTESIA = { type: "cartesia", model_id: "sonic-3.5", voice: "f786b574-daa5-4673-aa0c-cbe3e8534c02" };
const PIPELINE = { engine: "pipeline", language: "en-GB", pipeline: { speak: [{ provider: CARTESIA }] } };

test("a call's lines are spoken by the first voice of its engine, at the vendor's own address, with its key", async () => {
  const cases = [
    [{ agent: { speak: { provider: DEEPGRAM } } }, "deepgram aura-2-thalia-en", "https://api.deepgram.com/v1/speak"],
    [PIPELINE, `cartesia sonic-3.5 ${CARTESIA.voice} en`, "https://api.cartesia.ai/tts/bytes"],
  ] as const;
  for (const [file, name, address] of cases) {
    const clock = new VirtualClock();
    const parts = { clock, random: seeded(1), voice: toneVoice(), key: "the-key-of-this-test" };
    const standIn = name.startsWith("deepgram") ? deepgramSpeakStandIn(parts) : cartesiaStandIn(parts);
    const asked: string[] = [];
    const key = "the-key-of-this-test";
    const config = configured(file, { DEEPGRAM_API_KEY: key, CARTESIA_API_KEY: key });
    const voice = promptVoice(config, config.base, {
      clock,
      fetch: (request) => {
        asked.push(request.url.split("?")[0]!);
        return standIn.fetch(request);
      },
    });
    assert.equal(voice?.name, name);
    assert.equal(speakingVoice(config, config.base), name);
    const rendered = await clock.runFor(voice!.render("Goodbye.", new AbortController().signal));
    assert.ok(rendered.ok, JSON.stringify(rendered));
    assert.ok(rendered.value.length > 1000);
    assert.deepEqual(asked, [address]);
  }
});

test("a call's lines are spoken at the speed of its answers, and kept apart from those of another speed", async () => {
  const names: string[] = [];
  for (const engine of ["agent", "pipeline"]) {
    for (const speed of [undefined, 1.2]) {
      const speak = { provider: { ...DEEPGRAM, ...(speed ? { speed } : {}) } };
      const config = configured({ engine, [engine]: { speak } }, { DEEPGRAM_API_KEY: "k" });
      const clock = new VirtualClock();
      const standIn = deepgramSpeakStandIn({ clock, random: seeded(1), voice: toneVoice() });
      const asked: URLSearchParams[] = [];
      const fetch = (request: Request) => {
        asked.push(new URL(request.url).searchParams);
        return standIn.fetch(request);
      };
      const voice = promptVoice(config, config.base, { clock, fetch })!;
      assert.ok((await clock.runFor(voice.render("Goodbye.", new AbortController().signal))).ok);
      assert.deepEqual([asked[0]!.get("speed"), asked[0]!.get("mip_opt_out")], [speed?.toString() ?? null, "true"]);
      assert.equal(speakingVoice(config, config.base), voice.name);
      names.push(voice.name);
    }
  }
  const [plain, fast] = ["deepgram aura-2-thalia-en", "deepgram aura-2-thalia-en 1.2"];
  assert.deepEqual(names, [plain, fast, plain, fast]);
});

test("without its key, the local voice speaks", () => {
  for (const file of [{}, PIPELINE]) {
    const config = configured(file);
    const parts = { clock: new VirtualClock(), fetch: () => Promise.reject(new Error("nobody is asked")) };
    assert.equal(promptVoice(config, config.base, parts), undefined);
    assert.equal(speakingVoice(config, config.base), LOCAL_VOICE);
  }
});

test("what others say is not prepared: a greeting without a recording, and the busy line", () => {
  const said = (file: Record<string, unknown>) => playedLines(configured(file).base).map(({ text }) => text);
  assert.ok(!said({ greeting: "Hello." }).includes("Hello."));
  assert.ok(said({ greeting: { text: "Hello.", audio: "hello" } }).includes("Hello."));
  const lines = { busy: "All busy.", goodbye: "Bye.", fillers: ["Hm."] };
  const routes = [{ name: "price", utterances: ["how much"], text: "Ninety." }];
  const all = said({ lines, routes });
  assert.ok(!all.includes("All busy."));
  for (const text of ["Bye.", "Hm.", "Ninety."]) assert.ok(all.includes(text), text);
});
