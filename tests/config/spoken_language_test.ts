import assert from "node:assert/strict";
import type { CallConfig } from "../../lib/config.ts";
import { test } from "../case.ts";
import { config, load } from "./make.ts";

const P = { prompt: "Be kind." };

const nova = { provider: { type: "deepgram", model: "nova-3" } };
const flux = { provider: { type: "deepgram", model: "flux-general-en" } };
const sonic = { provider: { type: "cartesia", model_id: "sonic-3.5", voice: { mode: "id", id: "v" } } };
const endpoint = { url: "https://api.cartesia.ai/tts/bytes", headers: { "x-api-key": "k" } };

const heard = ({ agent, pipeline }: CallConfig) => [agent.listen.provider.language, pipeline.listen.provider.language];

test("a call's language reaches recognisers and voices that have none of their own", () => {
  const { base, numbers } = config({
    ...P,
    language: "es-MX",
    agent: { listen: nova, speak: [{ ...sonic, endpoint }] },
    pipeline: { listen: nova, speak: [sonic] },
    numbers: { "+15550101": { language: "multi" }, "+15550102": { language: "fr", agent: { listen: flux } } },
  });
  assert.deepEqual(heard(base), ["es-MX", "es-MX"]);
  for (const { speak } of [base.agent, base.pipeline]) {
    assert.equal((speak[0]!.provider as { language?: string }).language, "es");
  }
  assert.equal(base.agent.listen.provider.version, "v1");
  assert.deepEqual(heard(numbers["+15550101"]!), ["multi", "multi"]);
  const { provider } = numbers["+15550102"]!.agent.listen;
  assert.deepEqual([provider.language, provider.version], [undefined, "v2"]);
});

test("a Flux voice of the agent gets its version, without which the vendor takes the other family's", () => {
  const speak = ["flux-kit-en", "aura-2-thalia-en"].map((model) => ({ provider: { type: "deepgram", model } }));
  const { base } = config({ ...P, agent: { speak } });
  const versions = base.agent.speak.map(({ provider }) => (provider as { version?: string }).version);
  assert.deepEqual(versions, ["v2", undefined]);
});

test("a Deepgram voice for another language than the call's is warned of, and so is Flux for English", () => {
  const warned = (file: object) => load({ ...P, ...file }).warnings.map(({ key, problem }) => [key, problem]);
  const english = 'is "aura-2-thalia-en", a voice for "en", and language is "de-AT"';
  assert.deepEqual(warned({ language: "de-AT" }), [["agent.speak[0].provider.model", english]]);
  const voice = (model: string) => ({ provider: { type: "deepgram", model } });
  const german = { listen: flux, speak: [sonic, voice("aura-2-viktoria-de")] };
  assert.deepEqual(warned({ language: "de", engine: "pipeline", pipeline: german }), [
    ["pipeline.listen.provider.model", 'is "flux-general-en", which hears English, and language is "de"'],
  ]);
  for (const language of ["en-GB", "multi"]) assert.deepEqual(warned({ language, agent: { listen: flux } }), []);
});

test("a language of a vendor's own stays", () => {
  const own = { provider: { ...nova.provider, language: "en-GB" } };
  const { base } = config({ ...P, language: "de", agent: { listen: own }, pipeline: { listen: own } });
  assert.deepEqual(heard(base), ["en-GB", "en-GB"]);
});

for (
  const [language, model, hints] of [
    ["en-AU", "flux-general-en", undefined],
    ["de", "flux-general-multi", ["de"]],
    ["multi", "flux-general-multi", undefined],
  ] as const
) {
  test(`USE_DEEPGRAM_FLUX takes the model that knows ${language}`, () => {
    const { provider } = config({ ...P, language }, { env: { USE_DEEPGRAM_FLUX: "true" } }).base.pipeline.listen;
    assert.deepEqual([provider.model, provider.language_hints], [model, hints]);
  });
}
