/** One call from ring to report: fetches the TwiML, runs it as Twilio does, and plays the caller. */

import { type Tag, tagUtterance } from "../audio/tag.ts";
import type { Voice } from "../audio/voice.ts";
import type { Clock } from "../base/clock.ts";
import type { Dial } from "../base/dial.ts";
import { FaultError } from "../base/result.ts";
import { CallFlow, type DialOutcome } from "./flow.ts";
import type { HangUpWay, LineChoices } from "./line.ts";
import { Monitor, type PhoneEvent } from "./monitor.ts";
import { Mouth, type RoomTone } from "./mouth.ts";
import { RECORD_LIMIT_MS, Recorder } from "./recorder.ts";
import { type CallReport, type EndedBy, isOk, reportTurns, type TurnRecord } from "./report.ts";
import type { Slot } from "./speaker.ts";
import { type Expectation, runSteps, type Stage, type Step } from "./steps.ts";
import { type SocketSignature, Streams } from "./stream.ts";
import { type Document, type Fetch, randomHex, Webhooks } from "./webhook.ts";

export interface PhoneOptions extends LineChoices {
  /** The webhook, for example `http://localhost:5000/incoming-call`. */
  url: string;
  /** Default: fictional numbers. */
  from?: string | undefined;
  to?: string | undefined;
  /** What the caller does; then it hangs up, unless the server does. */
  steps?: Iterable<Step> | AsyncIterable<Step>;
  clock: Clock;
  dial: Dial;
  fetch: Fetch;
  voice: Voice;
  /** Uniform numbers in [0, 1): ids, network, room. */
  random: () => number;
  accountSid?: string | undefined;
  /** Sign webhooks, callbacks and the socket as this account does. */
  authToken?: string | undefined;
  /** Default: over the socket's address as it is written. */
  socketSignature?: SocketSignature;
  roomTone?: RoomTone;
  /** Time between `<Connect>` and its socket. */
  openDelayMs?: number;
  dialOutcome?: DialOutcome;
  /** The number's: asked when a document after the first cannot be had or run. */
  fallbackUrl?: string;
  hangUpWay?: HangUpWay;
  /** Keep both sides for `wav`. */
  record?: boolean;
  /** Told when the call is over, with its status and duration, as a number's status callback is. */
  callStatusUrl?: string;
  /** The caller hangs up after this long. */
  limitMs?: number;
  /** Abort: the caller hangs up. */
  signal?: AbortSignal | undefined;
  onEvent?: (event: PhoneEvent) => void;
  onSlot?: (slot: Slot, atMs: number, tags: readonly Tag[]) => void;
  /** The server's own record of the caller's turns. */
  lookup?: (callSid: string) => Promise<readonly TurnRecord[] | undefined>;
}

/** A call that is under way; what a REST stand-in may do with it is part of it. */
export interface PlacedCall {
  readonly callSid: string;
  /** @throws {FaultError} `unreachable` if nothing answers at the webhook, or the fault of the voice. */
  readonly report: Promise<CallReport>;
  /** Both sides as a stereo WAV, once `report` has settled; undefined without `record`. */
  wav(): Uint8Array | undefined;
  /** As REST names it. */
  status(): "ringing" | "in-progress" | "completed";
  /** Whole seconds, once the call is over. */
  durationSeconds(): number | undefined;
  /** What REST does with `Status=completed`. @returns false if the call is over. */
  endCall(): boolean;
}

/** Ring `url`; the call goes on by itself. */
export function ringUp(options: PhoneOptions): PlacedCall {
  return new Phone(options);
}

const DEFAULT_ACCOUNT = "AC00000000000000000000000000000001";
const DEFAULT_FROM = "+15550100";
const DEFAULT_TO = "+15550101";
const OPEN_DELAY_MS = 250;

class Phone implements PlacedCall, Stage {
  readonly callSid: string;
  readonly report: Promise<CallReport>;
  readonly clock: Clock;
  readonly #options: PhoneOptions;
  readonly #accountSid: string;
  readonly #monitor: Monitor;
  readonly #mouth: Mouth;
  readonly #recorder: Recorder | undefined;
  readonly #webhooks: Webhooks;
  readonly #streams: Streams;
  readonly #flow: CallFlow;
  readonly #expectations: Expectation[] = [];
  readonly #over = new AbortController();
  #answeredMs: number | undefined;
  #durationMs: number | undefined;
  #endedBy: EndedBy | undefined;
  #source: number;

