/** One call from ring to report: fetches the TwiML, runs it as Twilio does, and plays the caller. */

import { type Tag, tagUtterance } from "../audio/tag.ts";
import type { Voice } from "../audio/voice.ts";
import { type Clock, sleep } from "../base/clock.ts";
import type { Dial } from "../base/dial.ts";
import { describeFault, type Fault, FaultError } from "../base/result.ts";
import { endedInError, type HangUpWay, Line, type LineEnd, type LineOptions } from "./line.ts";
import { Monitor, type PhoneEvent } from "./monitor.ts";
import { Mouth, type RoomTone } from "./mouth.ts";
import { offence, OFFENCES } from "./offence.ts";
import { RECORD_LIMIT_MS, Recorder } from "./recorder.ts";
import { type CallReport, type EndedBy, isOk, reportTurns, type TurnRecord } from "./report.ts";
import { signedUrl, twilioSignature } from "./sign.ts";
import type { Slot } from "./speaker.ts";
import { type Expectation, runSteps, type Stage, type Step } from "./steps.ts";
import { readTwiml, type StreamSpec, type Target, type Verb } from "./twiml.ts";
import { type Document, type Fetch, randomHex, Webhooks } from "./webhook.ts";

/** How a `<Dial>` of the server turns out. */
export type DialOutcome = "answered" | "no-answer" | "busy";

export interface PhoneOptions
  extends Partial<Pick<LineOptions, "profile" | "markEcho" | "echoDelayMs" | "startupBurst" | "muchQueuedMs">> {
  /** The webhook, for example `http://localhost:5000/incoming-call`. */
  url: string;
  /** Default: fictional numbers. */
  from?: string;
  to?: string;
  /** What the caller does; then it hangs up, unless the server does. */
  steps?: Iterable<Step> | AsyncIterable<Step>;
  clock: Clock;
  dial: Dial;
  fetch: Fetch;
  voice: Voice;
  /** Uniform numbers in [0, 1): ids, network, room. */
  random: () => number;
  accountSid?: string;
  /** Sign webhooks, callbacks and the socket as this account does. */
  authToken?: string;
  roomTone?: RoomTone;
  /** Time between `<Connect>` and its socket. */
  openDelayMs?: number;
  dialOutcome?: DialOutcome;
  hangUpWay?: HangUpWay;
  /** Keep both sides for `wav`. */
  record?: boolean;
  /** Told when the call is over, with its status and duration, as a number's status callback is. */
  callStatusUrl?: string;
  /** The caller hangs up after this long. */
  limitMs?: number;
  /** Abort: the caller hangs up. */
  signal?: AbortSignal;
  onEvent?: (event: PhoneEvent) => void;
  onSlot?: (slot: Slot, atMs: number, tags: readonly Tag[]) => void;
  /** The server's own record of the caller's turns. */
  lookup?: (callSid: string) => Promise<readonly TurnRecord[] | undefined>;
}

/** A call that is under way. */
export interface PlacedCall {
  readonly callSid: string;
  /** @throws {FaultError} `unreachable` if nothing answers at the webhook, or the fault of the voice. */
  readonly report: Promise<CallReport>;
  /** Both sides as a stereo WAV, once `report` has settled; undefined without `record`. */
  wav(): Uint8Array | undefined;
  /** What REST does with `Status=completed`. @returns false if the call is over. */
  endCall(): boolean;
  /** What REST does with `Twiml=`: the running verb is abandoned. @returns false if the call is over. */
  redirect(twiml: string): boolean;
}

/** Ring `url` and run the whole call. @throws as `PlacedCall.report`. */
export function placeCall(options: PhoneOptions): Promise<CallReport> {
  return ringUp(options).report;
}

/** Ring `url`; the call goes on by itself. */
export function ringUp(options: PhoneOptions): PlacedCall {
  return new Phone(options);
}

const DEFAULT_ACCOUNT = "AC00000000000000000000000000000001";
const DEFAULT_FROM = "+15550100";
const DEFAULT_TO = "+15550101";
const OPEN_DELAY_MS = 250;
const MAX_DOCUMENTS = 50;
/** How long verbs take that this phone only acts. */
const SAY_MS_PER_CHARACTER = 60;
const PLAY_MS = 2000;
const RING_MS = 5000;
const TALK_MS = 5000;

