import { FRAME_BYTES } from "../../lib/audio/frame.ts";
import { decode, encode } from "../../lib/audio/mulaw.ts";
import { resample } from "../../lib/audio/resample.ts";
import { readTag, writeTag } from "../../lib/audio/tag.ts";
import { openVad, VoiceDetector } from "../../lib/audio/vad.ts";
import { toneVoice } from "../sim/tone_voice.ts";

const { audio } = await toneVoice().speak("hello");
const frame = audio.slice(0, FRAME_BYTES);
const pcm = decode(frame);
const into = new Int16Array(FRAME_BYTES);
const tagged = frame.slice();
writeTag(tagged, { source: 1, frame: 2, words: "hello ", last: false });
const second = Float32Array.from({ length: 44_100 }, (_, n) => Math.sin(n / 10));
const vad = await openVad(2);
const detector = new VoiceDetector(await openVad(2));

Deno.bench("mu-law: encode a frame", () => void encode(pcm));
Deno.bench("mu-law: decode a frame", () => void decode(frame, into));
Deno.bench("tag: write a frame", () => writeTag(tagged, { source: 1, frame: 2, words: "", last: false }));
Deno.bench(
  "tag: write a frame with text",
  () => writeTag(tagged, { source: 1, frame: 2, words: "hello ", last: false }),
);
Deno.bench("tag: read a tagged frame", () => void readTag(tagged));
Deno.bench("tag: reject an untagged frame", () => void readTag(frame));
Deno.bench("vad: one frame", () => void vad.speechIn(pcm));
Deno.bench("vad: one frame with the guard against noise", () => void detector.push(frame));
Deno.bench("resample: 1 s from 44.1 to 8 kHz", () => void resample(second, 44_100, 8000));
