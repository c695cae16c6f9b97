/** How Deepgram's streaming sockets fail, in our words. Deepgram reference, sections 1.3, 3.6, 4.6, 5.1 and 7. */

import type { Fault, Peer } from "../base/result.ts";

/** What helps after a fault: open anew at once, open anew later, or nothing until someone changes the configuration. */
export type FaultAction = "retry" | "back-off" | "give-up";

/** The vendor's own codes in a close reason that mean: our messages are wrong, and a new socket fails the same way. */
const OURS_TO_MEND: Record<string, string> = {
  "DATA-0000":
    "a message or the audio cannot be read; check encoding and sample_rate, and that control messages are text.",
  "DATA-0001": "more text than the voice takes in a minute; make replies shorter.",
  "BIG-0000": "a message is too large.",
  "BIG-0001": "a piece of text is too long; 2000 characters are the limit.",
  "MESSAGE-0000": "a message of a type that this socket does not take.",
};

/** A socket that ended without our asking. Codes that name a mistake of ours are `rejected`, the rest is `lost`. */
export function closeFault(
  peer: Peer,
  { code, reason, openMs }: { code: number; reason: string; openMs: number },
): Fault {
  const named = /\b[A-Z]+-\d{4}\b/.exec(reason)?.[0];
  const remedy = named && OURS_TO_MEND[named];
  if (remedy) return { kind: "rejected", peer, code: named, detail: `close code ${code}: ${remedy}` };
  return { kind: "lost", peer, closeCode: code, reason, openMs };
}

/** What to do about `fault`. Deepgram reference, section 7, "Reconnect policy". */
export function faultAction(fault: Fault): FaultAction {
  switch (fault.kind) {
    case "refused":
      return fault.status === 429 || fault.status >= 500 ? "back-off" : "give-up";
    case "rejected":
      return fault.code === "INTERNAL_SERVER_ERROR" || fault.code.startsWith("ASR_") ? "retry" : "give-up";
    case "protocol":
      return "give-up";
    case "unreachable":
    case "lost":
    case "deadline":
    case "clogged":
      return "retry";
  }
}
