/** From a caller's final words to the first frame of the recorded answer, and what base64 made ahead would save. */

import { FRAME_BYTES } from "../../lib/audio/frame.ts";
import { PromptBook } from "../../lib/audio/prompts.ts";
import { readRecording } from "../../lib/audio/recording.ts";
import { describeNotes, parseConfig } from "../../lib/config.ts";
import { Outbound } from "../../lib/phone/messages.ts";
import { playedLines } from "../../lib/prompt_voice.ts";
import { Routers } from "../../lib/routers.ts";
import { toneVoice } from "../sim/tone_voice.ts";

const ROOT = new URL("../../", import.meta.url);
const parsed = parseConfig({
  text: Deno.readTextFileSync(new URL("config.json", ROOT)),
  file: "config.json",
  env: {},
  readAsset: () => "A prompt.",
});
if (!parsed.ok) throw new Error(describeNotes(parsed.fault));
const call = parsed.value.config.base;
const read = (name: string) => Deno.readFileSync(new URL(`assets/audio/${name}.mulaw`, ROOT));

const prompts = new PromptBook({ read, voice: toneVoice() });
await prompts.load(playedLines(call), new AbortController().signal);
const routers = new Routers();
await routers.train(parsed.value.config);
const outbound = new Outbound("MZ0123456789abcdef0123456789abcdef");

/** Decide, find the recording, write its first frame as a message. */
function firstFrame(said: string): string {
  const route = routers.of(call)!.decide(said).route;
  const found = call.routes.find(({ name }) => name === route)!;
  const audio = prompts.get({ text: found.text ?? "", audio: found.audio })!;
  return outbound.media(audio.subarray(0, FRAME_BYTES));
}

for (
  const said of ["how much does it cost", "could you tell me what you charge for a visit", "what time do you close"]
) {
  Deno.bench(`first frame: "${said}"`, () => void firstFrame(said));
}

const greeting = prompts.get({ text: call.greeting!.text, audio: call.greeting!.audio })!;
const frame = greeting.subarray(0, FRAME_BYTES);
const base64 = frame.toBase64();
let sink = 0;
Deno.bench("media: a frame of shared bytes", { group: "media", baseline: true }, () => {
  sink += outbound.media(frame).length;
});
Deno.bench("media: a frame with base64 made ahead", { group: "media" }, () => {
  sink += `{"event":"media","streamSid":"MZ0123456789abcdef0123456789abcdef","media":{"payload":"${base64}"}}`.length;
});

const greetingFile = read("greeting");
Deno.bench("load: check a recording of 4 s", () => void readRecording(greetingFile, "greeting.mulaw"));
