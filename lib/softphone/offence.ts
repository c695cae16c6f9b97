/** What a server does that Twilio would fault, named. Twilio reference, sections 6.2 and 8.5. */

import { clean } from "../base/clean.ts";

/** Every offence with the number Twilio's debugger shows for it; 0 where Twilio has none. */
const OFFENCES = {
  "binary-frame": 31950,
  "not-json": 31951,
  "unknown-event": 31951,
  "missing-field": 31951,
  "extra-field": 31951,
  "wrong-stream-sid": 31951,
  "before-start": 31951,
  "not-base64": 31951,
  "empty-payload": 31951,
  "container-header": 0,
  "closed-abnormally": 31921,
  "not-reading": 31903,
  "handshake-refused": 31920,
  "no-handshake": 31901,
  "insecure-url": 31922,
  "malformed-url": 31923,
  "query-string": 31920,
  "wrong-track": 31941,
  "two-streams": 12200,
  "parameter-too-long": 12200,
  "leading-whitespace": 12100,
  "malformed-xml": 12100,
  "wrong-root": 12102,
  "empty-twiml": 11770,
  "large-twiml": 11750,
  "content-type": 12300,
  "unknown-verb": 12200,
  "unknown-attribute": 12200,
  "missing-attribute": 12200,
  "misplaced-verb": 12200,
  "webhook-status": 11200,
  "webhook-unreachable": 11200,
  "webhook-slow": 11203,
  "redirect-loop": 11216,
  "invalid-caller-id": 13214,
  /** Frames of tagged audio came twice, out of order or with changed bytes: our own server's doing. */
  "frames-duplicated": 0,
  "frames-reordered": 0,
  "frames-altered": 0,
} as const;

export type OffenceCode = keyof typeof OFFENCES;

/** `detail`: one sentence for people, with Twilio's number where there is one. */
export interface Offence {
  code: OffenceCode;
  detail: string;
}

export function offence(code: OffenceCode, what: string): Offence {
  const number = OFFENCES[code];
  const words = clean(what);
  return { code, detail: number ? `${words} (Twilio ${number})` : words };
}

/** What is legal and still unwise; told, never held against the server. */
export interface Warning {
  code: "odd-payload" | "much-queued" | "after-stop" | "not-closed" | "talked-over" | "unsupported-verb";
  detail: string;
}

/** Keeps the first few offences of each code, so that a server gone wild does not fill the memory. */
export class OffenceLog {
  readonly list: Offence[] = [];
  readonly #counts = new Map<OffenceCode, number>();
  static readonly KEPT_PER_CODE = 10;

  /** @returns whether this is the first of its code. */
  add(offence: Offence): boolean {
    const count = (this.#counts.get(offence.code) ?? 0) + 1;
    this.#counts.set(offence.code, count);
    if (count <= OffenceLog.KEPT_PER_CODE) this.list.push(offence);
    return count === 1;
  }
}
