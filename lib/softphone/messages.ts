/** The messages of the media socket from Twilio's side: written as Twilio writes them, read as strictly as it reads. Twilio reference, section 3. Pure. */

import { Buffer } from "node:buffer";
import { isObject, parseObject } from "../base/json.ts";
import { type Offence, offence, type OffenceCode } from "./offence.ts";

/** What a server may send. */
export type ServerMessage =
  | { event: "media"; payload: Uint8Array }
  | { event: "mark"; name: string }
  | { event: "clear" };

/** The message, if it can be acted on, and everything wrong with it. */
export interface ServerReading {
  message: ServerMessage | undefined;
  offences: Offence[];
}

/** Fields beside `event` and `streamSid`, and what is inside. */
const BODY: Readonly<Record<ServerMessage["event"], string | undefined>> = {
  media: "payload",
  mark: "name",
  clear: undefined,
};

const CONTAINERS = ["RIFF", "ID3", ".snd", "fLaC", "OggS"];
const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/;

/** Read one text message of the server. Never throws. A message with an offence is not acted on, except extra fields and a container's bytes. */
export function readServerMessage(text: string, streamSid: string): ServerReading {
  const offences: Offence[] = [];
  const blame = (code: OffenceCode, what: string): ServerReading => {
    offences.push(offence(code, what));
    return { message: undefined, offences };
  };
  const parsed = parseObject(text);
  if (!parsed) return blame("not-json", `A message is no JSON object: ${quote(text)}`);
  const event = parsed.event;
  if (event === undefined) return blame("missing-field", 'A message has no "event"');
  if (event !== "media" && event !== "mark" && event !== "clear") {
    return blame("unknown-event", `Twilio knows no event ${quote(JSON.stringify(event))} from a server`);
  }
  if (parsed.streamSid === undefined) return blame("missing-field", `"${event}" has no "streamSid"`);
  if (parsed.streamSid !== streamSid) {
    return blame(
      "wrong-stream-sid",
      `"${event}" names the stream ${quote(String(parsed.streamSid))}, not ${streamSid}`,
    );
  }
  const inner = BODY[event];
  for (const field of Object.keys(parsed)) {
    if (field !== "event" && field !== "streamSid" && (field !== event || !inner)) {
      blame("extra-field", `"${event}" has a field "${field}" that Twilio does not know`);
    }
  }
  if (event === "clear" || !inner) return { message: { event: "clear" }, offences };

  const body = parsed[event];
  const value = isObject(body) ? body[inner] : undefined;
  if (!isObject(body) || typeof value !== "string" || (event === "mark" && value === "")) {
    return blame("missing-field", `"${event}" has no "${event}.${inner}"`);
  }
  for (const field of Object.keys(body)) {
    if (field !== inner) blame("extra-field", `"${event}" has a field "${event}.${field}" that Twilio does not know`);
  }
  if (event === "mark") return { message: { event, name: value }, offences };
  if (value === "") return blame("empty-payload", '"media" has an empty payload');
  if (value.length % 4 !== 0 || !BASE64.test(value)) return blame("not-base64", '"media.payload" is not base64');
  const payload = new Uint8Array(Buffer.from(value, "base64"));
  const head = String.fromCharCode(...payload.subarray(0, 4));
  const header = CONTAINERS.find((magic) => head.startsWith(magic));
  if (header) {
    blame("container-header", `A payload begins with "${header}": the header is played as noise, send raw mu-law`);
  }
  return { message: { event, payload }, offences };
}

/** What a stream is about. */
export interface StreamIdentity {
  accountSid: string;
  callSid: string;
  streamSid: string;
}

export function connectedMessage(): string {
  return JSON.stringify({ event: "connected", protocol: "Call", version: "1.0.0" });
}

export function startMessage(
  { accountSid, callSid, streamSid }: StreamIdentity,
  sequence: number,
  customParameters: Readonly<Record<string, string>>,
): string {
  const mediaFormat = { encoding: "audio/x-mulaw", sampleRate: 8000, channels: 1 };
  return JSON.stringify({
    event: "start",
    sequenceNumber: String(sequence),
    start: { accountSid, streamSid, callSid, tracks: ["inbound"], mediaFormat, customParameters },
    streamSid,
  });
}

export function mediaMessage(
  streamSid: string,
  sequence: number,
  media: { chunk: number; timestampMs: number; payload: Uint8Array },
): string {
  return JSON.stringify({
    event: "media",
    sequenceNumber: String(sequence),
    media: {
      track: "inbound",
      chunk: String(media.chunk),
      timestamp: String(media.timestampMs),
      payload: Buffer.from(media.payload).toString("base64"),
    },
    streamSid,
  });
}

export function markMessage(streamSid: string, sequence: number, name: string): string {
  return JSON.stringify({ event: "mark", sequenceNumber: String(sequence), streamSid, mark: { name } });
}

export function dtmfMessage(streamSid: string, sequence: number, digit: string): string {
  const dtmf = { track: "inbound_track", digit };
  return JSON.stringify({ event: "dtmf", streamSid, sequenceNumber: String(sequence), dtmf });
}

export function stopMessage({ accountSid, callSid, streamSid }: StreamIdentity, sequence: number): string {
  return JSON.stringify({
    event: "stop",
    sequenceNumber: String(sequence),
    stop: { accountSid, callSid },
    streamSid,
  });
}

function quote(text: string): string {
  return JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}…` : text);
}
