/** A small media-stream server of the tests: it does what its script says, right or wrong. */

import { Buffer } from "node:buffer";
import { FRAME_BYTES, FRAME_MS } from "../../lib/audio/frame.ts";
import { readTag, tagUtterance } from "../../lib/audio/tag.ts";
import type { Clock } from "../../lib/base/clock.ts";
import type { AnswerHandshake, Handshake } from "../../lib/base/dial.ts";
import type { Wire } from "../../lib/base/wire.ts";
import { toneVoice } from "../sim/tone_voice.ts";

/** A message of the phone, as it came, and when. */
export interface Got {
  atMs: number;
  event: string;
  // deno-lint-ignore no-explicit-any -- tests look into messages of every shape
  body: any;
}

export interface Script {
  twiml?: string;
  /** Called once `start` has come. */
  started?: (line: ServerLine) => void;
  /** Called with the words of the caller once it has been silent for 300 ms. */
  heard?: (line: ServerLine, text: string) => void;
  /** Called at the first tagged frame of something the caller says. */
  spoke?: (line: ServerLine, utterance: number) => unknown;
  /** Called for each message. */
  got?: (line: ServerLine, got: Got) => void;
  /** Instead of a socket. */
  refuse?: () => Response;
  /** Answers requests to other paths than `/incoming-call`. */
  other?: (path: string, form: URLSearchParams) => Response | Promise<Response>;
}

export function xml(text: string): Response {
  return new Response(text, { headers: { "content-type": "text/xml" } });
}

export const PLAIN_TWIML =
  `<?xml version="1.0" encoding="UTF-8"?>\n<Response><Connect><Stream url="wss://test.example.com/media"><Parameter name="token" value="t&amp;1"/></Stream></Connect></Response>`;

/** One socket of the server. */
export class ServerLine {
  readonly all: Got[] = [];
  streamSid = "";
  closed: { code: number } | undefined;
  #source = 1;
  #heardText = "";
  #utterances = 0;
  #quietFrames = 0;

  constructor(readonly wire: Wire, readonly clock: Clock, readonly script: Script) {}

  send(message: unknown): void {
    this.wire.send(typeof message === "string" ? message : JSON.stringify(message));
  }

  media(audio: Uint8Array): void {
    const payload = Buffer.from(audio).toString("base64");
    this.send({ event: "media", streamSid: this.streamSid, media: { payload } });
  }

  mark(name: string): void {
    this.send({ event: "mark", streamSid: this.streamSid, mark: { name } });
  }

  clear(): void {
    this.send({ event: "clear", streamSid: this.streamSid });
  }

  /** Speech for `text` as tagged frames. */
  async frames(text: string): Promise<Uint8Array[]> {
    const { audio, words } = await toneVoice().speak(text);
    const tagged = tagUtterance(audio, words, this.#source++, 0);
    return Array.from(
      { length: tagged.length / FRAME_BYTES },
      (_, n) => tagged.subarray(n * FRAME_BYTES, (n + 1) * FRAME_BYTES),
    );
  }

  /** Send the whole of `text` at once, and a mark. */
  async say(text: string, mark = text): Promise<Uint8Array[]> {
    const frames = await this.frames(text);
    for (const frame of frames) this.media(frame);
    this.mark(mark);
    return frames;
  }

  receive(text: string): void {
    const body = JSON.parse(text);
    const got = { atMs: this.clock.monotonicMs(), event: body.event, body };
    this.all.push(got);
    if (body.event === "start") {
      this.streamSid = body.streamSid;
      this.script.started?.(this);
    }
    if (body.event === "media") this.#listen(body.media.payload);
    this.script.got?.(this, got);
  }

  of(event: string): Got[] {
    return this.all.filter((got) => got.event === event);
  }

  #listen(payload: string): void {
    const bytes = Uint8Array.from(atob(payload), (character) => character.charCodeAt(0));
    const tag = bytes.length === FRAME_BYTES ? readTag(bytes) : undefined;
    if (tag) {
      if (tag.frame === 0) this.script.spoke?.(this, ++this.#utterances);
      this.#heardText += tag.words;
      this.#quietFrames = 0;
    } else if (this.#heardText !== "" && ++this.#quietFrames * FRAME_MS >= 300) {
      const text = this.#heardText.trim();
      this.#heardText = "";
      this.script.heard?.(this, text);
    }
  }
}

export interface Request_ {
  path: string;
  form: URLSearchParams;
  headers: Headers;
}

export interface TestServer {
  answer: AnswerHandshake;
  fetch: (request: Request) => Promise<Response>;
  lines: ServerLine[];
  handshakes: Handshake[];
  requests: Request_[];
}

export function testServer(clock: Clock, script: Script): TestServer {
  const lines: ServerLine[] = [];
  const handshakes: Handshake[] = [];
  const requests: Request_[] = [];
  return {
    lines,
    handshakes,
    requests,
    answer: (handshake) => {
      handshakes.push(handshake);
      if (script.refuse) return { refuse: script.refuse() };
      return {
        accept: (wire) => {
          const line = new ServerLine(wire, clock, script);
          lines.push(line);
          wire.listen({
            text: (text) => line.receive(text),
            binary: () => {},
            close: (code) => line.closed = { code },
            crashed: (error) => {
              throw error;
            },
          });
        },
      };
    },
    fetch: async (request) => {
      const path = new URL(request.url).pathname;
      const form = new URLSearchParams(await request.text());
      requests.push({ path, form, headers: request.headers });
      if (path === "/incoming-call") return xml(script.twiml ?? PLAIN_TWIML);
      return await script.other?.(path, form) ?? new Response(null, { status: 204 });
    },
  };
}
