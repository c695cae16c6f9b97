/** What the tests of vendors' sockets share: everything a socket tells, kept in order, and audio sent at a pace. */

import { FRAME_BYTES, FRAME_MS, SILENT_FRAME } from "../../lib/audio/frame.ts";
import { readTag, tagUtterance } from "../../lib/audio/tag.ts";
import { sleep, systemClock } from "../../lib/base/clock.ts";
import type { Dial } from "../../lib/base/dial.ts";
import { failed, ok } from "../../lib/base/result.ts";
import { socketWire } from "../../lib/base/wire.ts";
import { toneVoice } from "../sim/tone_voice.ts";

/** A parsed message, or anything else that a library hands on. */
// deno-lint-ignore no-explicit-any -- a test reads what it expects there
export type Message = any;

/** How long anything may take that a test waits for, ms. */
const LIMIT_MS = 10_000;

/** The part of a vendor's socket that is common to all of them. */
interface EventSource {
  on(event: "message", handler: (message: Message) => void): unknown;
  on(event: "close", handler: (event: { code: number }) => void): unknown;
  on(event: "error", handler: (error: Error) => void): unknown;
}

/** Wait for `done`, looked at every few ms. @throws {Error} after ten seconds, naming `what`. */
export async function until(what: string, done: () => boolean, limitMs = LIMIT_MS): Promise<void> {
  const endMs = systemClock.monotonicMs() + limitMs;
  while (!done()) {
    if (systemClock.monotonicMs() > endMs) throw new Error(`${what}: not within ${limitMs} ms`);
    await sleep(systemClock, 5);
  }
}

/** Everything that a socket told. */
export class Inbox {
  /** JSON messages. */
  readonly messages: Message[] = [];
  readonly audio: Blob[] = [];
  readonly closes: number[] = [];
  readonly errors: Error[] = [];

  constructor(source: EventSource) {
    source.on("message", (message) => void (message instanceof Blob ? this.audio : this.messages).push(message));
    source.on("close", ({ code }) => void this.closes.push(code));
    source.on("error", (error) => void this.errors.push(error));
  }

  of(type: string): Message[] {
    return this.messages.filter((message) => message.type === type);
  }

  /** The `n`-th message of `type`, once it has come. */
  async next(type: string, n = 1): Promise<Message> {
    await until(`${type} number ${n} (came: ${this.messages.map(({ type }) => type)})`, () => this.of(type).length >= n)
      .catch((error) => {
        throw new Error(`${error.message}, but ${JSON.stringify(this.messages.slice(-5))}`);
      });
    return this.of(type)[n - 1];
  }

  get audioBytes(): number {
    return this.audio.reduce((sum, { size }) => sum + size, 0);
  }

  /** The words that the tagged audio holds. */
  async words(): Promise<string> {
    return spokenIn(new Uint8Array(await new Blob(this.audio).arrayBuffer()));
  }
}

/** The words that tagged mu-law audio holds. */
export function spokenIn(audio: Uint8Array): string {
  let words = "";
  for (let at = 0; at + FRAME_BYTES <= audio.length; at += FRAME_BYTES) {
    const tag = readTag(audio.subarray(at, at + FRAME_BYTES));
    if (tag) words += tag.last ? `${tag.words} ` : tag.words;
  }
  return words.replace(/\s+/g, " ").trim();
}

let sources = 100;

/** Tagged speech for `text`, in frames. */
export async function speech(text: string): Promise<Uint8Array[]> {
  const { audio, words } = await toneVoice().speak(text);
  const tagged = tagUtterance(audio, words, ++sources, 0);
  return Array.from(
    { length: tagged.length / FRAME_BYTES },
    (_, n) => tagged.subarray(n * FRAME_BYTES, (n + 1) * FRAME_BYTES),
  );
}

export function silence(ms: number): Uint8Array[] {
  return Array.from({ length: Math.ceil(ms / FRAME_MS) }, () => SILENT_FRAME);
}

/** Send `frames` in order, `timesX` faster than they sound, until all are sent or `done`. */
export async function feed(
  send: (frame: Uint8Array) => void,
  frames: Uint8Array[],
  { timesX = 4, done = () => false }: { timesX?: number; done?: () => boolean } = {},
): Promise<void> {
  const startMs = systemClock.monotonicMs();
  for (const [n, frame] of frames.entries()) {
    if (done()) return;
    send(frame);
    const dueMs = startMs + (n + 1) * FRAME_MS / timesX;
    if (dueMs > systemClock.monotonicMs()) await sleep(systemClock, dueMs - systemClock.monotonicMs());
  }
}

/** Dials with the platform's socket, and hands it over only so long after it is open: what comes meanwhile is kept. */
export const dialThenWait = (waitMs: number): Dial => ({ peer, url, headers }) =>
  new Promise((resolve) => {
    const socket = new WebSocket(url, { headers: { ...headers } });
    socket.onopen = () => {
      const wire = socketWire(socket);
      sleep(systemClock, waitMs).then(() => resolve(ok(wire)), () => {});
    };
    socket.onerror = () => resolve(failed({ kind: "unreachable", peer, detail: "no socket" }));
  });
