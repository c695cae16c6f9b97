/** What was said in a call so far, as it was heard: what a new engine must know to go on. Pure. */

import type { HistoryLine } from "../engine/engine.ts";
import type { CallRecord } from "./notice.ts";

/** The transcript as messages; a reply that was cut off ends where the caller stopped hearing it. */
export function historyOf({ transcript }: Pick<CallRecord, "transcript">): HistoryLine[] {
  const lines: HistoryLine[] = [];
  for (const { who, text, heardMs, heardText } of transcript) {
    const heard = heardText ?? text;
    if (who === "caller") lines.push({ role: "user", content: text });
    else if (heardMs !== 0 && heard) add(lines, heardText === undefined ? heard : `${heard} …`);
  }
  return lines.filter(({ content }) => content.trim() !== "");
}

/** The caller's last words, unless they were answered and the answer was heard to its end, or only stopped us. A line of ours is no answer, nor is what was said before a tool had run. */
export function unansweredIn({ transcript, tools }: Pick<CallRecord, "transcript" | "tools">): string | undefined {
  const turn = transcript.findLastIndex(({ who }) => who === "caller");
  const answer = transcript.slice(turn + 1).findLast(({ source }) => source !== "line");
  const isWhole = answer?.heardMs !== undefined && answer.heardText === undefined;
  const tool = tools.at(-1);
  const isLast = tool === undefined || (answer?.atMs ?? 0) >= tool.atMs + (tool.tookMs ?? Infinity);
  return (isWhole && isLast) || transcript[turn]?.interruption ? undefined : transcript[turn]?.text;
}

/** Everything we said that was heard to its end. */
export function heardOutIn({ transcript }: Pick<CallRecord, "transcript">): string[] {
  return transcript.filter(({ who, heardMs, heardText }) =>
    who === "agent" && heardMs !== undefined && heardText === undefined
  )
    .map(({ text }) => text);
}

function add(lines: HistoryLine[], content: string): void {
  const last = lines.at(-1);
  if (last?.role === "assistant") last.content += ` ${content}`;
  else lines.push({ role: "assistant", content });
}
