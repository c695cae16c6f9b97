/** A process with the stand-ins of all vendors for `deno task soak`. Its argument: the path of the configuration. */

import { systemClock } from "../../lib/base/clock.ts";
import { describeNotes, parseConfig } from "../../lib/config.ts";
import { rehearse } from "../../lib/rehearse.ts";
import { tell } from "../bench/talk.ts";
import { toneVoice } from "../sim/tone_voice.ts";

const file = Deno.args[0]!;
const parsed = parseConfig({ text: Deno.readTextFileSync(file), file, env: {}, readAsset: () => undefined });
if (!parsed.ok) throw new Error(describeNotes(parsed.fault));
const { config } = parsed.value;
tell({ kind: "ready", urls: rehearse({ clock: systemClock, voice: toneVoice() }).point(config).urls });
