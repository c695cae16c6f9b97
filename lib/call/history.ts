/** What was said in a call so far, as it was heard: what a new engine must know to go on. Pure. */

import type { CallRecord } from "./notice.ts";

export interface HistoryLine {
  role: "user" | "assistant";
  content: string;
}

/** The transcript as messages; a reply that was cut off ends where the caller stopped hearing it. */
export function historyOf({ transcript }: Pick<CallRecord, "transcript">): HistoryLine[] {
  const lines: HistoryLine[] = [];
  for (const { who, text, heardMs, heardText, interrupted } of transcript) {
    if (who === "caller") lines.push({ role: "user", content: text });
    else if (heardMs !== 0) add(lines, interrupted ? `${heardText ?? text} …` : text);
  }
  return lines.filter(({ content }) => content.trim() !== "");
}

function add(lines: HistoryLine[], content: string): void {
  const last = lines.at(-1);
  if (last?.role === "assistant") last.content += ` ${content}`;
  else lines.push({ role: "assistant", content });
}
