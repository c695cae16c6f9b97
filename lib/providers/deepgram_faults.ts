/** How Deepgram's streaming sockets fail, in our words. Deepgram reference, sections 1.3, 3.6, 4.6, 5.1 and 7. */

import type { Fault, Peer } from "../base/result.ts";

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