  constructor(options: PhoneOptions) {
    const { random, clock, authToken } = options;
    const tell = (event: PhoneEvent) => this.#tell(event);
    this.#options = options;
    this.clock = clock;
    this.callSid = `CA${randomHex(random, 32)}`;
    this.#source = Math.floor(random() * 0x10000);
    this.#accountSid = options.accountSid ?? DEFAULT_ACCOUNT;
    this.#recorder = options.record ? new Recorder() : undefined;
    this.#monitor = new Monitor({ tell, recorder: this.#recorder, onSlot: options.onSlot });
    this.#mouth = new Mouth({ roomTone: options.roomTone ?? "silence", random });
    this.#webhooks = new Webhooks({ clock, fetch: options.fetch, random, authToken, fields: this.#fields() });
    const shared = { clock, random, webhooks: this.#webhooks, monitor: this.#monitor, tell };
    this.#streams = new Streams({
      ...shared,
      dial: options.dial,
      authToken,
      socketSignature: options.socketSignature ?? "as-written",
      accountSid: this.#accountSid,
      callSid: this.callSid,
      mouth: this.#mouth,
      choices: options,
      openDelayMs: options.openDelayMs ?? OPEN_DELAY_MS,
      hangUpWay: options.hangUpWay ?? "stop-and-close",
    });
    const { dialOutcome = "answered", from = DEFAULT_FROM, fallbackUrl } = options;
    this.#flow = new CallFlow({ ...shared, streams: this.#streams, dialOutcome, from, fallbackUrl, over: this.over });
    this.report = this.#run();
    this.report.catch(() => {}); // whoever asks for it is told; nobody has to
  }

  get talk() {
    return this.#monitor.talk;
  }

  get over(): AbortSignal {
    return this.#over.signal;
  }

  wav(): Uint8Array | undefined {
    return this.#recorder?.wav();
  }

  status(): "ringing" | "in-progress" | "completed" {
    if (this.over.aborted) return "completed";
    return this.#answeredMs === undefined ? "ringing" : "in-progress";
  }

  durationSeconds(): number | undefined {
    return this.#durationMs === undefined ? undefined : Math.round(this.#durationMs / 1000);
  }

  endCall(): boolean {
    return this.#end("rest");
  }

  until(test: () => boolean, limitMs: number): Promise<"met" | "late" | "ended"> {
    return this.#monitor.wait(test, this.clock.monotonicMs() + limitMs);
  }

  async voice(text: string): Promise<Uint8Array> {
    const { audio, words } = await this.#options.voice.speak(text, this.over);
    if (audio.length === 0) {
      this.note(`The built-in voice cannot speak "${text}": it reads English. --wav plays speech.`);
    }
    this.#source = (this.#source + 1) & 0xFFFF;
    return tagUtterance(audio, words, this.#source, 0);
  }

  async say(text: string, audio: Uint8Array, interrupts = false): Promise<void> {
    if (await this.until(() => this.#streams.live, RECORD_LIMIT_MS) !== "met") return;
    const { lengthMs, audibleMs } = this.#mouth.say(audio);
    if (lengthMs === 0) return;
    this.#monitor.willSay({ text, audibleMs, interrupts });
    await this.until(() => !this.#mouth.speaking, RECORD_LIMIT_MS);
  }

  press(key: string): void {
    this.#streams.press(key);
  }

  pressed(keys: string): void {
    this.#monitor.pressed(keys, this.clock.monotonicMs());
  }

  expected(expectation: Expectation): void {
    this.#expectations.push(expectation);
    this.#tell({ kind: "expectation", ...expectation });
  }

  note(text: string): void {
    this.#tell({ kind: "note", text });
  }

  async #run(): Promise<CallReport> {
    const { url, clock, signal, limitMs = RECORD_LIMIT_MS } = this.#options;
    this.#tell({ kind: "ringing", url, callSid: this.callSid });
    const hangUp = () => void this.#end("caller");
    signal?.addEventListener("abort", hangUp, { once: true });
    if (signal?.aborted) hangUp();
    using _limit = clock.after(limitMs, () => void this.#end("limit"));
    try {
      const first = await this.#ring();
      const answeredMs = this.#answeredMs = clock.monotonicMs();
      this.#monitor.answered(answeredMs);
      if (first) await this.#converse(first);
      else this.#end("refused");
      this.#durationMs = Math.round(clock.monotonicMs() - answeredMs);
      return await this.#conclude(this.#durationMs);
    } finally {
      signal?.removeEventListener("abort", hangUp);
      this.#end("server"); // whatever went wrong: nothing is left running
      await this.#webhooks.settled();
    }
  }

  /** Ask for the first document. @throws {FaultError} if nothing answers. */
  async #ring(): Promise<Document | undefined> {
    const { url } = this.#options;
    const fetched = await this.#webhooks.document({ url, method: "POST" }, { CallStatus: "ringing" });
    if (!fetched.ok && fetched.unreachable !== undefined) {
      throw new FaultError({ kind: "unreachable", peer: "webhook", detail: fetched.unreachable });
    }
    if (!fetched.ok) return void this.#monitor.offence(fetched.offence);
    return this.#flow.examine(fetched.document) ? fetched.document : undefined;
  }

  /** The document's own flow and the caller's steps, side by side; the end of one is the end of the call. */
  async #converse(first: Document): Promise<void> {
    const flow = this.#flow.run(first).finally(() => this.#end("server"));
    const steps = runSteps(this.#options.steps ?? [], this).finally(() => this.#end("caller"));
    for (const side of await Promise.allSettled([flow, steps])) if (side.status === "rejected") throw side.reason;
  }

  /** @returns false if the call was over before. */
  #end(by: EndedBy): boolean {
    if (this.over.aborted) return false;
    this.#endedBy = this.#flow.refused ? "refused" : by; // hanging up on "all lines are busy" changes nothing
    this.#over.abort();
    this.#monitor.end();
    return true;
  }

  async #conclude(durationMs: number): Promise<CallReport> {
    const { callStatusUrl, lookup } = this.#options;
    const endedBy = this.#endedBy ?? "server";
    this.#tell({ kind: "ended", endedBy, durationMs });
    if (callStatusUrl) this.#webhooks.callback({ url: callStatusUrl, method: "POST" }, this.#completed(durationMs));
    const { talk, gaps, arrivals, ear, firstAudioMs, offences } = this.#monitor;
    const records = await lookup?.(this.callSid).catch(() => undefined);
    const tagged = ear.tagged || arrivals.counts.tagged > 0;
    const report: CallReport = {
      ok: false,
      schema: 1,
      callSid: this.callSid,
      streamSid: this.#streams.streamSid ?? null,
      endedBy,
      durationMs,
      firstAudioMs: firstAudioMs ?? null,
      turns: reportTurns(talk.turns, records ?? []),
      underruns: gaps.underruns,
      underrunMs: Math.round(gaps.underrunMs),
      marks: { ...this.#streams.marks },
      staleFrames: tagged ? arrivals.counts.stale : null,
      lostFrames: tagged ? arrivals.counts.lost : null,
      offences: offences.list,
      expectations: this.#expectations,
      wav: null,
    };
    return { ...report, ok: isOk(report) };
  }

  /** The fields of a number's status callback. Twilio reference, section 2.3. */
  #completed(durationMs: number): Record<string, string> {
    return {
      ...this.#fields(),
      CallStatus: "completed",
      CallDuration: String(Math.round(durationMs / 1000)),
      Duration: String(Math.ceil(durationMs / 60_000)),
      Timestamp: this.clock.wallTime().toUTCString().replace("GMT", "+0000"),
      CallbackSource: "call-progress-events",
      SequenceNumber: "0",
    };
  }

  /** The fields of every request. Twilio reference, section 2.1. */
  #fields(): Record<string, string> {
    const { from = DEFAULT_FROM, to = DEFAULT_TO } = this.#options;
    const place = (who: string) => ({
      [`${who}City`]: "",
      [`${who}State`]: "",
      [`${who}Zip`]: "",
      [`${who}Country`]: "US",
    });
    return {
      AccountSid: this.#accountSid,
      ApiVersion: "2010-04-01",
      CallSid: this.callSid,
      CallStatus: "in-progress",
      Direction: "inbound",
      From: from,
      To: to,
      Caller: from,
      Called: to,
      ...place("From"),
      ...place("To"),
      ...place("Caller"),
      ...place("Called"),
    };
  }

  #tell(event: PhoneEvent): void {
    this.#options.onEvent?.(event);
  }
}
