/**
 * What was said in a call, as the model gets to see it: the caller's turns, and of our replies only what was heard. Pure.
 *
 * An interrupted reply is cut at the heard millisecond: by the voice's word timings where there are any, else in
 * proportion to its characters. Calls of tools stay paired with their results.
 */

import { MS_PER_CHARACTER, spokenLength } from "../base/pace.ts";
import type { ChatMessage, ChatToolCall, SpokenWord } from "../providers/ports.ts";
import { cutAt, tidy } from "./heard.ts";

export interface MemoryParts {
  /** What the model is told before all else; `instruct` may tell it later. */
  systemPrompt?: string;
  /** Turns of the caller that are remembered. */
  maxTurns: number;
  /** What was said before this engine took over. */
  history?: readonly ChatMessage[];
}

/** One reply: the whole text, and what was heard of it. */
export interface Remembered {
  reply: number;
  said: string;
  heard: string;
  interrupted: boolean;
}

/** Where a resumed reply stands. */
export interface Rest {
  /** Words still to be heard, times in ms of the new reply; empty without word timings. */
  words: SpokenWord[];
  text: string;
  /** Add this to a time of the old reply to have it in the new one, ms. */
  shiftMs: number;
}

/** A reply's place in the order of what was said. */
export interface Place {
  readonly kind: "said";
}

/** Where a voice begins to speak a reply: at which character of its text, and when. */
interface Part {
  at: number;
  fromMs: number;
}

interface Said extends Place {
  kind: "said";
  reply: number | undefined;
  text: string;
  /** One for each voice that spoke it, in order. */
  parts: Part[];
  words: SpokenWord[];
  audioMs: number;
  /** All of its text and audio is known. */
  whole: boolean;
  /** Set once it was cut off. */
  heardMs: number | undefined;
}

type Entry =
  | { kind: "caller"; text: string }
  | Said
  | { kind: "called"; calls: readonly ChatToolCall[]; results: Map<string, string> }
  | { kind: "past"; message: ChatMessage };

/** A stretch of a reply: a resumed reply is made of the rest of the ones that were cut. */
interface Stretch {
  said: Said;
  fromMs: number;
}

/** Tells the model that its last words were not all heard. */
export const INTERRUPTING = "[interrupting you]";
/** Where an interrupted reply breaks off. */
export const BROKEN_OFF = "—";
const NO_RESULT = JSON.stringify({ error: "The result is not known." });
/** A resumed reply without word timings repeats this much, as the call does. */
const REPEAT_MS = 200;

export class Memory {
  readonly #parts: MemoryParts;
  #systemPrompt: string;
  #entries: Entry[];
  /** By the number under which the line plays it. */
  readonly #replies = new Map<number, Stretch[]>();
  /** The replies cut by the last interruption, oldest first. */
  #cuts: Stretch[] = [];
  #knownMs = 0;
  #knownCharacters = 0;

  constructor(parts: MemoryParts) {
    this.#parts = parts;
    this.#systemPrompt = parts.systemPrompt ?? "";
    this.#entries = (parts.history ?? []).map((message) => ({ kind: "past", message }));
  }

  /** What the model is told before all else. */
  instruct(systemPrompt: string): void {
    this.#systemPrompt = systemPrompt;
  }

  /** A confirmed turn of the caller, or a further piece of it. */
  caller(text: string): void {
    this.#cuts = [];
    this.#entries.push({ kind: "caller", text: tidy(text) });
    this.#forgetOld();
  }

  /** Keep the place for a reply that will begin to sound later. Until `opened` it has nothing to say. */
  reserve(): Place {
    const said: Said = {
      kind: "said",
      reply: undefined,
      text: "",
      parts: [{ at: 0, fromMs: 0 }],
      words: [],
      audioMs: 0,
      whole: false,
      heardMs: undefined,
    };
    this.#entries.push(said);
    return said;
  }

  /** The reply in this place has the number `reply`. */
  opened(place: Place, reply: number): void {
    const said = place as Said; // a place is nothing but an entry seen from outside
    said.reply = reply;
    this.#replies.set(reply, [{ said, fromMs: 0 }]);
  }

