import assert from "node:assert/strict";
import { speakFlite } from "../../lib/audio/flite.ts";
import { packFlite, readFlite, unpackFlite } from "../../lib/audio/flite_package.ts";
import { test } from "../case.ts";

/** Words of its lexicon and others, numbers, letters, abbreviations, a question. */
const TEXTS = [
  "One moment, please.",
  "We are open Monday to Friday, 9:30 to 17:00; it costs $1,250.75!",
  "Did Dr. Xanthopoulos of ACME Ltd. call +1 415 555 0100 on 3 May 2026?",
  "A quick brown fox judges my vexed zebra's huge toy: why, oh?",
];

test("packed to a fifth, the synthesiser says the same, without other voices and what only debuggers read", async () => {
  const packed = await packFlite();
  const whole = await readFlite();
  assert.ok(packed.length < whole.length / 5, `${packed.length} of ${whole.length} bytes`);
  const [module, original] = await Promise.all([
    unpackFlite(packed).then((code) => WebAssembly.compile(code)),
    WebAssembly.compile(whole),
  ]);
  assert.equal(WebAssembly.Module.customSections(original, ".debug_info").length, 1);
  assert.equal(WebAssembly.Module.customSections(module, ".debug_info").length, 0);
  for (const text of TEXTS) assert.deepEqual(speakFlite(module, text), speakFlite(original, text), text);
});