/** What follows a verb: the next one, another document, or the end of the call. */
type Then = "next" | "end" | Document;

class Phone implements PlacedCall, Stage {
  readonly callSid: string;
  readonly report: Promise<CallReport>;
  readonly clock: Clock;
  readonly #expectations: Expectation[] = [];
  readonly #options: PhoneOptions;
  readonly #accountSid: string;
  readonly #monitor: Monitor;
  readonly #mouth: Mouth;
  readonly #recorder: Recorder | undefined;
  readonly #webhooks: Webhooks;
  readonly #over = new AbortController();
  readonly #marks = { sent: 0, echoed: 0 };
  #verbScope = new AbortController();
  #redirected: Document | undefined;
  #line: Line | undefined;
  #streamSid: string | undefined;
  #endedBy: EndedBy | undefined;
  #answeredMs = 0;
  #source: number;

  constructor(options: PhoneOptions) {
    this.#options = options;
    const { random, clock } = options;
    this.clock = clock;
    this.callSid = `CA${randomHex(random, 32)}`;
    this.#source = Math.floor(random() * 0x10000);
    this.#accountSid = options.accountSid ?? DEFAULT_ACCOUNT;
    this.#recorder = options.record ? new Recorder() : undefined;
    this.#monitor = new Monitor({
      tell: (event) => this.#tell(event),
      recorder: this.#recorder,
      onSlot: options.onSlot,
    });
    this.#mouth = new Mouth({ roomTone: options.roomTone ?? "silence", random });
    this.#webhooks = new Webhooks({
      clock,
      fetch: options.fetch,
      random,
      authToken: options.authToken,
      fields: this.#fields(),
    });
    this.report = this.#run();
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

  endCall(): boolean {
    return this.#end("rest");
  }

  redirect(twiml: string): boolean {
    if (this.over.aborted) return false;
    this.#redirected = { ...readTwiml(twiml, this.#options.url), url: this.#options.url };
    this.#leaveVerb();
    return true;
  }

  until(test: () => boolean, limitMs: number): Promise<"met" | "late" | "ended"> {
    return this.#monitor.wait(test, this.clock.monotonicMs() + limitMs);
  }

  async voice(text: string): Promise<Uint8Array> {
    const { audio, words } = await this.#options.voice.speak(text);
    this.#source = (this.#source + 1) & 0xFFFF;
    return tagUtterance(audio, words, this.#source, 0);
  }

  async say(text: string, audio: Uint8Array): Promise<void> {
    if (await this.until(() => this.#line !== undefined, RECORD_LIMIT_MS) !== "met") return;
    const { lengthMs, audibleMs } = this.#mouth.say(audio);
    if (lengthMs === 0) return;
    this.#monitor.willSay(text, audibleMs);
    await this.until(() => !this.#mouth.speaking, lengthMs + RECORD_LIMIT_MS);
  }

  press(key: string): void {
    this.#line?.press(key);
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
      this.#answeredMs = clock.monotonicMs();
      this.#monitor.answered(this.#answeredMs);
      if (first) await this.#converse(first);
      else this.#end("refused");
      const durationMs = Math.round(clock.monotonicMs() - this.#answeredMs);
      return await this.#conclude(durationMs);
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
    if (!fetched.ok && fetched.unreachable) {
      throw new FaultError({ kind: "unreachable", peer: "webhook", detail: `nothing answers at ${url}` });
    }
    if (!fetched.ok) return void this.#monitor.offence(fetched.offence);
    return this.#examine(fetched.document) ? fetched.document : undefined;
  }

  /** The document's own flow and the caller's steps, side by side. */
  async #converse(first: Document): Promise<void> {
    const steps = this.#listenAndSpeak();
    const flow = this.#interpret(first).finally(() => this.#end("server"));
    await Promise.all([flow, steps]);
  }

  async #listenAndSpeak(): Promise<void> {
    try {
      await runSteps(this.#options.steps ?? [], this);
    } finally {
      this.#end("caller");
    }
  }

  /** Run documents until one of them, or somebody, ends the call. */
  async #interpret(first: Document): Promise<void> {
    let document: Document | undefined = first;
    for (let n = 0; document && !this.over.aborted; n++) {
      if (n >= MAX_DOCUMENTS) {
        return this.#monitor.offence(offence("redirect-loop", `More than ${MAX_DOCUMENTS} documents in one call`));
      }
      document = await this.#runDocument(document);
    }
  }

  /** @returns the document that follows. */
  async #runDocument({ verbs }: Document): Promise<Document | undefined> {
    for (const verb of verbs) {
      this.#verbScope = new AbortController();
      const then = await this.#runVerb(verb);
      if (this.over.aborted) return undefined;
      if (this.#redirected) return this.#takeRedirect();
      if (then !== "next") return then === "end" ? undefined : then;
    }
    return undefined;
  }

  async #runVerb(verb: Verb): Promise<Then> {
    switch (verb.kind) {
      case "say":
        this.#tell({ kind: "verb", text: `<Say> ${verb.text}` });
        return await this.#pause(verb.text.length * SAY_MS_PER_CHARACTER);
      case "play":
        this.#tell({ kind: "verb", text: `<Play> ${verb.digits ?? verb.url}` });
        return await this.#pause(PLAY_MS);
      case "pause":
        return await this.#pause(verb.seconds * 1000);
      case "hangup":
        return "end";
      case "reject":
        this.#tell({ kind: "verb", text: `<Reject> ${verb.reason}` });
        this.#endedBy ??= "refused";
        return "end";
      case "redirect":
        return await this.#follow(verb.target, {});
      case "dial":
        return await this.#dial(verb.numbers, verb.action);
      case "connect":
        return await this.#connect(verb.stream, verb.action);
    }
  }

  async #dial(numbers: string[], action: Target | undefined): Promise<Then> {
    const outcome = this.#options.dialOutcome ?? "answered";
    this.#tell({ kind: "verb", text: `<Dial> ${numbers.join(", ")}: ${outcome}` });
    await this.#pause(outcome === "answered" ? RING_MS + TALK_MS : RING_MS);
    if (!action || this.over.aborted || this.#redirected) return "next";
    return await this.#follow(action, {
      DialCallStatus: outcome === "answered" ? "completed" : outcome,
      DialCallSid: `CA${randomHex(this.#options.random, 32)}`,
      DialBridged: String(outcome === "answered"),
      ...(outcome === "answered" ? { DialCallDuration: String(TALK_MS / 1000) } : {}),
    });
  }

  async #connect(spec: StreamSpec, action: Target | undefined): Promise<Then> {
    await this.#pause(this.#options.openDelayMs ?? OPEN_DELAY_MS);
    if (this.over.aborted || this.#redirected) return "end";
    const streamSid = this.#streamSid = `MZ${randomHex(this.#options.random, 32)}`;
    const line = await this.#openLine(spec, streamSid);
    if (line) await this.#hold(line, spec, streamSid);
    if (this.over.aborted || this.#redirected) return "end";
    return action ? await this.#follow(action, {}) : "next";
  }

  async #openLine(spec: StreamSpec, streamSid: string): Promise<Line | undefined> {
    const { authToken, dial, random, clock } = this.#options;
    const headers: Record<string, string> = authToken
      ? { "x-twilio-signature": twilioSignature(authToken, signedUrl(spec.url)) }
      : {};
    const opened = await dial({ peer: "twilio", url: spec.url, headers }, this.#verbScope.signal).catch(() =>
      undefined
    );
    if (!opened) return undefined; // abandoned while it rang
    if (!opened.ok) return void this.#refused(spec, streamSid, opened.fault);
    const line = new Line(opened.value, {
      ...this.#options,
      clock,
      random,
      accountSid: this.#accountSid,
      callSid: this.callSid,
      streamSid,
      parameters: spec.parameters,
      mouth: this.#mouth,
      listener: this.#monitor,
    });
    return line;
  }

  #refused(spec: StreamSpec, streamSid: string, fault: Fault): void {
    const code = fault.kind === "refused" ? "handshake-refused" : "no-handshake";
    const why = fault.kind === "refused" ? `HTTP ${fault.status} ${fault.detail}`.trim() : describeFault(fault);
    this.#monitor.offence(offence(code, `The socket ${spec.url} did not open: ${why}`));
    this.#streamCallback(spec, streamSid, "stream-error", `Stream - WebSocket - Handshake Error (${OFFENCES[code]})`);
  }

  /** Keep the stream until somebody ends it. */
  async #hold(line: Line, spec: StreamSpec, streamSid: string): Promise<LineEnd> {
    this.#line = line;
    this.#monitor.streamStarted(this.clock.monotonicMs());
    this.#tell({ kind: "connected", streamSid, url: spec.url });
    if (this.over.aborted || this.#redirected) line.hangUp();
    line.start();
    this.#streamCallback(spec, streamSid, "stream-started");
    try {
      const end = await line.closed;
      const error = endedInError(end) ? `Stream - Close Error (${end.code})` : undefined;
      this.#streamCallback(spec, streamSid, error ? "stream-error" : "stream-stopped", error);
      return end;
    } finally {
      this.#line = undefined;
      this.#marks.sent += line.speaker.marksReceived;
      this.#marks.echoed += line.speaker.marksEchoed;
    }
  }

  #streamCallback(spec: StreamSpec, streamSid: string, event: string, error?: string): void {
    if (!spec.statusCallback) return;
    this.#webhooks.callback(spec.statusCallback, {
      StreamSid: streamSid,
      StreamName: spec.name ?? streamSid,
      StreamEvent: event,
      ...(error ? { StreamError: error } : {}),
      Timestamp: this.clock.wallTime().toISOString(),
    });
  }

  /** Fetch the document that `target` names. */
  async #follow(target: Target, extra: Readonly<Record<string, string>>): Promise<Then> {
    const fetched = await this.#webhooks.document(target, { CallStatus: "in-progress", ...extra });
    if (!fetched.ok) {
      this.#monitor.offence(fetched.offence);
      return "end";
    }
    return this.#examine(fetched.document) ? fetched.document : "end";
  }

  #takeRedirect(): Document | undefined {
    const document = this.#redirected!;
    this.#redirected = undefined;
    return this.#examine(document) ? document : undefined;
  }

  /** @returns whether the document can be run. */
  #examine({ offences, warnings, fatal }: Document): boolean {
    for (const each of offences) this.#monitor.offence(each);
    for (const each of warnings) this.#monitor.warning(each);
    return !fatal;
  }

  async #pause(ms: number): Promise<"next"> {
    await sleep(this.clock, ms, this.#verbScope.signal).catch(() => {}); // abandoned
    return "next";
  }

  /** @returns false if the call was over before. */
  #end(by: EndedBy): boolean {
    if (this.over.aborted) return false;
    this.#endedBy ??= by;
    this.#over.abort();
    this.#leaveVerb();
    this.#monitor.end();
    return true;
  }

  #leaveVerb(): void {
    this.#verbScope.abort();
    this.#line?.hangUp(this.#options.hangUpWay);
  }

  async #conclude(durationMs: number): Promise<CallReport> {
    const { callStatusUrl, lookup } = this.#options;
    const endedBy = this.#endedBy ?? "server";
    this.#tell({ kind: "ended", endedBy, durationMs });
    if (callStatusUrl) {
      this.#webhooks.callback({ url: callStatusUrl, method: "POST" }, this.#completedFields(durationMs));
    }
    const { talk, gaps, arrivals, ear, firstAudioMs, offences } = this.#monitor;
    const records = await lookup?.(this.callSid).catch(() => undefined);
    const tagged = ear.tagged || arrivals.counts.tagged > 0;
    const report: CallReport = {
      ok: false,
      schema: 1,
      callSid: this.callSid,
      streamSid: this.#streamSid ?? null,
      endedBy,
      durationMs,
      firstAudioMs: firstAudioMs ?? null,
      turns: reportTurns(talk.turns, records ?? []),
      underruns: gaps.underruns,
      underrunMs: Math.round(gaps.underrunMs),
      marks: { ...this.#marks },
      staleFrames: tagged ? arrivals.counts.stale : null,
      lostFrames: tagged ? arrivals.counts.lost : null,
      offences: offences.list,
      expectations: this.#expectations,
      wav: null,
    };
    return { ...report, ok: isOk(report) };
  }

  #completedFields(durationMs: number): Record<string, string> {
    return {
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
    const from = this.#options.from ?? DEFAULT_FROM;
    const to = this.#options.to ?? DEFAULT_TO;
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
