/** The media socket as Twilio drives it: the states of section 8.2 of the Twilio reference, over any `Wire`. */

import { FRAME_MS } from "../audio/frame.ts";
import type { Clock, Timer } from "../base/clock.ts";
import type { Wire } from "../base/wire.ts";
import * as message from "./messages.ts";
import type { Mouth } from "./mouth.ts";
import { DueQueue, type Packet, type Profile, Uplink } from "./network.ts";
import { type Offence, offence, type Warning } from "./offence.ts";
import { type MarkEcho, type Slot, Speaker } from "./speaker.ts";

/** What happens on the line. Times are on the clock given. */
export interface LineListener {
  /** The 20 ms of the caller's speaker that begin at `atMs`. */
  played(slot: Slot, atMs: number): void;
  /** The 20 ms that the caller spoke into the phone from `atMs` on; `silent`: nobody spoke. */
  spoke(frame: Uint8Array, atMs: number, silent: boolean): void;
  /** Audio of the server came in, of any length. */
  arrived(audio: Uint8Array, atMs: number): void;
  /** A mark came when nothing was queued: what is being said ends here. */
  markedEmpty(): void;
  cleared(droppedMs: number, atMs: number): void;
  offence(offence: Offence): void;
  warning(warning: Warning): void;
}

/** How the line behaves, as far as a test or a user may choose. */
export interface LineChoices {
  profile?: Profile;
  markEcho?: MarkEcho;
  /** A mark's echo takes this long on its way, uniform between the two. */
  echoDelayMs?: readonly [least: number, most: number];
  /** Hold the first 100 ms of audio and send it at once, as real streams do. */
  startupBurst?: boolean;
}

export interface LineOptions extends message.StreamIdentity {
  clock: Clock;
  random: () => number;
  mouth: Mouth;
  listener: LineListener;
  parameters: Readonly<Record<string, string>>;
  choices: LineChoices;
}

/** How the caller's side ends the stream: Twilio's way, or one of the ways seen in the field. */
export type HangUpWay = "stop-and-close" | "stop-only" | "close-only" | "reset";

export interface LineEnd {
  by: "caller" | "server";
  /** 1006: no close frame. */
  code: number;
  reason: string;
}

/** About a minute of audio that the server has not read: the connection is as good as broken. */
const UNREAD_LIMIT_BYTES = 1 << 20;
const STARTUP_MS = 100;
/** More than this queued for the caller is worth a warning. */
const MUCH_QUEUED_MS = 30_000;
/** When we wake up later than this, the machine stood still: let what the socket holds come in first. */
const LATE_MS = 30;
/** A server that does not close after `stop` is given this long. */
const STOP_ONLY_MS = 5000;
/** What comes within this time of `stop` was on its way already. */
const IN_FLIGHT_MS = 250;

export class Line {
  readonly speaker: Speaker;
  /** Messages that came after we said `stop`. */
  afterStop = 0;
  readonly closed: Promise<LineEnd>;
  readonly #wire: Wire;
  readonly #options: LineOptions;
  readonly #uplink: Uplink;
  readonly #packets = new DueQueue<Packet>();
  readonly #echoes = new DueQueue<string>();
  readonly #settle: { resolve: (end: LineEnd) => void; reject: (error: unknown) => void };
  #state: "open" | "streaming" | "ending" | "closed" = "open";
  #endingMs = 0;
  /** When `start` was sent, on the clock given. */
  #startedMs = 0;
  #sequence = 0;
  #chunk = 0;
  #slots = 0;
  #timer: Timer | undefined;
  #deferred = false;
  #oddPending = false;
  readonly #warned = new Set<Warning["code"]>();

  /** `wire` is open; nothing is sent before `start`. */
  constructor(wire: Wire, options: LineOptions) {
    this.#wire = wire;
    this.#options = options;
    this.speaker = new Speaker(options.choices.markEcho);
    this.#uplink = new Uplink(options.choices.profile ?? "steady", options.random);
    const { promise, resolve, reject } = Promise.withResolvers<LineEnd>();
    this.closed = promise;
    this.#settle = { resolve, reject };
  }

