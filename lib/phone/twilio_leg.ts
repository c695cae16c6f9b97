/** A phone line over one Media Streams socket: the shell around messages, playout and pacer. */

import { FRAME_MS, FrameCutter, SILENT_FRAME } from "../audio/frame.ts";
import { RecentAudio } from "../audio/recent_audio.ts";
import { type Clock, TimerSet } from "../base/clock.ts";
import type { Wire } from "../base/wire.ts";
import type { Cut, Leg, LegEnd, LegEvent, LineTap } from "./leg.ts";
import { Base64Decoder, type Inbound, Outbound, parseTwilio } from "./messages.ts";
import type { Paced, Pacer } from "./pacer.ts";
import { Playout } from "./playout.ts";
import { QUIET_LINE_MS, SkippedSilence } from "./skipped_silence.ts";

/** A valid `start` must come within this time of the socket's opening. */
const START_DEADLINE_MS = 10_000;
/** Longer text messages end the line: a 20 ms frame needs 400 bytes (Twilio reference, section 3.1). */
const MESSAGE_LIMIT_BYTES = 65_536;
/** No caller sends this much in this time: he sends some 20 KB a second, though what the network held up comes at once. */
const FLOOD_BYTES = 1024 * 1024;
const FLOOD_MS = 5000;
/** After this many messages that are not of the protocol, the peer is no carrier. */
const ODD_LIMIT = 200;
/** This many unknown events are reported; the rest is passed over. */
const UNKNOWNS_TOLD = 20;
/** Unsent bytes at which the carrier is taken for gone: half a minute of audio in JSON. */
const CLOGGED_BYTES = 256 * 1024;
/** Silence is filled in for at most this much of a gap in the carrier's timestamps. */
const GAP_FILL_LIMIT_MS = 2000;
/** Caller audio kept while nobody is connected. */
const EARLY_FRAMES = 100;
/** A mark that comes back later than this after its audio's end is taken as lost. */
const ECHO_GRACE_MS = 2000;
/** A line that has sent nothing for this long is asked for a sign of life: a mark comes back at once if nothing is queued (Twilio reference, section 3.4). */
export const ASK_LIFE_MS = 15_000;
/** A line that has sent nothing for this long is dead. Deno's own idle timer would tell the same, but is set anew with each message. */
export const LIFELESS_MS = 30_000;
/** What is due leaves when the carrier's next frame comes; if none comes, after this part of the lead at the latest. */
const SLACK = 1 / 5;

export interface TwilioLegParts {
  /** The open socket to the carrier. */
  wire: Wire;
  clock: Clock;
  pacer: Pacer;
  /** Audio kept ahead at the carrier, ms. */
  leadMs: number;
}

export class TwilioLeg implements Leg, Paced {
  nextMs = Infinity;
  readonly traffic = { inBytes: 0, outBytes: 0 };
  /** When the next frame should leave. */
  #dueMs = Infinity;
  readonly #wire: Wire;
  readonly #clock: Clock;
  readonly #pacer: Pacer;
  readonly #leadMs: number;
  readonly #playout = new Playout();
  readonly #cutter = new FrameCutter();
  readonly #decoder = new Base64Decoder();
  readonly #timers: TimerSet<"start" | "check">;
  #out: Outbound | undefined;
  #early: LegEvent[] = [];
  #post: ((event: LegEvent) => void) | undefined;
  /** What came before anybody was connected. */
  readonly #earlyFrames = new RecentAudio();
  #hear: ((frame: Uint8Array) => void) | undefined;
  #tap: LineTap | undefined;
  #odd = 0;
  #unknowns = 0;
  /** Bytes that came since. */
  #bytes = 0;
  #sinceMs: number;
  #ended = false;
  readonly #skipped = new SkippedSilence();
  #lastFrameMs = 0;
  /** When the carrier last gave a mark back, and when it was last asked for one as a sign of life. */
  #lastEchoMs = 0;
  #askedMs = 0;

