/** The two halves of the `ws` library that its public types leave out: messages out of bytes, and frames into them. */

import * as ws from "ws";

/** Takes the peer's bytes; tells messages and the end. It keeps views of what it is given. */
export interface FrameReader {
  write(bytes: Uint8Array): boolean;
  on(event: "message", listener: (data: Uint8Array, isBinary: boolean) => void): unknown;
  on(event: "ping", listener: (data: Uint8Array) => void): unknown;
  /** The peer's close frame. */
  on(event: "conclude", listener: (code: number, reason: Uint8Array) => void): unknown;
  on(event: "error", listener: (error: Error) => void): unknown;
}

/** Makes masked frames, each in one or two buffers. */
export interface FrameWriter {
  send(data: string | Uint8Array, options: { binary: boolean; compress: false; fin: true; mask: true }): void;
  pong(data: Uint8Array, mask: true): void;
  close(code: number | undefined, reason: string | undefined, mask: true): void;
}

/** What the writer writes to: the part of a Node socket that it uses. */
export interface ByteSink {
  cork(): void;
  uncork(): void;
  write(bytes: Uint8Array): void;
}

// Exported by the library, described in its source, left out by @types/ws.
const { Receiver, Sender } = ws as unknown as {
  Receiver: new (options: Record<string, unknown>) => FrameReader;
  Sender: new (sink: ByteSink, extensions: Record<string, never>) => FrameWriter;
};

export function frameReader(maxPayload: number): FrameReader {
  return new Receiver({ isServer: false, binaryType: "nodebuffer", maxPayload, skipUTF8Validation: true });
}

export function frameWriter(sink: ByteSink): FrameWriter {
  return new Sender(sink, {});
}
