/** Joins what the phones and the agent of one run saw: nobody else knows which frames should have come. Pure. */

import { Histogram, type Spread } from "./histogram.ts";
import type { Heard } from "./phone_line.ts";
import type { AgentResult, PhonesResult } from "./talk.ts";

export interface Flow {
  frames: number;
  lost: number;
  duplicated: number;
  reordered: number;
  altered: number;
}

/** How late what was. */
export interface Delays {
  uplinkMs: Spread;
  firstFrameMs: Spread;
  jitterMs: Spread;
  lateMs: Spread;
  clearMs: Spread;
  /** How late the phones themselves were: what is below it is not the server's. */
  generatorLagMs: Spread;
}

export interface Verdict extends Delays {
  up: Flow;
  /** Frames of silence that the server made up towards the agent. */
  madeUp: number;
  down: Flow;
  messagesDown: number;
  /** Frames of lines that the server says of itself ("One moment."), and all frames within the window of measuring. */
  ownDown: number;
  measuredDown: number;
  /** Frames of a reply that came after its `clear`. */
  stale: number;
  underruns: number;
  /** Under-runs that may be our own sleep. */
  uncertain: number;
  underrunMs: number;
  /** Of the under-runs, see `Heard`. */
  emptyHanded: number;
  underrunsAt: Heard["underrunsAt"];
  starved: number;
  marks: number;
  odd: number;
  interruptions: number;
  /** Interruptions that no `clear` answered within 2 s. */
  notCleared: number;
  /** Replies that were so late that the interruption of a later one cut them. Not counted as lost. */
  cutLate: number;
  dropped: { call: number; why: string }[];
  clock: PhonesResult["clock"];
}

const CLEARED_WITHIN_MS = 2000;

export function judge(phones: PhonesResult, agent: AgentResult): Verdict {
  const { heard, durations } = phones;
  const clears = matchClears(phones, agent);
  return {
    up: upward(phones, agent),
    madeUp: sum(agent.calls, ({ silent }) => silent),
    down: downward(phones, agent),
    messagesDown: heard.messages,
    ownDown: heard.own,
    measuredDown: heard.measuredFrames,
    stale: heard.stale,
    underruns: heard.underruns,
    uncertain: heard.uncertain,
    underrunMs: heard.underrunMs,
    emptyHanded: heard.emptyHanded,
    underrunsAt: heard.underrunsAt,
    starved: heard.starved,
    marks: heard.marks,
    odd: heard.odd,
    interruptions: clears.clear.n + clears.missing,
    notCleared: clears.missing,
    cutLate: cutLate(phones, agent).length,
    dropped: phones.dropped,
    uplinkMs: new Histogram(agent.uplink).spread,
    firstFrameMs: new Histogram(durations.firstFrame).spread,
    jitterMs: new Histogram(durations.jitter).spread,
    lateMs: new Histogram(durations.late).spread,
    clearMs: clears.clear.spread,
    generatorLagMs: new Histogram(durations.lag).spread,
    clock: phones.clock,
  };
}

/** A frame that was sent and had not come at the very end is lost, gaps or not. */
function upward({ sent }: PhonesResult, { calls }: AgentResult): Flow {
  const arrived = new Map(calls.map(({ call, next }) => [call, next]));
  const missingAtEnd = sum(sent.map((count, call) => Math.max(0, count - (arrived.get(call) ?? 0))), (n) => n);
  return {
    frames: sum(sent, (n) => n),
    lost: sum(calls, ({ lost }) => lost) + missingAtEnd,
    duplicated: sum(calls, ({ duplicated }) => duplicated),
    reordered: sum(calls, ({ reordered }) => reordered),
    altered: sum(calls, ({ altered }) => altered),
  };
}

/** A reply that nobody interrupted must come whole; an interrupted one may end anywhere. */
function downward(phones: PhonesResult, agent: AgentResult): Flow {
  const { replies, heard } = phones;
  const came = new Map(replies.map((reply) => [`${reply.call}/${reply.reply}`, reply]));
  const excused = new Set(cutLate(phones, agent));
  const missingAtEnd = sum(
    agent.replies.filter((reply) => reply.whole && !excused.has(reply)),
    ({ call, reply, count }) => count - (came.get(`${call}/${reply}`)?.next ?? 0),
  );
  return {
    frames: heard.frames,
    lost: sum(replies, ({ lost }) => lost) + missingAtEnd,
    duplicated: sum(replies, ({ duplicated }) => duplicated),
    reordered: sum(replies, ({ reordered }) => reordered),
    altered: heard.altered,
  };
}

/** Replies that were sent whole, but still waited for their last frames when the interruption of a later one cut them. */
function cutLate({ clears, replies }: PhonesResult, agent: AgentResult): AgentResult["replies"] {
  const current = new Set(clears.map(({ call, reply }) => `${call}/${reply}`));
  const torn = new Set(
    replies.filter(({ next, count }) => next < count).map(({ call, reply }) => `${call}/${reply}`)
      .filter((name) => current.has(name)),
  );
  return agent.replies.filter(({ call, reply, whole }) => whole && torn.has(`${call}/${reply}`));
}

function matchClears({ clears }: PhonesResult, { replies }: AgentResult): { clear: Histogram; missing: number } {
  const clear = new Histogram();
  let missing = 0;
  const byCall = Map.groupBy(clears, ({ call }) => call);
  for (const { call, cutMs } of replies) {
    if (cutMs === null) continue;
    const answer = byCall.get(call)?.find(({ ms }) => ms > cutMs - 1 && ms < cutMs + CLEARED_WITHIN_MS);
    if (answer) clear.add(Math.max(0, answer.ms - cutMs));
    else missing++;
  }
  return { clear, missing };
}

function sum<T>(items: readonly T[], of: (item: T) => number): number {
  return items.reduce((total, item) => total + of(item), 0);
}
