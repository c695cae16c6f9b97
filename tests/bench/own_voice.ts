/**
 * The audio of lines that the server says of itself ("One moment."): it asks a voice for them at its start, and ours answers
 * with frames that say what they are. So the phones tell such a line from a frame that was altered.
 */

import { FRAME_BYTES } from "../../lib/audio/frame.ts";

const BYTES_PER_CHARACTER = 480;

/** Loud codes of both signs, never the same twice in a row. */
const FRAME = Uint8Array.from({ length: FRAME_BYTES }, (_, i) => (i % 2 === 0 ? 0x80 : 0) | ((i * 7) & 0x0E));

/** Whether the frame at `offset` is one. A rehearsing server writes words into the lowest bit of each byte: that one is free. */
export function isOwnLine(bytes: Uint8Array, offset: number): boolean {
  for (let i = 0; i < FRAME_BYTES; i++) if (((bytes[offset + i]! ^ FRAME[i]!) & 0xFE) !== 0) return false;
  return true;
}

/** `bytes` of it, from the byte `from` on: always the same frame, over and over. */
export function ownLine(from: number, bytes: number): Uint8Array<ArrayBuffer> {
  const audio = new Uint8Array(bytes);
  const into = from % FRAME_BYTES;
  for (let at = -into; at < bytes; at += FRAME_BYTES) {
    const skip = Math.max(0, -at);
    audio.set(FRAME.subarray(skip, Math.min(FRAME_BYTES, bytes - at)), at + skip);
  }
  return audio;
}

/** Deepgram's and Cartesia's plain requests for one whole text: 60 ms a character, in whole frames. */
export async function speakLine(request: Request): Promise<Response> {
  const { text, transcript } = await request.json() as { text?: string; transcript?: string };
  return new Response(ownLine(0, (text ?? transcript ?? "").length * BYTES_PER_CHARACTER));
}

/** A voice for prepared lines on a free port of loopback, for a server whose vendors speak nothing but their socket. */
export function serveOwnVoice(): AsyncDisposable & { port: number } {
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, speakLine);
  return { port: server.addr.port, [Symbol.asyncDispose]: () => server.shutdown() };
}