  /** Say `connected` and `start`, and begin to send and to play. */
  start(): void {
    this.#wire.listen({
      text: (text) => this.#received(text),
      binary: (bytes) =>
        this.#blame("binary-frame", `A binary frame of ${bytes.length} bytes: only text is spoken here`),
      close: (code, reason) => this.#ended(code, reason),
      crashed: (error) => this.#crashed(error),
    });
    if (this.#state === "closed") return;
    this.#wire.send(message.connectedMessage());
    this.#wire.send(message.startMessage(this.#options, ++this.#sequence, this.#options.parameters));
    this.#state = "streaming";
    this.#startedMs = this.#options.clock.monotonicMs();
    this.#run();
  }

  /** The caller pressed a key. */
  press(digit: string): void {
    if (this.#state !== "streaming") return;
    this.#wire.send(message.dtmfMessage(this.#options.streamSid, ++this.#sequence, digit));
  }

  /** End the stream from the caller's side; `closed` settles soon. Twice does nothing. */
  hangUp(way: HangUpWay = "stop-and-close"): void {
    if (this.#state === "ending" || this.#state === "closed") return;
    this.#state = "ending";
    this.#endingMs = this.#options.clock.monotonicMs();
    this.#stopTimer();
    if (way === "reset") return this.#wire.terminate();
    if (way !== "close-only") this.#wire.send(message.stopMessage(this.#options, ++this.#sequence));
    if (way !== "stop-only") return this.#wire.close(1000, "");
    this.#timer = this.#options.clock.after(STOP_ONLY_MS, () => {
      this.#warn({
        code: "not-closed",
        detail: `The server did not close its socket within ${STOP_ONLY_MS / 1000} s of stop`,
      });
      this.#wire.terminate();
    });
  }

  /** Do all that is due, then sleep until the next thing is. Deadlines are absolute: what is late is caught up. */
  #run(): void {
    const { clock } = this.#options;
    const nowMs = clock.monotonicMs();
    if (nowMs - this.#nextSlotMs > LATE_MS && !this.#deferred) {
      this.#deferred = true;
      this.#timer = clock.after(0, () => this.#run());
      return;
    }
    this.#deferred = false;
    while (this.#state === "streaming" && this.#nextSlotMs <= nowMs) this.#slot();
    for (const packet of this.#packets.take(nowMs)) if (this.#state === "streaming") this.#send(packet);
    for (const name of this.#echoes.take(nowMs)) this.#sendMark(name);
    this.#sleep();
  }

  #sleep(): void {
    this.#stopTimer();
    if (this.#state !== "streaming") return;
    const { clock } = this.#options;
    const dueMs = Math.min(this.#nextSlotMs, this.#packets.nextMs, this.#echoes.nextMs);
    this.#timer = clock.after(dueMs - clock.monotonicMs(), () => this.#run());
  }

  get #nextSlotMs(): number {
    return this.#startedMs + this.#slots * FRAME_MS;
  }

  /** 20 ms begin: the speaker plays its next slot, the caller speaks the next frame. */
  #slot(): void {
    const { listener, mouth, choices: { startupBurst = true } } = this.#options;
    const atMs = this.#nextSlotMs;
    const slot = this.speaker.tick();
    listener.played(slot, atMs);
    this.#echo(slot.echoes, atMs);
    const spoken = mouth.next();
    listener.spoke(spoken.frame, atMs, spoken.silent);
    const dueMs = startupBurst ? Math.max(atMs, this.#startedMs + STARTUP_MS) : atMs;
    for (const packet of this.#uplink.push(this.#slots, spoken, dueMs)) this.#packets.put(packet.dueMs, packet);
    this.#slots++;
  }

  #send(packet: Packet): void {
    if (this.#wire.bufferedBytes > UNREAD_LIMIT_BYTES) {
      this.#blame("not-reading", `The server does not read its socket: ${this.#wire.bufferedBytes} bytes wait`);
      return this.#wire.terminate();
    }
    const media = { ...packet, chunk: ++this.#chunk };
    this.#wire.send(message.mediaMessage(this.#options.streamSid, ++this.#sequence, media));
  }

  #sendMark(name: string): void {
    this.#wire.send(message.markMessage(this.#options.streamSid, ++this.#sequence, name));
  }

  #echo(names: string[], atMs: number): void {
    const { choices: { echoDelayMs: [least, most] = [0, 0] }, random } = this.#options;
    for (const name of names) {
      if (most === 0) this.#sendMark(name);
      else this.#echoes.put(atMs + least + (most - least) * random(), name);
    }
  }

  #received(text: string): void {
    if (this.#state === "ending" || this.#state === "closed") {
      this.afterStop++;
      if (this.#options.clock.monotonicMs() - this.#endingMs <= IN_FLIGHT_MS) return;
      return this.#warn({ code: "after-stop", detail: "The server goes on sending after stop" });
    }
    if (this.#state === "open") return this.#blame("before-start", "The server sent a message before start");
    const { message: read, offences } = message.readServerMessage(text, this.#options.streamSid);
    for (const each of offences) this.#options.listener.offence(each);
    if (!read) return;
    const nowMs = this.#options.clock.monotonicMs();
    switch (read.event) {
      case "media":
        return this.#media(read.payload, nowMs);
      case "mark":
        return this.#mark(read.name, nowMs);
      case "clear":
        return this.#clear(nowMs);
    }
  }

  #media(payload: Uint8Array, nowMs: number): void {
    const { listener } = this.#options;
    if (this.#oddPending) {
      this.#warn({
        code: "odd-payload",
        detail: "Payloads are not whole 20 ms frames (160 bytes): words may begin with a click",
      });
    }
    this.#oddPending = payload.length % 160 !== 0;
    const taken = this.speaker.media(payload);
    listener.arrived(payload, nowMs);
    if (!taken || this.speaker.queuedMs > MUCH_QUEUED_MS) {
      this.#warn({
        code: "much-queued",
        detail: `Over ${Math.floor(this.speaker.queuedMs / 1000)} s of audio wait to be played`,
      });
    }
  }

  #mark(name: string, nowMs: number): void {
    this.#oddPending = false;
    const empty = this.speaker.queuedBytes === 0;
    this.#echo(this.speaker.mark(name), nowMs);
    if (empty) this.#options.listener.markedEmpty();
    this.#sleep();
  }

  #clear(nowMs: number): void {
    this.#oddPending = false;
    const { echoes, droppedMs } = this.speaker.clear();
    this.#options.listener.cleared(droppedMs, nowMs);
    this.#echo(echoes, nowMs);
    this.#sleep();
  }

  #ended(code: number, reason: string): void {
    const by = this.#state === "ending" ? "caller" : "server";
    this.#state = "closed";
    this.#stopTimer();
    if (endedInError({ by, code })) {
      this.#blame("closed-abnormally", `The server's socket ended with code ${code}${reason && ` (${reason})`}`);
    }
    this.#settle.resolve({ by, code, reason });
  }

  /** A mistake of this phone: the call fails with it. */
  #crashed(error: unknown): void {
    this.#settle.reject(error);
    this.#stopTimer();
    this.#state = "ending";
    this.#wire.terminate();
  }

  #blame(code: Offence["code"], what: string): void {
    this.#options.listener.offence(offence(code, what));
  }

  #warn(warning: Warning): void {
    if (this.#warned.has(warning.code)) return;
    this.#warned.add(warning.code);
    this.#options.listener.warning(warning);
  }

  #stopTimer(): void {
    this.#timer?.[Symbol.dispose]();
    this.#timer = undefined;
  }
}

/** Normal, going away, and none given. RFC 6455 section 7.4.1. */
const CLEAN_CODES = new Set([1000, 1001, 1005]);

/** Whether the stream ended as a fault, which Twilio reports as `stream-error`. */
export function endedInError({ by, code }: Pick<LineEnd, "by" | "code">): boolean {
  return by === "server" && !CLEAN_CODES.has(code);
}
