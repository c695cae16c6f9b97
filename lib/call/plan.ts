/** What is known of a call before it is answered, and how it is to be answered. */

import type { HistoryLine } from "../engine/engine.ts";
import type { CallParts, CallTools } from "./live_call.ts";
import type { CallModels, NoticeBody } from "./notice.ts";
import type { Destination } from "./parking.ts";

export interface Caller {
  from: string;
  to: string;
}

/** Facts of a call that decide how it is answered. */
export interface CallFacts extends Caller {
  id: string;
  callSid: string;
  /** The call was here before: its line broke, or it was transferred and nobody answered. */
  resumed?: Resumption;
}

export interface Resumption {
  why: "line-lost" | "no-answer";
  /** What was said so far, as heard. */
  history: readonly HistoryLine[];
  /** Whatever we said that was heard to its end. */
  heardOut: readonly string[];
  /** The tools of the call, which may still be running. */
  tools: CallTools;
  /** What the caller said last, if the line broke before it was answered. */
  unanswered: string | undefined;
}

/** How one call is to be answered: everything of `CallParts` that depends on its configuration. */
export interface CallPlan extends Omit<CallParts, "leg" | "newReply" | "clock" | "unanswered" | "history" | "report"> {
  engine: string;
  models: CallModels;
  configHash: string;
  /** Where the caller goes when the engine fails for good. */
  fallback?: Destination;
  /** Called when the call begins, to report what went wrong while it was prepared. */
  begun?: (report: (notice: NoticeBody) => void) => void;
}
