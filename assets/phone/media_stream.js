// @ts-check
/** The messages of a media stream as the carrier writes and reads them. Twilio reference, sections 3.2 and 3.3. */

/** The account of a phone that belongs to nobody. */
const ACCOUNT_SID = "AC00000000000000000000000000000001";
/** The first frame's timestamp is never 0. */
const FIRST_TIMESTAMP_MS = 100;

/** @typedef {{event: "media", audio: Uint8Array} | {event: "mark", name: string} | {event: "clear"}} FromServer */

/** Writes one stream's messages: numbers them, stamps the media. */
export class StreamWriter {
  #sequence = 0;
  #chunk = 0;
  #callSid;
  #streamSid;

  /** @param {{callSid: string, streamSid: string}} ids */
  constructor({ callSid, streamSid }) {
    this.#callSid = callSid;
    this.#streamSid = streamSid;
  }

  connected() {
    return JSON.stringify({ event: "connected", protocol: "Call", version: "1.0.0" });
  }

  /** @param {Record<string, string>} customParameters */
  start(customParameters) {
    return this.#message("start", {
      accountSid: ACCOUNT_SID,
      streamSid: this.#streamSid,
      callSid: this.#callSid,
      tracks: ["inbound"],
      mediaFormat: { encoding: "audio/x-mulaw", sampleRate: 8000, channels: 1 },
      customParameters,
    });
  }

  /** @param {Uint8Array} frame 20 ms: each is due 20 ms after the one before */
  media(frame) {
    const timestamp = String(FIRST_TIMESTAMP_MS + 20 * this.#chunk);
    const payload = btoa(String.fromCharCode(...frame));
    return this.#message("media", { track: "inbound", chunk: String(++this.#chunk), timestamp, payload });
  }

  /** @param {string} digit */
  dtmf(digit) {
    return this.#message("dtmf", { track: "inbound_track", digit });
  }

  /** @param {string} name */
  mark(name) {
    return this.#message("mark", { name });
  }

  stop() {
    return this.#message("stop", { accountSid: ACCOUNT_SID, callSid: this.#callSid });
  }

  /**
   * @param {string} event
   * @param {object} body
   */
  #message(event, body) {
    return JSON.stringify({
      event,
      sequenceNumber: String(++this.#sequence),
      [event]: body,
      streamSid: this.#streamSid,
    });
  }
}

/**
 * @param {unknown} data what came over the socket
 * @param {string} streamSid
 * @returns {FromServer | {event: "odd", detail: string}}
 */
export function readMessage(data, streamSid) {
  if (typeof data !== "string") return odd("a binary frame (31950)");
  try {
    const message = JSON.parse(data);
    if (message.streamSid !== streamSid) return odd("a message for another stream (31951)");
    switch (message.event) {
      case "media":
        return { event: "media", audio: Uint8Array.from(atob(message.media.payload), (c) => c.charCodeAt(0)) };
      case "mark":
        return typeof message.mark.name === "string" ? { event: "mark", name: message.mark.name } : odd("a nameless mark");
      case "clear":
        return { event: "clear" };
      default:
        return odd(`an unknown message "${message.event}" (31951)`);
    }
  } catch {
    return odd("a message that cannot be read (31951)");
  }
}

/**
 * @param {string} detail
 * @returns {{event: "odd", detail: string}}
 */
function odd(detail) {
  return { event: "odd", detail };
}
