import assert from "node:assert/strict";
import { speakFlite } from "../../lib/audio/flite.ts";
import { packFlite, readFlite, unpackFlite } from "../../lib/audio/flite_package.ts";
import { test } from "../case.ts";

test("packed, the synthesiser says the same, without what only debuggers read", async () => {
  const packed = await packFlite();
  const whole = await readFlite();
  assert.ok(packed.length < whole.length * 0.65, `${packed.length} of ${whole.length} bytes`);
  const [module, original] = await Promise.all([
    unpackFlite(packed).then((code) => WebAssembly.compile(code)),
    WebAssembly.compile(whole),
  ]);
  assert.equal(WebAssembly.Module.customSections(original, ".debug_info").length, 1);
  assert.equal(WebAssembly.Module.customSections(module, ".debug_info").length, 0);
  const text = "One moment, please.";
  assert.deepEqual(speakFlite(module, text, "slt"), speakFlite(original, text, "slt"));
});
