/** Who was waited for in a call, and how long, as far as its notices tell. Pure. */

import type { CallNotice, ReplySource } from "../call/notice.ts";

/** Waits shorter than this are part of talking. */
const LONG_WAIT_MS = 1000;

export interface Wait {
  fromMs: number;
  waitedMs: number;
  /** "the model", "the tool find_slots", "the caller", ... */
  who: string;
}

interface FinishedTool {
  name: string;
  tookMs: number;
}

/** Every wait above `LONG_WAIT_MS`. */
export function waitsOf(notices: readonly CallNotice[]): Wait[] {
  const finder = new WaitFinder(notices);
  notices.forEach((notice, index) => finder.follow(notice, index));
  return finder.waits;
}

class WaitFinder {
  readonly waits: Wait[] = [];
  readonly #notices: readonly CallNotice[];
  #since: { atMs: number; who: "us" | "the caller" | "the engine" } | undefined;
  /** The caller's last words have had nothing but a filler. */
  #owed = false;
  /** The slowest tool that finished in this wait. */
  #tool: FinishedTool | undefined;
  /** Names of tools that run, by call id. */
  readonly #running = new Map<string, string>();
  readonly #sources = new Map<number, ReplySource>();

  constructor(notices: readonly CallNotice[]) {
    this.#notices = notices;
  }

  follow(notice: CallNotice, index: number): void {
    switch (notice.kind) {
      case "call-started":
        this.#since = { atMs: 0, who: "the engine" };
        return;
      case "engine-ready":
        if (this.#since?.who === "the engine") this.#end(notice.atMs, "the engine");
        return;
      case "caller-spoke":
      case "digit":
        return this.#callerActs(notice.atMs);
      case "caller-text":
        this.#callerActs(notice.atMs);
        if (!notice.final) return;
        this.#owed = !notice.interruption;
        this.#since = { atMs: notice.atMs, who: this.#owed ? "us" : "the caller" };
        return;
      case "tool-call":
        return void this.#running.set(notice.id, notice.name);
      case "tool-result":
        this.#running.delete(notice.id);
        if ((this.#tool?.tookMs ?? 0) < notice.tookMs) this.#tool = { name: notice.name, tookMs: notice.tookMs };
        return;
      case "reply-started":
        return void this.#sources.set(notice.reply, notice.source);
      case "reply-first-sent":
        return this.#sounds(notice.reply, notice.atMs, index);
      case "reply-heard":
        this.#since = { atMs: notice.atMs, who: this.#owed ? "us" : "the caller" };
        return;
      case "reply-interrupted":
        this.#since = { atMs: notice.atMs, who: "the caller" };
        return;
      case "call-ended":
        if (this.#since) this.#end(notice.atMs, this.#since.who === "us" ? "an answer, in vain" : this.#since.who);
    }
  }

  #callerActs(atMs: number): void {
    if (this.#since?.who === "the caller") this.#end(atMs, "the caller");
  }

  /** A line of ours may be a filler: what comes behind it without a word of the caller is what was waited for. */
  #sounds(reply: number, atMs: number, index: number): void {
    const source = this.#sources.get(reply);
    const isAnswer = source === "engine" || source === "route";
    const who = this.#since?.who;
    const isOurs = who === "us" || (who === "the caller" && isAnswer);
    if (who) this.#end(atMs, isOurs ? this.#culprit(index) : who);
    if (isAnswer) this.#owed = false;
  }

  #culprit(index: number): string {
    const [atWork] = this.#running.values();
    return atWork ? `the tool ${atWork}` : slowest(this.#notices, index, this.#tool);
  }

  #end(atMs: number, who: string): void {
    const fromMs = this.#since?.atMs ?? atMs;
    if (atMs - fromMs > LONG_WAIT_MS) this.waits.push({ fromMs, waitedMs: atMs - fromMs, who });
    this.#since = undefined;
    this.#tool = undefined;
  }
}

const PARTS = { stt: "the recogniser", model: "the model", voice: "the voice", ours: "ourselves" } as const;

/** Who took longest, if the answer to a turn was late: the parts of that time are reported with its first sound. */
function slowest(
  notices: readonly CallNotice[],
  index: number,
  tool: FinishedTool | undefined,
): string {
  const isTurn = (notice: CallNotice) => notice.kind === "caller-text" && notice.final;
  const next = notices.findIndex((notice, at) => at > index && isTurn(notice));
  const turn = notices.slice(0, next < 0 ? undefined : next);
  const latency = turn.slice(turn.findLastIndex(isTurn) + 1).find((notice) => notice.kind === "latency");
  const parts = latency?.kind === "latency" ? latency.parts : {};
  let worst = tool ? { ms: tool.tookMs, who: `the tool ${tool.name}` } : { ms: 0, who: "the engine" };
  for (const key of ["stt", "model", "voice", "ours"] as const) {
    if ((parts[key] ?? 0) > worst.ms) worst = { ms: parts[key]!, who: PARTS[key] };
  }
  return worst.who;
}
