/** The stand-in for Deepgram's voice, `/v1/speak`: streaming and plain requests. Deepgram reference, sections 5 and 8.6. */

import { tagUtterance } from "../audio/tag.ts";
import type { Voice } from "../audio/voice.ts";
import type { Clock } from "../base/clock.ts";
import type { AnswerHandshake } from "../base/dial.ts";
import {
  anything,
  type DoorFaults,
  type Drop,
  type FaultsOf,
  faultsOf,
  flag,
  intIn,
  KEPT_SESSIONS,
  letIn,
  numberIn,
  oneOf,
  type QueryRule,
  refusal,
  requestId,
  turnAway,
  words,
} from "./deepgram_door.ts";
import { isVoice } from "./deepgram_voices.ts";
import { SpeakSession } from "./speak_session.ts";

/** Latencies and habits where the vendor leaves them open. */
export interface SpeakKnobs {
  /** Text that can be spoken to its first audio, ms. Published: about 90. */
  firstByteMs: number;
  /** Audio leaves this many times faster than real time. */
  rateX: number;
  /** Largest chunk of audio, bytes. Sizes are uneven, down to 1. */
  chunkBytes: number;
  /** Chunks that still come between `Clear` and `Cleared`. */
  lateChunks: number;
  /** `Clear` to `Cleared`, ms. */
  clearMs: number;
  /** The `Flushed` of a cleared flush still comes, so many ms after `Cleared`; `Infinity`: never. The reference does not know. */
  staleFlushedMs: number;
}

const SPEAK_KNOBS: SpeakKnobs = {
  firstByteMs: 90,
  rateX: 5,
  chunkBytes: 4000,
  lateChunks: 2,
  clearMs: 20,
  staleFlushedMs: Infinity,
};

/** What goes wrong, all off by default. Bytes count the audio sent on the socket. */
export interface SpeakFaults extends DoorFaults {
  /** Send no more audio, nor anything else. */
  stallAfterBytes: number;
  /** Send what is no JSON. */
  garbageAfterBytes: number;
  dropAfterBytes: number;
  /** Default: "cut". */
  dropCode: Drop;
  dropReason: string;
  /** Never say `Cleared`. */
  neverCleared: boolean;
}

export interface SpeakStandInOptions {
  clock: Clock;
  random: () => number;
  /** Whose voice it speaks with; the one who gives it disposes it. */
  voice: Voice;
  /** The key that is taken; any, if undefined. */
  key?: string;
  knobs?: Partial<SpeakKnobs>;
  faults?: FaultsOf<SpeakFaults>;
}

export interface SpeakStandIn {
  answer: AnswerHandshake;
  /** `POST /v1/speak`. */
  fetch: (request: Request) => Promise<Response>;
  /** The last sockets, oldest first: what was asked and sent, for tests. */
  readonly sessions: SpeakSession[];
}

/** Source numbers of tagged audio. */
const FIRST_SOURCE = 0x4000;
const SOURCES = 0x1000;