  /** `reply` says `text`, after what it said before. */
  said(reply: number, text: string): void {
    if (!this.#replies.has(reply)) this.opened(this.reserve(), reply);
    this.#replies.get(reply)!.at(-1)!.said.text += text;
  }

  /** When words of `reply` sound, ms from its own start. */
  words(reply: number, words: readonly SpokenWord[]): void {
    this.#own(reply)?.words.push(...words);
  }

  /** Another voice speaks `reply` from there on. */
  tookOver(reply: number, part: Part): void {
    this.#own(reply)?.parts.push(part);
  }

  audio(reply: number, ms: number): void {
    const said = this.#own(reply);
    if (said) said.audioMs += ms;
  }

  /** All of `reply` was said: how fast our voice speaks is known better now. */
  whole(reply: number): void {
    const said = this.#own(reply);
    if (!said || said.whole) return;
    said.whole = said.audioMs > 0;
    this.#knownMs += said.audioMs;
    if (said.whole) this.#knownCharacters += spokenLength(tidy(said.text));
  }

  /** `reply` was cut off after `heardMs`. */
  cut(reply: number, heardMs: number): void {
    const stretches = this.#replies.get(reply);
    if (!stretches) return;
    let leftMs = heardMs;
    for (const [index, { said, fromMs }] of stretches.entries()) {
      const lengthMs = index === stretches.length - 1 ? Infinity : said.audioMs - fromMs;
      const hereMs = Math.max(0, Math.min(leftMs, lengthMs));
      leftMs -= hereMs;
      if (hereMs >= lengthMs) continue;
      said.heardMs = fromMs + hereMs;
      this.#cuts.push({ said, fromMs: said.heardMs });
    }
  }

  /** The interruption was noise: what was cut off is heard as the reply `as`, as the call plays it. */
  resumed(as: number): Rest {
    const cuts = this.#cuts;
    this.#cuts = [];
    const [first] = cuts;
    if (!first) return { words: [], text: "", shiftMs: 0 };
    first.fromMs = restartMs(first.said.words, first.fromMs);
    this.#replies.set(as, cuts);
    const rest: Rest = { words: [], text: "", shiftMs: 0 };
    let startMs = 0;
    for (const { said, fromMs } of cuts) {
      said.heardMs = undefined;
      const shiftMs = startMs - fromMs;
      rest.words.push(...wordsFrom(said.words, fromMs, shiftMs));
      rest.text += this.#cutText(said, fromMs).rest;
      rest.shiftMs = shiftMs;
      startMs += said.audioMs - fromMs;
    }
    return rest;
  }

  /** What was interrupted is over: nothing of it will be resumed. */
  settle(): void {
    this.#cuts = [];
  }

  /** The model called tools. */
  called(calls: readonly ChatToolCall[]): void {
    this.#entries.push({ kind: "called", calls, results: new Map() });
  }

  result(id: string, content: string): void {
    const entry = this.#entries.findLast((entry) =>
      entry.kind === "called" && entry.calls.some((call) => call.id === id)
    );
    if (entry?.kind === "called") entry.results.set(id, content);
  }

