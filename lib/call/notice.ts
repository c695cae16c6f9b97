/** What observers may see of a call, and the record it folds into. Pure. */

import { indexBehind, MS_PER_CHARACTER, tokensOf, tokensWithin } from "../base/pace.ts";
import type { Fault } from "../base/result.ts";
import type { LatencyParts } from "../engine/engine.ts";

/** Fields of every notice. `atMs`: ms since the call's start; `call`: our own id of the call. */
interface Stamp {
  call: string;
  atMs: number;
}

export type NoticeBody =
  | {
    kind: "call-started";
    /** Time of day, ISO 8601. */
    startedAt: string;
    callSid: string;
    streamSid: string;
    from: string;
    to: string;
    engine: string;
    version: string;
    configHash: string;
    /** Which models hear, think and speak, for the estimate of the cost. */
    models?: CallModels;
  }
  /** The call came back on a new stream, with its memory. */
  | { kind: "call-resumed"; why: string; streamSid: string }
  /** The engine can hear and speak; `waitMs` since the line was there (0 if it was ready before). */
  | { kind: "engine-ready"; waitMs: number; requestId: string }
  | { kind: "state"; from: string; to: string }
  | { kind: "caller-spoke" }
  /** `words`: their number, where the words themselves are not to be kept. `interruption`: they stop us, and want no answer. */
  | { kind: "caller-text"; text: string; final: boolean; words?: number; interruption?: true }
  | { kind: "digit"; digit: string }
  | { kind: "reply-started"; reply: number; source: ReplySource }
  | { kind: "reply-text"; reply: number; text: string; words?: number }
  | { kind: "reply-words"; reply: number; words: { text: string; startMs: number; endMs: number }[] }
  | { kind: "reply-first-sent"; reply: number }
  /** `brokeOff`: the engine fell silent before all of its text was spoken. */
  | { kind: "reply-finished"; reply: number; brokeOff?: boolean }
  | { kind: "reply-heard"; reply: number; heardMs: number }
  /** `byUs`: we cut it to say our last words, the caller did not. */
  | { kind: "reply-interrupted"; reply: number; heardMs: number; byUs?: true }
  | { kind: "reply-resumed"; reply: number; as: number }
  /** The line ended while this was being said. */
  | { kind: "reply-lost"; reply: number; heardMs: number }
  | { kind: "latency"; parts: LatencyParts }
  | { kind: "tool-call"; id: string; name: string }
  | { kind: "tool-result"; id: string; name: string; ok: boolean; tookMs: number }
  /** The caller left a message for people. `why`: the reason, if it could not be handed over to them. */
  | { kind: "message" } & Message
  | { kind: "routed"; route: string; score: number }
  | { kind: "fault"; fault: Fault; fatal: boolean }
  | { kind: "mark-round-trip"; ms: number }
  | { kind: "caller-gap"; ms: number }
  | { kind: "carrier-odd"; what: string }
  | { kind: "audio-dropped"; reply: number; bytes: number }
  /** A control event was lost because the call's inbox was full. */
  | { kind: "event-lost"; event: string }
  /** The fence of the agent engine had to be lifted by its fail-safe. */
  | { kind: "fence-timed-out" }
  /** `evidence` quotes the words by which the caller gave `value`. A later value replaces an earlier one. May come after `call-ended`. */
  | { kind: "fact"; field: string; value: unknown; evidence: string }
  /** The extraction could not keep pace: this many of its passes were left out. */
  | { kind: "extraction-shed"; passes: number }
  | { kind: "summary"; text: string }
  | { kind: "usage"; usage: Usage }
  /** What the carrier says of the call after we hung up or moved it. */
  | { kind: "carrier-confirmed"; status: string }
  /** Both sides were recorded, into this file of the data folder. */
  | { kind: "recorded"; file: string; durationMs: number }
  | { kind: "call-ended"; reason: string; durationMs: number; framesIn: number; framesOut: number }
  /** The call cannot come back any more; only facts, and what the carrier says of it, may still follow. Comes after the last `call-ended`. */
  | { kind: "call-over" };

export type CallNotice = Stamp & NoticeBody;

export type ReplySource = "engine" | "route" | "line" | "resumed";

export interface CallModels {
  listen?: string;
  think?: string;
  speak?: string;
}

export interface Usage {
  sttSeconds?: number;
  voiceCharacters?: number;
  promptTokens?: number;
  completionTokens?: number;
}

/** What a caller wants people to know. A message that was not delivered is kept nowhere else. */
export interface Message {
  delivered: boolean;
  why?: string;
  text: string;
  name?: string;
  phone?: string;
  urgent?: boolean;
}

