import assert from "node:assert/strict";
import type { DialRequest } from "../lib/base/dial.ts";
import { failed } from "../lib/base/result.ts";
import { describeNotes, parseConfig } from "../lib/config.ts";
import { openPipeline } from "../lib/pipeline_plan.ts";
import { deepgramFluxStandIn } from "../lib/rehearsal/deepgram_flux.ts";
import { deepgramListenStandIn } from "../lib/rehearsal/deepgram_listen.ts";
import { test } from "./case.ts";
import { VirtualClock } from "./sim/clock.ts";
import { toneVoice } from "./sim/tone_voice.ts";

/** What each recogniser of a call is asked for where all of them refuse, in turn; all of it as the vendor takes it. */
async function askedOf(provider: Record<string, unknown>, file: object = {}): Promise<URLSearchParams[]> {
  const parsed = parseConfig({
    text: JSON.stringify({ prompt: "You answer.", engine: "pipeline", pipeline: { listen: { provider } }, ...file }),
    file: "config.json",
    env: {},
    readAsset: () => undefined,
  });
  if (!parsed.ok) throw new Error(describeNotes(parsed.fault));
  const { config } = parsed.value;
  const clock = new VirtualClock();
  const doors = {
    "deepgram-listen": deepgramListenStandIn({ clock }),
    "deepgram-flux": deepgramFluxStandIn({ clock }),
  };
  const asked: URLSearchParams[] = [];
  const wrong: string[] = [];
  const dial = ({ peer, url, headers }: DialRequest) => {
    const door = peer === "deepgram-listen" || peer === "deepgram-flux" ? doors[peer] : undefined;
    const answer = door?.answer({ url: new URL(url), headers: new Headers({ ...headers }) });
    if (answer) asked.push(new URL(url).searchParams);
    if (answer && "refuse" in answer) wrong.push(url);
    return Promise.resolve(failed({ kind: "refused", peer, status: 400, detail: "" } as const));
  };
  await using _engine = openPipeline({
    config,
    call: config.base,
    clock,
    dial,
    fetch: () => Promise.reject(new Error("nobody is asked")),
    fill: (text) => text,
    known: Promise.resolve(),
    fillers: () => undefined,
    localVoice: toneVoice(),
    host: {
      post: () => {},
      play: () => {},
      newReply: () => 1,
      drained: () => true,
      audible: () => false,
      history: () => [],
    },
  });
  await clock.run(100);
  assert.deepEqual(wrong, []);
  return asked;
}

const DEEPGRAM = { type: "deepgram", numerals: true, profanity_filter: true };

test("the recogniser that takes over hides what the first one was to hide, as far as it can and rather more", async () => {
  const cases: [model: string, redact: string[], spare: string[]][] = [
    ["nova-3", ["numbers"], ["numbers"]],
    ["nova-3", ["aggressive_numbers"], ["aggressive_numbers"]],
    ["nova-3", ["pci", "ssn"], ["numbers"]], // Flux knows numbers only
    ["flux-general-en", ["numbers"], ["numbers"]],
  ];
  for (const [model, redact, spare] of cases) {
    const [first, second, ...more] = await askedOf({ ...DEEPGRAM, model, redact });
    assert.deepEqual(more, []);
    assert.deepEqual([first!.getAll("redact"), second!.getAll("redact")], [redact, spare], model);
    for (const name of ["numerals", "profanity_filter"]) assert.equal(second!.get(name), "true", `${name} of ${model}`);
  }
});

test("Flux takes over for a Nova with more keyterms than it takes: with the first of them", async () => {
  const keyterms = Array.from({ length: 120 }, (_, n) => `term ${n}`);
  const [first, second] = await askedOf({ ...DEEPGRAM, model: "nova-3", keyterms });
  assert.deepEqual(first!.getAll("keyterm"), keyterms);
  assert.deepEqual(second!.getAll("keyterm"), keyterms.slice(0, 100));
});

test("what callers say trains no vendor's recogniser, unless the configuration lets it", async () => {
  for (const vendorTraining of [false, true]) {
    const asked = await askedOf({ type: "deepgram", model: "nova-3" }, { privacy: { vendorTraining } });
    const optsOut = String(!vendorTraining);
    assert.deepEqual(asked.map((query) => query.get("mip_opt_out")), [optsOut, optsOut]);
  }
});
