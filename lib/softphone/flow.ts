/** What TwiML makes of a call: its verbs run top to bottom, documents follow one another. Twilio reference, section 1. */

import { type Clock, sleep } from "../base/clock.ts";
import type { Monitor, PhoneEvent } from "./monitor.ts";
import { offence } from "./offence.ts";
import type { Streams } from "./stream.ts";
import type { Target, Verb } from "./twiml.ts";
import { type Document, randomHex, type Webhooks } from "./webhook.ts";

/** How a `<Dial>` of the server turns out. */
export type DialOutcome = "answered" | "no-answer" | "busy";

export interface FlowOptions {
  clock: Clock;
  random: () => number;
  webhooks: Webhooks;
  streams: Streams;
  monitor: Monitor;
  dialOutcome: DialOutcome;
  /** The caller's number, which the other phone sees unless the server names another. */
  from: string;
  /** Asked when a document cannot be had or run. */
  fallbackUrl: string | undefined;
  tell: (event: PhoneEvent) => void;
  /** Aborted when the call is over: the running verb is abandoned. */
  over: AbortSignal;
}

const MAX_DOCUMENTS = 50;
const E164 = /^\+[1-9]\d{6,14}$/;
/** How long verbs take that this phone only acts. */
const SAY_MS_PER_CHARACTER = 60;
const PLAY_MS = 2000;
const RING_MS = 5000;
const TALK_MS = 5000;

/** Verbs in which nobody hears the caller: a call that meets no others was turned away. */
const TURNING_AWAY: ReadonlySet<Verb["kind"]> = new Set(["say", "pause", "hangup", "reject"]);

/** What follows a verb: the next one, another document, or the end of the call. */
type Then = "next" | "end" | Document;

export class CallFlow {
  /** The server refused the call: it rejected it, or spoke and hung up without a word of the caller's. */
  refused = false;
  readonly #options: FlowOptions;

  constructor(options: FlowOptions) {
    this.#options = options;
  }

  /** Run `first` and what follows it, until a document ends the call or it is over. */
  async run(first: Document): Promise<void> {
    let document: Document | undefined = first;
    let answered = false;
    for (let n = 0; document && !this.#options.over.aborted; n++) {
      if (n >= MAX_DOCUMENTS) {
        const what = `More than ${MAX_DOCUMENTS} documents in one call`;
        return this.#options.monitor.offence(offence("redirect-loop", what));
      }
      answered ||= document.verbs.some(({ kind }) => !TURNING_AWAY.has(kind));
      this.refused ||= !answered;
      document = await this.#runDocument(document);
    }
  }

  /** Tell what is wrong with `document`. @returns whether it can be run. */
  examine({ offences, warnings, fatal }: Document): boolean {
    for (const each of offences) this.#options.monitor.offence(each);
    for (const each of warnings) this.#options.monitor.warning(each);
    return !fatal;
  }

  /** @returns the document that follows. */
  async #runDocument({ verbs }: Document): Promise<Document | undefined> {
    for (const verb of verbs) {
      const then = await this.#run(verb);
      if (this.#options.over.aborted) return undefined;
      if (then !== "next") return then === "end" ? undefined : then;
    }
    return undefined;
  }

  async #run(verb: Verb): Promise<Then> {
    switch (verb.kind) {
      case "say":
        this.#act(`<Say> ${verb.text}`);
        return await this.#pause(verb.text.length * SAY_MS_PER_CHARACTER);
      case "play":
        this.#act(`<Play> ${verb.digits ?? verb.url}`);
        return await this.#pause(PLAY_MS);
      case "pause":
        return await this.#pause(verb.seconds * 1000);
      case "hangup":
        return "end";
      case "reject":
        this.#act(`<Reject> ${verb.reason}`);
        this.refused = true;
        return "end";
      case "redirect":
        return await this.#follow(verb.target, {});
      case "dial":
        return await this.#dial(verb);
      case "connect":
        await this.#options.streams.hold(verb.stream, this.#options.over);
        return verb.action ? await this.#follow(verb.action, {}) : "next";
    }
  }

  async #dial({ numbers, callerId, action }: Extract<Verb, { kind: "dial" }>): Promise<Then> {
    const { random } = this.#options;
    const outcome = this.#outcome(callerId);
    const answered = outcome === "answered";
    this.#act(`<Dial> ${numbers.join(", ")}: ${outcome}`);
    await this.#pause(answered ? RING_MS + TALK_MS : RING_MS);
    if (!action) return "next";
    return await this.#follow(action, {
      DialCallStatus: answered ? "completed" : outcome,
      DialCallSid: `CA${randomHex(random, 32)}`,
      DialBridged: String(answered),
      ...(answered ? { DialCallDuration: String(TALK_MS / 1000) } : {}),
    });
  }

  /** A caller without a number that can be shown is put through under one that the server names, or not at all. */
  #outcome(callerId: string | undefined): DialOutcome | "failed" {
    const { from, monitor, dialOutcome } = this.#options;
    if (E164.test(callerId ?? from)) return dialOutcome;
    monitor.offence(offence("invalid-caller-id", `<Dial> would show "${callerId ?? from}", which is no number`));
    return "failed";
  }

  /** Fetch the document that `target` names, or else the fallback's, unless the call is over. */
  async #follow(target: Target, extra: Readonly<Record<string, string>>): Promise<Then> {
    const { over, webhooks, monitor, fallbackUrl } = this.#options;
    if (over.aborted) return "end";
    const fetched = await webhooks.document(target, { CallStatus: "in-progress", ...extra });
    if (fetched.ok && this.examine(fetched.document)) return fetched.document;
    if (!fetched.ok) monitor.offence(fetched.offence);
    if (!fallbackUrl || extra.ErrorUrl) return "end";
    return await this.#follow({ url: fallbackUrl, method: "POST" }, { ErrorCode: "11200", ErrorUrl: target.url });
  }

  async #pause(ms: number): Promise<"next"> {
    await sleep(this.#options.clock, ms, this.#options.over).catch(() => {}); // abandoned
    return "next";
  }

  #act(text: string): void {
    this.#options.tell({ kind: "verb", text });
  }
}
