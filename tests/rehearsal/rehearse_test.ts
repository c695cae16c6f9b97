import assert from "node:assert/strict";
import { systemClock } from "../../lib/base/clock.ts";
import { parseConfig } from "../../lib/config.ts";
import { INTERRUPTING } from "../../lib/engine/memory.ts";
import { rehearse } from "../../lib/rehearse.ts";
import { test } from "../case.ts";
import { toneVoice } from "../sim/tone_voice.ts";

test("the stand-ins play the configuration of the moment; models of live calls stay", async () => {
  await using rehearsal = rehearse({ clock: systemClock, voice: toneVoice() });
  const point = (model: string, text: string) => {
    const file = {
      prompt: "You answer the phone.",
      routes: [{ name: "pricing", utterances: ["how much is it"], text }],
      pipeline: { think: [{ provider: { type: "groq", model } }] },
    };
    const parsed = parseConfig({ text: JSON.stringify(file), file: "", env: {}, readAsset: () => undefined });
    assert.ok(parsed.ok);
    return rehearsal.point(parsed.value.config).urls.llm;
  };
  const ask = async (url: string | undefined, model: string, content = "how much is it") => {
    const response = await fetch(`${url}/chat/completions`, {
      method: "POST",
      headers: { authorization: "Bearer k", "content-type": "application/json" },
      body: JSON.stringify({ model, messages: [{ role: "user", content }] }),
    });
    return (await response.json()).choices?.[0].message.content ?? response.status;
  };
  const url = point("llama-9-early", "Ninety dollars.");
  assert.equal(await ask(url, "llama-9-early"), "Ninety dollars.");
  assert.equal(await ask(url, "llama-9-late"), 404);
  assert.match(await ask(url, "llama-9-early", `${INTERRUPTING} a bit blue`), /^You said: a bit blue\./);
  point("llama-9-late", "A hundred dollars.");
  for (const model of ["llama-9-early", "llama-9-late"]) assert.equal(await ask(url, model), "A hundred dollars.");
});

test("a stand-in's model finds no facts of what a real agent's callers say", async () => {
  await using rehearsal = rehearse({ clock: systemClock, voice: toneVoice() });
  const urls = (engine: string, env: Record<string, string>) => {
    const parsed = parseConfig({
      text: JSON.stringify({ prompt: "x", engine }),
      file: "",
      env,
      readAsset: () => undefined,
    });
    assert.ok(parsed.ok);
    return rehearsal.point(parsed.value.config).urls;
  };
  assert.equal(urls("agent", { DEEPGRAM_API_KEY: "k" }).llm, undefined);
  assert.notEqual(urls("agent", {}).llm, undefined);
  assert.notEqual(urls("pipeline", { DEEPGRAM_API_KEY: "k" }).llm, undefined);
});

test("only vendors without a key are played", async () => {
  await using rehearsal = rehearse({ clock: systemClock, voice: toneVoice() });
  const played = (env: Record<string, string>) => {
    const parsed = parseConfig({ text: '{"prompt": "x"}', file: "", env, readAsset: () => undefined });
    assert.ok(parsed.ok);
    const { agent, listen, flux, speak, cartesia } = rehearsal.point(parsed.value.config).urls;
    return [agent, listen, flux, speak, cartesia].map((url) => url.startsWith("ws://127.0.0.1:"));
  };
  assert.deepEqual(played({}), [true, true, true, true, true]);
  assert.deepEqual(played({ DEEPGRAM_API_KEY: "k" }), [false, false, false, false, true]);
  assert.deepEqual(played({ CARTESIA_API_KEY: "k" }), [true, true, true, true, false]);
});
