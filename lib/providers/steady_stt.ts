/**
 * A recogniser that outlives its sockets: when one is lost, or is deaf to a caller who speaks, another hears the open
 * turn again from its start, so that nothing of it is lost and nothing told twice.
 */

import { Audible } from "../audio/audible.ts";
import { FRAME_MS } from "../audio/frame.ts";
import { RecentAudio } from "../audio/recent_audio.ts";
import { type Clock, TimerSet } from "../base/clock.ts";
import type { Fault, Peer } from "../base/result.ts";
import { type Breakers, isLasting } from "../base/breaker.ts";
import { joinOverlapping } from "./flux_turns.ts";
import type { OpenStt, Stt, SttEvent } from "./ports.ts";

/** One way to a recogniser. */
export interface Ear {
  /** The name by which the breakers know it. */
  name: string;
  peer: Peer;
  open: OpenStt;
  /** A recogniser that has not ended an open turn this long after the caller fell silent is dead, ms; `Infinity`: it may take its time. */
  endsWithinMs: number;
}

export interface SteadySttOptions {
  /** In the order in which they take over from each other. */
  ears: readonly [Ear, ...Ear[]];
  clock: Clock;
  listen: (event: SttEvent) => void;
  breakers?: Breakers;
}

/** Audio kept of the time before a turn's first sound (500 ms), and after its end, when new words may have begun (240 ms). */
const LEAD_FRAMES = 25;
const TAIL_FRAMES = 12;
/** Audio kept of an open turn (30 s), and of sound that nobody understands (6 s). */
const TURN_FRAMES = 1500;
const SOUND_FRAMES = 300;
/** Audio that is played again at once: 3 s. The rest follows at 1.25 of real time, the fastest that is accepted. Deepgram reference, section 3.6. */
const BURST_FRAMES = 150;
const PACE_MS = 80;
const PACE_FRAMES = 5;
/** A recogniser that understands nothing of a caller who is audible for this long is deaf. */
const AUDIBLE_FRAMES = 40;
const DEAF_MS = 1400;
/** Of these and all such times the last part is waited for in a timer: news may be here, unread, behind the caller's frames. */
const UNREAD_MS = 100;
/** Sound that nobody understood is forgotten after this much silence. */
const FORGET_MS = 2000;
/** How long a socket may take to open, ms. */
const OPENING_MS = 1500;
/** Sockets lost one after the other without a turn understood. */
const ATTEMPTS = 5;
/** Between attempts, from the third on. */
const PAUSE_MS = 200;
/** A socket that has lived for this long was a good one. */
const LIVED_MS = 10_000;

/** Opens the first of `ears` that is said to work. Tells `replaced` for each one lost, `ended` with a fault when no other can help. */
export function steadyStt(options: SteadySttOptions): Stt {
  return new SteadyStt(options);
}

class SteadyStt implements Stt {
  readonly #options: SteadySttOptions;
  readonly #timers: TimerSet<"again" | "pace" | "opening" | "deaf">;
  readonly #audible = new Audible();
  readonly #closing = new Set<Promise<void>>();
  /** Recognisers that are given up: their faults are lasting. */
  readonly #useless = new Set<Ear>();
  #ear: Ear;
  #stt: Stt | undefined;
  #sockets = 0;
  #isOpen = false;
  #openedMs = 0;
  /** The turn's audio, and of it what the open socket has not got yet. */
  readonly #kept = new RecentAudio();
  #unsent: Uint8Array[] = [];
  #isTurn = false;
  #turnStartMs = 0;
  /** What was understood of the open turn, and what an earlier socket had understood of audio that is kept no longer. */
  #text = "";
  #carried = "";
  #isTruncated = false;
  #finishing = false;
  #lastNewsMs: number;
  #audibleFrames = 0;
  #inaudibleMs = 0;
  /** A recogniser that was given up as deaf; if another one understands words of the same turn, it really was. */
  #suspect: { name: string; fault: Fault; turnStartMs: number } | undefined;
  #attempts = 0;
  #over = false;

  constructor(options: SteadySttOptions) {
    this.#options = options;
    this.#timers = new TimerSet(options.clock, (name) => this.#timer(name));
    this.#lastNewsMs = this.#nowMs;
    this.#ear = this.#choose(undefined);
    this.#open();
  }