export function deepgramSpeakStandIn(options: SpeakStandInOptions): SpeakStandIn {
  const { clock, random, voice, key } = options;
  const sessions: SpeakSession[] = [];
  let requests = 0;
  let sources = 0;
  const newSource = () => FIRST_SOURCE + sources++ % SOURCES;
  return {
    sessions,
    answer(handshake) {
      const faults = faultsOf(options.faults, requests++);
      const refused = turnAway(handshake, { key, rules: STREAM_RULES, check, faults });
      if (refused) return { refuse: refused };
      const model = modelOf(handshake.url.searchParams);
      const knobs = { ...SPEAK_KNOBS, ...options.knobs };
      return letIn(handshake.headers, (wire) => {
        sessions.push(new SpeakSession({ wire, clock, random, voice, model, newSource, knobs, faults, n: requests }));
        if (sessions.length > KEPT_SESSIONS) sessions.shift();
      });
    },
    async fetch(request) {
      const faults = faultsOf(options.faults, requests++);
      if (request.method !== "POST") return refusal(405, "Method not allowed.");
      const url = new URL(request.url);
      const refused = turnAway({ url, headers: request.headers }, { key, rules: REST_RULES, check, faults });
      if (refused) return refused;
      const text = await textOf(request);
      if (text === undefined) return refusal(400, "The body must be JSON with one field, text.");
      if (text.length > TEXT_LIMIT) return refusal(413);
      const { audio, words } = await voice.speak(text);
      const tagged = tagUtterance(audio, words, newSource(), 0);
      // The vendor's default container for mu-law is WAV, whose header is heard as a click.
      const isBare = url.searchParams.get("container") === "none";
      return new Response(isBare ? tagged as Uint8Array<ArrayBuffer> : withWavHeader(tagged), {
        headers: {
          "content-type": isBare ? "audio/mulaw;rate=8000" : "audio/wav",
          "dg-request-id": requestId(requests),
          "dg-model-name": modelOf(url.searchParams),
          "dg-char-count": String(text.length),
        },
      });
    },
  };
}

/** Characters of one request or one `Speak`. */
export const TEXT_LIMIT = 2000;

const FORMAT_RULES: Readonly<Record<string, QueryRule>> = {
  model: { test: () => true }, // checked below: its refusal has words of its own
  encoding: oneOf("linear16", "mulaw", "alaw", "mp3", "opus", "flac", "aac"),
  sample_rate: intIn(8000, 48_000),
  container: oneOf("none", "wav", "ogg"),
  speed: numberIn(0.7, 1.5),
  mip_opt_out: flag,
};
const STREAM_RULES = { ...FORMAT_RULES, encoding: oneOf("linear16", "mulaw", "alaw"), container: oneOf("none") };
const REST_RULES = {
  ...FORMAT_RULES,
  bit_rate: intIn(1, 650_000),
  tag: words,
  callback: anything,
  callback_method: oneOf("POST", "PUT"),
};

/** The voice, and the format: the vendor makes more; this stand-in makes one, and says so rather than send the wrong one. */
function check(query: URLSearchParams): string | undefined {
  if (!isVoice(modelOf(query))) return "No such model/version combination found.";
  if (query.get("encoding") === "mulaw" && query.get("sample_rate") === "8000") return undefined;
  return "This stand-in speaks encoding=mulaw with sample_rate=8000 only.";
}

function modelOf(query: URLSearchParams): string {
  return query.get("model") ?? "aura-asteria-en";
}

async function textOf(request: Request): Promise<string | undefined> {
  const body: unknown = await request.json().catch(() => undefined);
  const { text, ...others } = Object(body) as Record<string, unknown>;
  return typeof text === "string" && text.trim() !== "" && Object.keys(others).length === 0 ? text : undefined;
}

/** RIFF, format 7 (mu-law), 8 kHz mono. */
function withWavHeader(audio: Uint8Array): Uint8Array<ArrayBuffer> {
  const HEADER_BYTES = 44;
  const bytes = new Uint8Array(HEADER_BYTES + audio.length);
  const view = new DataView(bytes.buffer);
  const ascii = (at: number, text: string) => new TextEncoder().encodeInto(text, bytes.subarray(at));
  ascii(0, "RIFF");
  view.setUint32(4, HEADER_BYTES - 8 + audio.length, true);
  ascii(8, "WAVEfmt ");
  view.setUint32(16, 16, true);
  view.setUint16(20, 7, true);
  view.setUint16(22, 1, true);
  view.setUint32(24, 8000, true);
  view.setUint32(28, 8000, true);
  view.setUint16(32, 1, true);
  view.setUint16(34, 8, true);
  ascii(36, "data");
  view.setUint32(40, audio.length, true);
  bytes.set(audio, HEADER_BYTES);
  return bytes;
}
