/** The voices that Deepgram serves. Deepgram reference, section 5.3. */

const AURA_2_ENGLISH = new Set(
  ("amalthea andromeda apollo arcas aries asteria athena atlas aurora callista cora cordelia delia draco electra " +
    "harmonia helena hera hermes hyperion iris janus juno jupiter luna mars minerva neptune odysseus ophelia orion " +
    "orpheus pandora phoebe pluto saturn selene thalia theia vesta zeus").split(" "),
);
const AURA_1_ENGLISH = new Set(
  "asteria luna stella athena hera orion arcas perseus angus orpheus helios zeus".split(" "),
);
/** Languages whose voices are not all listed in our reference: any name is taken. */
const AURA_2_OTHER = /^aura-2-[a-z]+-(es|nl|it|de|ja|fr)$/;

/** Whether the vendor has this voice of its first two generations; a request for another is refused. */
export function isVoice(model: string): boolean {
  const [, generation, name = ""] = /^aura-(2-)?([a-z]+)-en$/.exec(model) ?? [];
  if (name) return (generation ? AURA_2_ENGLISH : AURA_1_ENGLISH).has(name);
  return AURA_2_OTHER.test(model) && model !== "aura-2-perseo-it";
}