  /** What the model is asked. `next`: a turn that is not confirmed yet. */
  messages(next = ""): ChatMessage[] {
    const page = new Page(this.#systemPrompt);
    const entries = next ? [...this.#entries, { kind: "caller", text: tidy(next) } as const] : this.#entries;
    for (const entry of lastTurns(entries, this.#parts.maxTurns)) {
      if (entry.kind === "said") page.said(this.#cutText(entry, entry.heardMs).heard, this.#isBroken(entry));
      else page.add(entry);
    }
    return page.messages;
  }

  /** Our replies within the window, oldest first. */
  replies(): Remembered[] {
    const said = this.#entries.filter((entry) => entry.kind === "said" && entry.reply !== undefined) as Said[];
    return said.map((entry) => ({
      reply: entry.reply!,
      said: tidy(entry.text),
      heard: this.#cutText(entry, entry.heardMs).heard,
      interrupted: this.#isBroken(entry),
    }));
  }

  #own(reply: number): Said | undefined {
    return this.#replies.get(reply)?.[0]?.said;
  }

  #isBroken(said: Said): boolean {
    return said.heardMs !== undefined && this.#cutText(said, said.heardMs).rest !== "";
  }

  /** What earlier voices said is heard whole; the one that speaks then is measured by its own words, or its own pace. */
  #cutText({ text, parts, words, audioMs, whole }: Said, heardMs = Infinity): { heard: string; rest: string } {
    const index = Math.max(0, parts.findLastIndex(({ fromMs }) => fromMs <= heardMs));
    const { at, fromMs } = parts[index]!;
    const next = parts[index + 1];
    const [before, own, after] = [text.slice(0, at), text.slice(at, next?.at), next ? text.slice(next.at) : ""];
    const characters = spokenLength(tidy(own));
    const ownMs = (next?.fromMs ?? audioMs) - fromMs;
    const { heard, rest } = cutAt({
      text: own,
      words: wordsFrom(words, fromMs, -fromMs).filter(({ startMs }) => !next || startMs < ownMs),
      heardMs: heardMs - fromMs,
      msPerCharacter: (next || whole) && characters > 0 ? ownMs / characters : this.msPerCharacter,
    });
    const space = own.slice(own.trimEnd().length);
    return { heard: tidy(before + heard), rest: tidy(rest + space + after) };
  }

  /** How fast our voice speaks, as far as this call has shown. */
  get msPerCharacter(): number {
    return this.#knownCharacters > 0 ? this.#knownMs / this.#knownCharacters : MS_PER_CHARACTER;
  }

  #forgetOld(): void {
    const kept = lastTurns(this.#entries, this.#parts.maxTurns);
    if (kept.length === this.#entries.length) return;
    this.#entries = kept;
    const alive = new Set<Entry>(kept);
    for (const [reply, stretches] of this.#replies) {
      if (!stretches.some(({ said }) => alive.has(said))) this.#replies.delete(reply);
    }
  }
}

/** From the start of the word that was cut. */
function restartMs(words: readonly SpokenWord[], heardMs: number): number {
  const word = words.find(({ endMs }) => endMs > heardMs);
  return Math.max(0, word ? Math.min(word.startMs, heardMs) : heardMs - REPEAT_MS);
}

function wordsFrom(words: readonly SpokenWord[], fromMs: number, shiftMs: number): SpokenWord[] {
  return words.filter(({ startMs }) => startMs >= fromMs)
    .map(({ text, startMs, endMs }) => ({ text, startMs: startMs + shiftMs, endMs: endMs + shiftMs }));
}

/** The last `count` turns: each begins with words of the caller. */
function lastTurns(entries: readonly Entry[], count: number): Entry[] {
  let turns = 0;
  for (let at = entries.length - 1; at >= 0; at--) {
    const before = entries[at - 1];
    if (!isCaller(entries[at]!) || (before && isCaller(before))) continue;
    if (++turns === count) return before && hasTurn(entries.slice(0, at)) ? entries.slice(at) : [...entries];
  }
  return [...entries];
}

function hasTurn(entries: readonly Entry[]): boolean {
  return entries.some(isCaller);
}

function isCaller(entry: Entry): boolean {
  return entry.kind === "caller" || (entry.kind === "past" && entry.message.role === "user");
}

/** `messages` with what we said while tools ran, if that is the last, before their calls. */
export function resultsLast(messages: ChatMessage[]): ChatMessage[] {
  const last = messages.at(-1);
  const at = messages.findLastIndex((message) => message.role === "assistant" && message.tool_calls);
  const calling = messages[at];
  if (last?.role !== "assistant" || calling?.role !== "assistant" || messages.at(-2)?.role !== "tool") return messages;
  const content = [calling.content, last.content].filter(Boolean).join(" ");
  return messages.slice(0, -1).with(at, { ...calling, content });
}

/** Builds the messages: neighbours of one speaker become one message, as some servers insist on taking turns. */
class Page {
  readonly messages: ChatMessage[];
  #broken = false;

  constructor(systemPrompt: string) {
    this.messages = [{ role: "system", content: systemPrompt }];
  }

  said(text: string, broken: boolean): void {
    if (text === "") return;
    this.#broken = broken;
    this.#assistant(broken ? text + BROKEN_OFF : text);
  }

  add(entry: Exclude<Entry, Said>): void {
    switch (entry.kind) {
      case "caller":
        return this.#caller(entry.text);
      case "called":
        return this.#called(entry.calls, entry.results);
      case "past":
        return this.#past(entry.message);
    }
  }

  #past(message: ChatMessage): void {
    if (message.role === "user") return this.#caller(message.content);
    if (message.role === "assistant" && message.content !== null && !message.tool_calls) {
      return this.#assistant(message.content);
    }
    this.messages.push(message);
  }

  #caller(words: string): void {
    const text = this.#broken ? `${INTERRUPTING} ${words}` : words;
    this.#broken = false;
    const last = this.messages.at(-1);
    if (last?.role === "user") this.messages.splice(-1, 1, { role: "user", content: `${last.content} ${text}` });
    else this.messages.push({ role: "user", content: text });
  }

  #assistant(text: string): void {
    const last = this.messages.at(-1);
    if (last?.role !== "assistant" || last.tool_calls) this.messages.push({ role: "assistant", content: text });
    else this.messages.splice(-1, 1, { role: "assistant", content: `${last.content} ${text}` });
  }

  #called(calls: readonly ChatToolCall[], results: ReadonlyMap<string, string>): void {
    const last = this.messages.at(-1);
    const content = last?.role === "assistant" && !last.tool_calls ? last.content : null;
    if (content !== null) this.messages.pop();
    this.messages.push({ role: "assistant", content, tool_calls: [...calls] });
    for (const { id } of calls) {
      this.messages.push({ role: "tool", tool_call_id: id, content: results.get(id) ?? NO_RESULT });
    }
  }
}