/** One entry of a transcript. */
export interface Utterance {
  who: "caller" | "agent";
  atMs: number;
  /** What was said, or was to be said. */
  text: string;
  /** The number of its words, where the words are not kept. */
  words?: number;
  reply?: number;
  source?: ReplySource;
  /** Ms of the reply's audio that the caller heard; absent for the caller. */
  heardMs?: number;
  /** The part of `text` that was heard, if that is not all of it; where no word times tell, as a voice's usual pace has it. */
  heardText?: string;
  interrupted?: boolean;
  /** The caller only stopped us: nobody is to answer it. */
  interruption?: true;
  /** From the end of the caller's turn to our first frame, ms. */
  answerMs?: number;
  parts?: LatencyParts;
  route?: string;
}

/** All that is kept of a call. */
export interface CallRecord {
  id: string;
  callSid: string;
  streamSid: string;
  startedAt: string;
  from: string;
  to: string;
  engine: string;
  version: string;
  configHash: string;
  models: CallModels;
  requestIds: string[];
  endReason: string | undefined;
  durationMs: number | undefined;
  firstAudioMs: number | undefined;
  transcript: Utterance[];
  facts: Record<string, { value: unknown; evidence: string }>;
  summary: string | undefined;
  faults: { atMs: number; fault: Fault; fatal: boolean }[];
  tools: { atMs: number; id: string; name: string; ok?: boolean; tookMs?: number }[];
  messages: ({ atMs: number } & Message)[];
  digits: string;
  usage: Usage;
  carrierStatus: string | undefined;
  recording: { file: string; durationMs: number } | undefined;
  /** Replies that the caller interrupted. */
  interruptions: number;
  eventsLost: number;
}

export function emptyRecord(id: string): CallRecord {
  return {
    id,
    callSid: "",
    streamSid: "",
    startedAt: "",
    from: "",
    to: "",
    engine: "",
    version: "",
    configHash: "",
    models: {},
    requestIds: [],
    endReason: undefined,
    durationMs: undefined,
    firstAudioMs: undefined,
    transcript: [],
    facts: {},
    summary: undefined,
    faults: [],
    tools: [],
    messages: [],
    digits: "",
    usage: {},
    carrierStatus: undefined,
    recording: undefined,
    interruptions: 0,
    eventsLost: 0,
  };
}

/** No voice is silent for so long before its first word: another one spoke until then. */
const LATE_WORDS_MS = 1000;

/** Builds the record of one call from its notices, in order. The words of each reply are kept to find what was heard. */
export class RecordFold {
  readonly record: CallRecord;
  readonly #replies = new Map<number, Utterance>();
  readonly #words = new Map<number, { text: string; startMs: number; endMs: number }[]>();
  readonly #brokeOff = new Set<number>();
  #callerDoneMs: number | undefined;
  #pendingRoute: string | undefined;

  constructor(id: string) {
    this.record = emptyRecord(id);
  }