  constructor({ wire, clock, pacer, leadMs }: TwilioLegParts) {
    this.#wire = wire;
    this.#clock = clock;
    this.#pacer = pacer;
    this.#leadMs = leadMs;
    this.#sinceMs = clock.monotonicMs();
    this.#timers = new TimerSet(
      clock,
      (name) => name === "start" ? this.#end("no-start", 1008, "no start in time") : this.#check(),
    );
    this.#timers.arm("start", START_DEADLINE_MS);
    wire.listen({
      text: (text) => this.#message(text),
      binary: () => this.#strange("binary frame"),
      close: () => this.#end("socket-closed"),
      crashed: (error) => {
        this.#end("garbage");
        throw error;
      },
    });
  }

  listen(post: (event: LegEvent) => void): void {
    this.#post = post;
    for (const event of this.#early.splice(0)) post(event);
  }

  connect(hear: (frame: Uint8Array) => void): void {
    this.#hear = hear;
    for (const frame of this.#earlyFrames.frames()) hear(frame);
    this.#earlyFrames.clear();
  }

  play(reply: number, audio: Uint8Array): boolean {
    if (this.#ended) return true;
    const taken = this.#playout.push(reply, audio);
    this.#sendDue();
    return taken;
  }

  end(reply: number): void {
    if (this.#ended) return;
    if (this.#playout.end(reply)) this.#emit({ kind: "reply-heard", reply, heardMs: 0 });
    this.#sendDue();
  }

  clear(): Cut[] {
    const cuts = this.#playout.clear(this.#clock.monotonicMs());
    this.#tap?.cleared();
    if (this.#out && !this.#ended) this.#wire.send(this.#out.clear());
    return cuts;
  }

  resume(as: number, fromMs: number): boolean {
    const resumed = this.#playout.resume(as, fromMs);
    this.#sendDue();
    return resumed;
  }

  forget(): void {
    this.#playout.forget();
  }

  tap(tap: LineTap): void {
    this.#tap = tap;
  }

  get drained(): boolean {
    return this.#playout.drained(this.#clock.monotonicMs());
  }

  hangUp(): void {
    this.#end("we-closed");
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#end("we-closed");
    this.#playout[Symbol.dispose]();
    return Promise.resolve();
  }

  pump(nowMs: number): void {
    this.#send(nowMs, { withFrame: false });
  }

  #send(nowMs: number, how: { withFrame: boolean }): void {
    if (this.#ended || !this.#out) return this.#due(Infinity);
    for (const outgoing of this.#playout.take(nowMs, this.#leadMs, how)) {
      if (outgoing.kind === "mark") {
        this.#tap?.marked(outgoing.name);
        this.#wire.send(this.#out.mark(outgoing.name));
      } else {
        this.#tap?.sent(outgoing.bytes);
        this.traffic.outBytes += outgoing.bytes.length;
        this.#wire.send(this.#out.media(outgoing.bytes));
        if (outgoing.first) this.#emit({ kind: "reply-first-sent", reply: outgoing.reply });
      }
    }
    this.#due(this.#playout.nextSendMs(this.#leadMs));
    if (this.#wire.bufferedBytes > CLOGGED_BYTES) this.#end("clogged");
  }

  #due(atMs: number): void {
    this.#dueMs = atMs;
    this.nextMs = atMs + this.#leadMs * SLACK;
  }

  #sendDue(): void {
    if (!this.#out || this.#ended) return;
    this.#due(this.#playout.nextSendMs(this.#leadMs));
    const nowMs = this.#clock.monotonicMs();
    if (this.nextMs <= nowMs) this.pump(nowMs); // little is ahead; else what is due goes with the carrier's next frame
    if (this.#dueMs < Infinity) this.#pacer.add(this);
  }

  #message(text: string): void {
    if (this.#ended) return;
    if (text.length > MESSAGE_LIMIT_BYTES) return this.#end("garbage", 1009, "message too big");
    this.#bytes += text.length;
    if (this.#bytes > FLOOD_BYTES && this.#isFlood()) return this.#end("garbage", 1008, "faster than speech");
    const message = parseTwilio(text);
    if ("event" in message) this.#event(message);
    else if ("unknown" in message) this.#unknown(message.unknown);
    else this.#strange(`malformed: ${message.malformed}`);
  }

  #isFlood(): boolean {
    const sinceMs = this.#sinceMs;
    this.#sinceMs = this.#clock.monotonicMs();
    this.#bytes = 0;
    return this.#sinceMs - sinceMs < FLOOD_MS;
  }

  #event(message: Inbound): void {
    switch (message.event) {
      case "media":
        return this.#media(message.timestampMs, message.payload);
      case "mark":
        return this.#echo(message.mark.name);
      case "dtmf":
        return this.#out
          ? this.#emit({ kind: "digit", digit: message.dtmf.digit })
          : this.#strange("digit before start");
      case "start":
        return this.#start(message);
      case "stop":
        return this.#end("stop");
      case "connected":
        return;
    }
  }

  #start({ streamSid, start }: Extract<Inbound, { event: "start" }>): void {
    if (this.#out) return this.#strange("second start");
    const { encoding, sampleRate, channels } = start.mediaFormat;
    if (encoding !== "audio/x-mulaw" || sampleRate !== 8000 || channels !== 1) {
      this.#strange(`media format ${encoding}/${sampleRate}/${channels}`);
      return this.#end("garbage", 1003, "expected audio/x-mulaw 8000 mono");
    }
    this.#timers.disarm("start");
    this.#out = new Outbound(streamSid);
    this.#lastFrameMs = this.#clock.monotonicMs();
    this.#timers.arm("check", QUIET_LINE_MS);
    this.#emit({
      kind: "leg-started",
      line: { callSid: start.callSid, streamSid, parameters: start.customParameters },
    });
    this.#sendDue();
  }

  #media(timestampMs: number, payload: string): void {
    if (!this.#out) return this.#strange("media before start");
    const audio = this.#decoder.decode(payload);
    if (!audio || audio.length === 0) return this.#strange("media without audio");
    this.#tap?.caller(timestampMs, audio);
    this.traffic.inBytes += audio.length;
    const nowMs = this.#clock.monotonicMs();
    this.#lastFrameMs = nowMs;
    const missingMs = this.#skipped.before(timestampMs, audio.length, nowMs);
    if (missingMs > 0) this.#fillGap(missingMs);
    this.#cutter.push(audio, this.#deliver);
    // The carrier's frames come every 20 ms: what is due goes with this one, and the pacer need not wake for it.
    if (this.#dueMs <= nowMs + FRAME_MS / 2) this.#send(nowMs, { withFrame: true });
  }

  /** The carrier skipped audio: put silence there, so that time passes for the recogniser too. */
  #fillGap(missingMs: number): void {
    this.#makeUp(Math.floor(Math.min(missingMs, GAP_FILL_LIMIT_MS) / FRAME_MS));
    this.#emit({ kind: "caller-gap", ms: missingMs });
  }

  #makeUp(frames: number): void {
    for (let count = 0; count < frames; count++) this.#cutter.push(SILENT_FRAME, this.#deliver);
  }

  readonly #deliver = (frame: Uint8Array): void => {
    if (this.#hear) this.#hear(frame);
    else this.#earlyFrames.push(frame, EARLY_FRAMES);
  };

  #echo(name: string): void {
    this.#tap?.echoed(name);
    this.#lastEchoMs = this.#clock.monotonicMs();
    const heard = this.#playout.echo(name, this.#lastEchoMs);
    if (!heard) return;
    this.#emit({ kind: "mark-round-trip", ms: heard.roundTripMs });
    this.#heard(heard.finished);
  }

  #heard(replies: Cut[]): void {
    for (const cut of replies) this.#emit({ kind: "reply-heard", ...cut });
  }

  /** Look for late echoes, a quiet line and a dead one. */
  #check(): void {
    const nowMs = this.#clock.monotonicMs();
    this.#heard(this.#playout.overdue(nowMs, ECHO_GRACE_MS));
    const newsMs = Math.max(this.#lastFrameMs, this.#lastEchoMs);
    if (nowMs - newsMs >= LIFELESS_MS) return this.#end("socket-closed", 1001, "no sign of life");
    if (nowMs - newsMs >= ASK_LIFE_MS && this.#askedMs <= newsMs) this.#askForLife(nowMs);
    const { frames, againMs } = this.#skipped.due(nowMs - this.#lastFrameMs);
    this.#makeUp(frames);
    if (!this.#ended) this.#timers.arm("check", againMs);
  }

  /** Only a line that has started is checked, so it can be written to. */
  #askForLife(nowMs: number): void {
    this.#askedMs = nowMs;
    this.#wire.send(this.#out!.mark("alive"));
  }

  #strange(what: string): void {
    this.#emit({ kind: "carrier-odd", what });
    if (++this.#odd >= ODD_LIMIT) this.#end("garbage", 1008, "not a media stream");
  }

  /** The protocol may grow: that is no fault of the carrier's. */
  #unknown(what: string): void {
    if (++this.#unknowns <= UNKNOWNS_TOLD) this.#emit({ kind: "carrier-odd", what: `unknown event: ${what}` });
  }

  #emit(event: LegEvent): void {
    if (this.#post) this.#post(event);
    else if (this.#early.length < 100) this.#early.push(event);
  }

  #end(how: LegEnd, code = 1000, reason = ""): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#due(Infinity);
    this.#pacer.remove(this);
    this.#timers[Symbol.dispose]();
    this.#earlyFrames.clear();
    how === "clogged" ? this.#wire.terminate() : this.#wire.close(code, reason);
    this.#emit({ kind: "leg-ended", how });
  }
}
