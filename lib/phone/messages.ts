/** Twilio Media Streams messages, both ways. Pure. Source: Twilio reference, sections 3.2, 3.3 and 3.6. */

import * as z from "zod";
import { FRAME_BYTES } from "../audio/frame.ts";
import { parseJson } from "../base/json.ts";

/** Text decoded from one media message: when it plays in the stream, and the audio in base64. */
export interface MediaMessage {
  event: "media";
  timestampMs: number;
  /** Base64 of G.711 mu-law, 8 kHz mono, without a header. */
  payload: string;
}

/** Numbers come as decimal strings; the reference asks to accept either. */
const count = z.coerce.number().int().nonnegative();
/** Visible ASCII. */
const sid = z.string().regex(/^[\x21-\x7E]{1,64}$/);
/** With its name under 500 characters: TwiML takes no more. */
const parameter = z.string().max(499);

const Inbound = z.discriminatedUnion("event", [
  z.object({ event: z.literal("connected") }),
  z.object({
    event: z.literal("start"),
    streamSid: sid,
    start: z.object({
      callSid: sid,
      mediaFormat: z.object({ encoding: z.string(), sampleRate: z.coerce.number(), channels: z.coerce.number() }),
      customParameters: z.record(z.string(), parameter).default({}),
    }),
  }),
  z.object({
    event: z.literal("media"),
    media: z.object({ track: z.string().default("inbound"), timestamp: count, payload: z.base64() }),
  }),
  z.object({ event: z.literal("dtmf"), dtmf: z.object({ digit: z.string().regex(/^[0-9*#A-D]$/) }) }),
  z.object({ event: z.literal("mark"), mark: z.object({ name: z.string() }) }),
  z.object({ event: z.literal("stop") }),
]);

type Control = Exclude<z.infer<typeof Inbound>, { event: "media" }>;
export type Inbound = Control | MediaMessage;

/** Why a message cannot be used: not of the protocol, or of an event we do not know (to be ignored and counted). */
type Odd = { malformed: string } | { unknown: string };

/** Read one text message of the media socket. Never throws: a peer may send anything. */
export function parseTwilio(text: string): Inbound | Odd {
  return readMediaFast(text) ?? readMarkFast(text) ?? parseSlow(text);
}

/** Decodes the audio of one line. */
export class Base64Decoder {
  #buffer = new Uint8Array(FRAME_BYTES);

  /** @returns the bytes, in a buffer that the next call overwrites; undefined if `payload` is not base64. */
  decode(payload: string): Uint8Array | undefined {
    const size = decodedSize(payload);
    if (size !== this.#buffer.length) this.#buffer = new Uint8Array(size);
    try {
      const { read, written } = this.#buffer.setFromBase64(payload);
      return read === payload.length && written === size ? this.#buffer : undefined;
    } catch {
      return undefined;
    }
  }
}

const PADDING = "=".charCodeAt(0);

function decodedSize(payload: string): number {
  const { length } = payload;
  const padding = payload.charCodeAt(length - 2) === PADDING ? 2 : payload.charCodeAt(length - 1) === PADDING ? 1 : 0;
  return Math.max(0, Math.floor((length - padding) * 3 / 4));
}

/** What the carrier writes before a media message's sequence number, chunk, timestamp and payload (Twilio reference, section 3.2). */
const BEFORE_SEQUENCE = '{"event":"media","sequenceNumber":"';
const BEFORE_CHUNK = '","media":{"track":"inbound","chunk":"';
const BEFORE_TIMESTAMP = '","timestamp":"';
const BEFORE_PAYLOAD = '","payload":"';

/**
 * Cut timestamp and payload out of a media message in the layout the carrier uses, 50 times a second and call. Any other
 * layout gives undefined and takes the slow path. Whether the payload is base64 shows when it is decoded.
 */
function readMediaFast(text: string): MediaMessage | undefined {
  if (!text.startsWith(BEFORE_SEQUENCE)) return undefined;
  const sequenceEnd = text.indexOf('"', BEFORE_SEQUENCE.length);
  if (!text.startsWith(BEFORE_CHUNK, sequenceEnd)) return undefined;
  const chunkEnd = text.indexOf('"', sequenceEnd + BEFORE_CHUNK.length);
  if (!text.startsWith(BEFORE_TIMESTAMP, chunkEnd)) return undefined;
  const timestampAt = chunkEnd + BEFORE_TIMESTAMP.length;
  const timestampMs = readDigits(text, timestampAt);
  const timestampEnd = text.indexOf('"', timestampAt);
  if (timestampMs < 0 || !text.startsWith(BEFORE_PAYLOAD, timestampEnd)) return undefined;
  const payloadAt = timestampEnd + BEFORE_PAYLOAD.length;
  const payloadEnd = text.indexOf('"', payloadAt);
  if (payloadEnd < 0 || text.indexOf("\\", payloadAt) >= 0 || !text.endsWith("}")) return undefined;
  return { event: "media", timestampMs, payload: text.slice(payloadAt, payloadEnd) };
}

const MARK_START = '{"event":"mark"';
const NAME_KEY = '"mark":{"name":"';

/** The name of an echoed mark, 5 times a second of speech, in the layout the carrier uses. */
function readMarkFast(text: string): Inbound | undefined {
  if (!text.startsWith(MARK_START) || text.indexOf("\\") >= 0 || !text.endsWith("}")) return undefined;
  const nameAt = text.indexOf(NAME_KEY) + NAME_KEY.length;
  const nameEnd = text.indexOf('"', nameAt);
  if (nameAt < NAME_KEY.length || nameEnd < 0) return undefined;
  return { event: "mark", mark: { name: text.slice(nameAt, nameEnd) } };
}

/** The decimal number that ends at the next quote, or -1. */
function readDigits(text: string, at: number): number {
  let value = 0;
  for (let index = at; index < at + 12; index++) {
    const code = text.charCodeAt(index);
    if (code === 0x22) return index > at ? value : -1;
    if (!(code >= 0x30 && code <= 0x39)) return -1;
    value = value * 10 + code - 0x30;
  }
  return -1;
}

function parseSlow(text: string): Inbound | Odd {
  const message = parseJson(text);
  if (message === undefined) return { malformed: "not JSON" };
  const event = (message as { event?: unknown } | null)?.event;
  const parsed = Inbound.safeParse(message);
  if (!parsed.success) {
    const known = typeof event !== "string" || Inbound.options.some((option) => option.shape.event.value === event);
    return known ? { malformed: describe(parsed.error) } : { unknown: String(event).slice(0, 40) };
  }
  if (parsed.data.event !== "media") return parsed.data;
  const { track, timestamp, payload } = parsed.data.media;
  if (track !== "inbound") return { unknown: `media of track ${track.slice(0, 20)}` };
  return { event: "media", timestampMs: timestamp, payload };
}

/** Which fields are wrong, without their values: they may be a caller's. */
function describe(error: z.ZodError): string {
  return error.issues.slice(0, 3).map(({ path, code }) => `${path.join(".") || "message"}: ${code}`).join("; ");
}

/** The messages we send; the parts that never change are made ahead. Their fields are exact: an extra one is error 31951. */
export class Outbound {
  readonly #media: string;
  readonly #mark: string;
  readonly #clear: string;

  constructor(streamSid: string) {
    const stream = JSON.stringify(streamSid);
    this.#media = `{"event":"media","streamSid":${stream},"media":{"payload":"`;
    this.#mark = `{"event":"mark","streamSid":${stream},"mark":{"name":"`;
    this.#clear = `{"event":"clear","streamSid":${stream}}`;
  }

  /** Audio: mu-law bytes, any number. */
  media(bytes: Uint8Array): string {
    return `${this.#media}${bytes.toBase64()}"}}`;
  }

  /** `name` needs no escaping: it is ours. */
  mark(name: string): string {
    return `${this.#mark}${name}"}}`;
  }

  clear(): string {
    return this.#clear;
  }
}