  add(notice: CallNotice): void {
    const { record } = this;
    switch (notice.kind) {
      case "call-started": {
        const { startedAt, callSid, streamSid, from, to, engine, version, configHash, models = {} } = notice;
        const facts = { startedAt, callSid, streamSid, from, to, engine, version, configHash, models };
        return void Object.assign(record, facts);
      }
      case "engine-ready":
        return void (notice.requestId && record.requestIds.push(notice.requestId));
      case "caller-text":
        if (!notice.final) return;
        this.#callerDoneMs = notice.interruption ? undefined : notice.atMs;
        return void record.transcript.push({
          who: "caller",
          atMs: notice.atMs,
          text: notice.text,
          ...(notice.words === undefined ? {} : { words: notice.words }),
          ...(notice.interruption ? { interruption: true } : {}),
        });
      case "digit":
        return void (record.digits += notice.digit);
      case "routed":
        return void (this.#pendingRoute = notice.route);
      case "reply-started":
        return this.#started(notice.reply, notice.source, notice.atMs);
      case "reply-text":
        return this.#said(notice.reply, notice.text, notice.words);
      case "reply-words":
        return void this.#words.set(notice.reply, [...this.#words.get(notice.reply) ?? [], ...notice.words]);
      case "reply-first-sent":
        return this.#firstSent(notice.reply, notice.atMs);
      case "reply-finished":
        return void (notice.brokeOff && this.#brokeOff.add(notice.reply));
      case "reply-heard":
        return this.#heard(notice.reply, notice.heardMs);
      case "reply-interrupted":
        if (!notice.byUs) record.interruptions++;
        return this.#cut(notice.reply, notice.heardMs);
      case "reply-lost":
        return this.#cut(notice.reply, notice.heardMs);
      case "message": {
        const { kind: _kind, call: _call, ...message } = notice;
        return void record.messages.push(message);
      }
      case "reply-resumed":
        return this.#resumed(notice.reply, notice.as);
      case "latency": {
        const last = record.transcript.findLast(({ who }) => who === "agent");
        // What we said ourselves took none of these times: they are of an answer that nobody heard.
        return void (last?.source === "engine" && (last.parts = { ...last.parts, ...notice.parts }));
      }
      case "tool-call":
        return void record.tools.push({ atMs: notice.atMs, id: notice.id, name: notice.name });
      case "tool-result": {
        const call = record.tools.find(({ id }) => id === notice.id);
        return void (call && Object.assign(call, { ok: notice.ok, tookMs: notice.tookMs }));
      }
      case "fault":
        return void record.faults.push({ atMs: notice.atMs, fault: notice.fault, fatal: notice.fatal });
      case "fact":
        return void (record.facts[notice.field] = { value: notice.value, evidence: notice.evidence });
      case "summary":
        return void (record.summary = notice.text);
      case "usage":
        return void (record.usage = sum(record.usage, notice.usage));
      case "carrier-confirmed":
        return void (record.carrierStatus = notice.status);
      case "recorded":
        return void (record.recording = { file: notice.file, durationMs: notice.durationMs });
      case "event-lost":
        return void record.eventsLost++;
      case "call-ended":
        record.endReason = notice.reason;
        return void (record.durationMs = (record.durationMs ?? 0) + notice.durationMs);
      case "call-resumed":
        // Its replies are numbered anew.
        this.#replies.clear();
        this.#words.clear();
        this.#brokeOff.clear();
        return void (record.endReason = undefined);
    }
  }

  #started(reply: number, source: ReplySource, atMs: number): void {
    const utterance: Utterance = { who: "agent", atMs, text: "", reply, source };
    if (this.#pendingRoute !== undefined && source === "route") utterance.route = this.#pendingRoute;
    this.#pendingRoute = undefined;
    this.#replies.set(reply, utterance);
    this.record.transcript.push(utterance);
  }

  #said(reply: number, text: string, words: number | undefined): void {
    const utterance = this.#replies.get(reply);
    if (!utterance) return;
    utterance.text = `${utterance.text} ${text}`.trim();
    if (words !== undefined) utterance.words = (utterance.words ?? 0) + words;
    if (utterance.interrupted) this.#tellHeard(reply, utterance);
  }

  #firstSent(reply: number, atMs: number): void {
    this.record.firstAudioMs ??= atMs;
    const utterance = this.#replies.get(reply);
    if (!utterance || this.#callerDoneMs === undefined) return;
    utterance.answerMs = atMs - this.#callerDoneMs;
    this.#callerDoneMs = undefined;
  }

  #heard(reply: number, heardMs: number): void {
    const utterance = this.#replies.get(reply);
    if (!utterance) return;
    utterance.heardMs = heardMs;
    if (this.#brokeOff.has(reply)) this.#tellHeard(reply, utterance);
  }

  #cut(reply: number, heardMs: number): void {
    const utterance = this.#replies.get(reply);
    if (!utterance) return;
    utterance.heardMs = heardMs;
    utterance.interrupted = true;
    this.#tellHeard(reply, utterance);
  }

  /** What was not heard of `reply` was said as `as`, unless the engine has told better. */
  #resumed(reply: number, as: number): void {
    const cut = this.#replies.get(reply);
    const rest = this.#replies.get(as);
    if (cut?.heardText !== undefined && rest?.text === "") rest.text = cut.text.slice(cut.heardText.length).trim();
  }

  /** By the voice's word times; where it has none, or follows one that had none, by a voice's usual pace. A beginning of the text, unless the voice has words of its own. */
  #tellHeard(reply: number, utterance: Utterance): void {
    const { text, heardMs = 0 } = utterance;
    const timed = this.#words.get(reply) ?? [];
    const fromMs = timed[0]?.startMs ?? Infinity;
    const tokens = fromMs < LATE_WORDS_MS ? [] : tokensOf(text);
    const untimed = tokens.slice(0, tokensWithin(tokens, Math.min(heardMs, fromMs) / MS_PER_CHARACTER)).join("");
    const heard = timed.filter(({ startMs }) => startMs < heardMs);
    const rest = text.slice(untimed.length);
    const along = indexBehind(heard, rest);
    const own = along === undefined ? heard.map(({ text }) => text).join(" ") : rest.slice(0, along);
    utterance.heardText = (untimed + own).trimEnd();
  }
}

function sum(a: Usage, b: Usage): Usage {
  const total: Usage = { ...a };
  for (const key of Object.keys(b) as (keyof Usage)[]) total[key] = (total[key] ?? 0) + (b[key] ?? 0);
  return total;
}