  hear(frame: Uint8Array): void {
    if (this.#over) return;
    this.#keep(frame);
    if (!this.#isOpen) return void this.#watch();
    if (this.#unsent.length > 0) this.#unsent.push(frame.slice());
    else this.#stt!.hear(frame);
    this.#watch();
  }

  finish(): void {
    if (this.#over) return;
    if (this.#isOpen && this.#unsent.length === 0) this.#stt!.finish();
    else this.#finishing = true;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#end();
    await Promise.all(this.#closing);
  }

  #timer(name: "again" | "pace" | "opening" | "deaf"): void {
    if (name === "again") return this.#open();
    if (name === "pace") return this.#pace();
    if (name === "deaf") return this.#deaf();
    this.#lost({ kind: "deadline", peer: this.#ear.peer, what: "an open socket", limitMs: OPENING_MS });
  }

  #keep(frame: Uint8Array): void {
    this.#audible.push(frame);
    const { audible } = this.#audible;
    this.#inaudibleMs = audible ? 0 : this.#inaudibleMs + FRAME_MS;
    if (audible) {
      this.#beginTurn();
      this.#audibleFrames++;
    } else if (this.#text === "" && this.#inaudibleMs > FORGET_MS) this.#isTurn = false;
    if (!this.#isTurn) this.#audibleFrames = 0;
    const limit = !this.#isTurn ? LEAD_FRAMES : this.#text === "" ? SOUND_FRAMES : TURN_FRAMES;
    const wasFull = this.#kept.push(frame, limit);
    this.#isTruncated ||= wasFull && this.#text !== "";
  }

  #beginTurn(): void {
    if (this.#isTurn) return;
    this.#isTurn = true;
    this.#turnStartMs = this.#nowMs;
  }

  /** Is it deaf? */
  #watch(): void {
    // A second one that hears nothing says that there is nothing to hear.
    if (!this.#isOpen || this.#suspect || this.#unsent.length > 0 || this.#timers.isArmed("deaf")) return;
    if (this.#deafAfterMs !== undefined) this.#timers.arm("deaf", UNREAD_MS);
  }

  /** How long it was waited for; undefined as long as nothing is owed. */
  get #deafAfterMs(): number | undefined {
    const { endsWithinMs } = this.#ear;
    const owesWords = this.#isTurn && this.#audibleFrames >= AUDIBLE_FRAMES;
    const owesAnEnd = this.#text !== "" && this.#inaudibleMs + UNREAD_MS >= endsWithinMs;
    if (!owesWords && !owesAnEnd) return undefined;
    const quietMs = this.#nowMs - Math.max(this.#lastNewsMs, this.#openedMs, this.#turnStartMs) + UNREAD_MS;
    if (owesWords && quietMs >= DEAF_MS) return DEAF_MS;
    return owesAnEnd && quietMs >= endsWithinMs ? endsWithinMs : undefined;
  }

  #deaf(): void {
    const limitMs = this.#deafAfterMs;
    if (limitMs === undefined) return;
    const fault: Fault = { kind: "deadline", peer: this.#ear.peer, what: "what the caller says", limitMs };
    this.#suspect = { name: this.#ear.name, fault, turnStartMs: this.#turnStartMs };
    this.#lost(fault);
  }

  #open(): void {
    if (this.#over) return;
    const socket = ++this.#sockets;
    const isCurrent = () => !this.#over && socket === this.#sockets;
    this.#isOpen = false;
    this.#stt = undefined;
    this.#timers.arm("opening", OPENING_MS);
    this.#stt = this.#ear.open(
      (event) => isCurrent() && this.#take(event),
      () => isCurrent() && this.#opened(),
    );
  }

  #opened(): void {
    this.#isOpen = true;
    this.#timers.disarm("opening");
    this.#openedMs = this.#nowMs;
    this.#unsent = this.#kept.frames();
    this.#sendSome(BURST_FRAMES);
  }

  #pace(): void {
    if (this.#isOpen && !this.#over) this.#sendSome(PACE_FRAMES);
  }

  #sendSome(count: number): void {
    for (const frame of this.#unsent.splice(0, count)) this.#stt?.hear(frame);
    if (this.#unsent.length > 0) return this.#timers.arm("pace", PACE_MS);
    if (!this.#finishing) return;
    this.#finishing = false;
    this.#stt?.finish();
  }

  #take(event: SttEvent): void {
    if (event.kind === "ended") return event.fault ? this.#lost(event.fault) : undefined;
    this.#lastNewsMs = this.#nowMs;
    this.#audibleFrames = 0;
    this.#timers.disarm("deaf");
    if (event.kind === "replaced") return this.#options.listen(event);
    this.#beginTurn();
    if (event.kind === "spoke" || event.kind === "resumed") return this.#options.listen(event);
    if (event.text !== "") this.#understood();
    const text = joinOverlapping(this.#carried, event.text);
    // When its audio is played again, a turn grows from its first word on: what we know of it already is not told again. An empty guess takes back.
    const isOld = event.kind === "interim" && event.text !== "" && text.length < this.#text.length &&
      this.#text.startsWith(text);
    if (!isOld) this.#text = text;
    if (event.kind === "final" && event.endOfTurn) this.#turnOver();
    if (!isOld) this.#options.listen({ ...event, text });
  }

  #understood(): void {
    const suspect = this.#suspect;
    this.#suspect = undefined;
    if (suspect?.turnStartMs === this.#turnStartMs) this.#options.breakers?.of(suspect.name).failed(suspect.fault);
  }

  #turnOver(): void {
    this.#text = this.#carried = "";
    this.#isTurn = this.#isTruncated = false;
    this.#attempts = 0;
    this.#kept.keepLast(TAIL_FRAMES);
    this.#options.breakers?.of(this.#ear.name).worked();
  }

  #lost(fault: Fault): void {
    const { listen, breakers } = this.#options;
    const failed = this.#ear;
    if (this.#isOpen && this.#nowMs - this.#openedMs >= LIVED_MS) this.#attempts = 0;
    if (fault !== this.#suspect?.fault) breakers?.of(failed.name).failed(fault);
    if (this.#isTruncated) this.#carried = this.#text;
    for (const name of ["pace", "opening", "deaf"] as const) this.#timers.disarm(name);
    this.#retire();
    if (isLasting(fault)) this.#useless.add(failed);
    if (++this.#attempts >= ATTEMPTS || this.#useless.size === this.#options.ears.length) {
      this.#end();
      return listen({ kind: "ended", fault });
    }
    listen({ kind: "replaced", fault });
    // The same one once, at once, if it was there; then the others in turn.
    const wasThere = fault.kind === "lost" && fault.openMs > 0;
    if (!wasThere || this.#attempts > 1 || this.#useless.has(failed)) this.#ear = this.#choose(failed);
    if (this.#attempts < 3) return this.#open();
    this.#timers.arm("again", PAUSE_MS * this.#attempts);
  }

  /** The next one after `failed` that is said to work; else just the next one. */
  #choose(failed: Ear | undefined): Ear {
    const { ears, breakers } = this.#options;
    const from = failed ? ears.indexOf(failed) + 1 : 0;
    const inTurn = [...ears.slice(from), ...ears.slice(0, from)].filter((ear) => !this.#useless.has(ear));
    const others = inTurn.filter((ear) => ear !== failed);
    return others.find(({ name }) => breakers?.of(name).admits() ?? true) ?? others[0] ?? inTurn[0] ?? ears[0];
  }

  #retire(): void {
    const stt = this.#stt;
    this.#sockets++;
    this.#stt = undefined;
    this.#isOpen = false;
    this.#unsent = [];
    if (!stt) return;
    const closing = Promise.resolve(stt[Symbol.asyncDispose]()).catch(reportError)
      .finally(() => this.#closing.delete(closing));
    this.#closing.add(closing);
  }

  #end(): void {
    if (this.#over) return;
    this.#over = true;
    this.#timers[Symbol.dispose]();
    this.#retire();
    this.#kept.clear();
  }

  get #nowMs(): number {
    return this.#options.clock.monotonicMs();
  }
}
