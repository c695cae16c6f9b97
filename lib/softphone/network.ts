/** How the caller's frames travel before they reach the server. Twilio reference, section 8.3. Pure. */

import { audioMs, FRAME_MS } from "../audio/frame.ts";

/**
 * `steady`: each frame when it is due. `jitter`: later by half-normal 5 ms. `bunch`: now and then nothing for 233 ms,
 * then all at once. `loss`: now and then 1-3 frames never come, the timestamp jumps. `dtx`: nothing is sent while the
 * caller is silent. `odd`: payloads of 80, 240 or 320 bytes.
 */
export type Profile = "steady" | "jitter" | "bunch" | "loss" | "dtx" | "odd";

export interface Packet {
  /** When it is handed to the socket, on the clock of `Uplink.push`'s `dueMs`. */
  dueMs: number;
  /** `media.timestamp`. */
  timestampMs: number;
  payload: Uint8Array;
}

/** Real streams begin a little above 0: 102 was seen. */
const TIMESTAMP_BASE_MS = 100;
const JITTER_SIGMA_MS = 5;
const STALL_MS = 233;
const STALL_CHANCE = 1 / 150;
const LOSS_CHANCE = 1 / 50;
const ODD_BYTES = [80, 240, 320];

/** Turns the caller's frames into packets. Packets keep their order. */
export class Uplink {
  readonly #profile: Profile;
  readonly #random: () => number;
  #lastDueMs = -Infinity;
  #stalledUntilMs = -Infinity;
  #skip = 0;
  #odd: number[] = [];
  #oddBytes = 0;
  #oddTimestampMs = TIMESTAMP_BASE_MS;

  constructor(profile: Profile, random: () => number) {
    this.#profile = profile;
    this.#random = random;
  }

  /** Frame `n` of the stream, due at `dueMs`. @returns what to send for it: mostly one packet. */
  push(n: number, { frame, silent }: { frame: Uint8Array; silent: boolean }, dueMs: number): Packet[] {
    const timestampMs = TIMESTAMP_BASE_MS + n * FRAME_MS;
    switch (this.#profile) {
      case "steady":
        return [this.#packet(dueMs, timestampMs, frame)];
      case "jitter":
        return [this.#packet(dueMs + Math.abs(this.#normal()) * JITTER_SIGMA_MS, timestampMs, frame)];
      case "bunch":
        if (dueMs >= this.#stalledUntilMs && this.#random() < STALL_CHANCE) this.#stalledUntilMs = dueMs + STALL_MS;
        return [this.#packet(Math.max(dueMs, this.#stalledUntilMs), timestampMs, frame)];
      case "loss":
        if (this.#skip === 0 && this.#random() < LOSS_CHANCE) this.#skip = 1 + Math.floor(this.#random() * 3);
        return this.#skip > 0 ? (this.#skip--, []) : [this.#packet(dueMs, timestampMs, frame)];
      case "dtx":
        return silent ? [] : [this.#packet(dueMs, timestampMs, frame)];
      case "odd":
        return this.#recut(frame, dueMs);
    }
  }

  /** The same bytes in payloads of other sizes, each sent once its last byte is there. */
  #recut(frame: Uint8Array, dueMs: number): Packet[] {
    for (const byte of frame) this.#odd.push(byte);
    const packets: Packet[] = [];
    while (true) {
      this.#oddBytes ||= ODD_BYTES[Math.floor(this.#random() * ODD_BYTES.length)]!;
      if (this.#odd.length < this.#oddBytes) return packets;
      packets.push(this.#packet(dueMs, this.#oddTimestampMs, Uint8Array.from(this.#odd.splice(0, this.#oddBytes))));
      this.#oddTimestampMs += audioMs(this.#oddBytes);
      this.#oddBytes = 0;
    }
  }

  #packet(dueMs: number, timestampMs: number, payload: Uint8Array): Packet {
    this.#lastDueMs = Math.max(this.#lastDueMs, dueMs);
    return { dueMs: this.#lastDueMs, timestampMs, payload };
  }

  /** Box and Muller. */
  #normal(): number {
    return Math.sqrt(-2 * Math.log(1 - this.#random())) * Math.cos(2 * Math.PI * this.#random());
  }
}

/** A queue ordered by time: what is put later is never due earlier. */
export class DueQueue<T> {
  readonly #items: { dueMs: number; item: T }[] = [];

  put(dueMs: number, item: T): void {
    this.#items.push({ dueMs: Math.max(dueMs, this.#items.at(-1)?.dueMs ?? -Infinity), item });
  }

  /** When the next item is due; infinity if there is none. */
  get nextMs(): number {
    return this.#items[0]?.dueMs ?? Infinity;
  }

  /** All that is due at `nowMs`, in order. */
  take(nowMs: number): T[] {
    const due: T[] = [];
    while (this.#items[0] && this.#items[0].dueMs <= nowMs) due.push(this.#items.shift()!.item);
    return due;
  }
}
