/** One `<Connect><Stream>`: the socket is dialled, held until somebody ends it, and its status callback is told. */

import { type Clock, sleep } from "../base/clock.ts";
import type { Dial } from "../base/dial.ts";
import { CLOSED_ABNORMALLY } from "../base/wire.ts";
import { describeFault, type Fault } from "../base/result.ts";
import { endedInError, type HangUpWay, Line, type LineEnd, type LineOptions } from "./line.ts";
import type { Monitor, PhoneEvent } from "./monitor.ts";
import { offence } from "./offence.ts";
import { signedUrl, twilioSignature } from "./sign.ts";
import type { StreamSpec } from "./twiml.ts";
import { randomHex, type Webhooks } from "./webhook.ts";

/** What the socket's signature is made over, or what is wrong with it. Which one Twilio signs is not documented. */
export type SocketSignature = "as-written" | "slash" | "https" | "missing" | "wrong";

export interface StreamOptions extends Pick<LineOptions, "accountSid" | "callSid" | "mouth" | "random" | "choices"> {
  clock: Clock;
  dial: Dial;
  authToken: string | undefined;
  socketSignature: SocketSignature;
  monitor: Monitor;
  webhooks: Webhooks;
  /** Time between `<Connect>` and its socket. */
  openDelayMs: number;
  hangUpWay: HangUpWay;
  tell: (event: PhoneEvent) => void;
}

/** Twilio's titles of the errors that a callback names. Twilio reference, section 6. */
const TITLES = {
  timeout: "Stream - WebSocket - Connection Timeout",
  refused: "Stream - WebSocket - Connection Refused",
  broken: "Stream - WebSocket - Connection Broken Pipe",
  handshake: "Stream - WebSocket - Handshake Error",
  close: "Stream - WebSocket - Close Error",
};

/** The streams of one call, one at a time. */
export class Streams {
  /** Of the last stream. */
  streamSid: string | undefined;
  readonly marks = { sent: 0, echoed: 0 };
  readonly #options: StreamOptions;
  #line: Line | undefined;

  constructor(options: StreamOptions) {
    this.#options = options;
  }

  /** A stream is open. */
  get live(): boolean {
    return this.#line !== undefined;
  }

  press(key: string): void {
    this.#line?.press(key);
  }

  /** Dial `spec` and stay until the stream has ended, or `signal` aborts: then the caller's side ends it. Never throws but for a mistake of this phone. */
  async hold(spec: StreamSpec, signal: AbortSignal): Promise<void> {
    const { clock, openDelayMs, random } = this.#options;
    await sleep(clock, openDelayMs, signal).catch(() => {}); // abandoned
    if (signal.aborted) return;
    const streamSid = this.streamSid = `MZ${randomHex(random, 32)}`;
    const line = await this.#open(spec, streamSid, signal);
    if (line) await this.#stay(line, spec, signal);
  }

  async #open(spec: StreamSpec, streamSid: string, signal: AbortSignal): Promise<Line | undefined> {
    const { dial, authToken, socketSignature, monitor } = this.#options;
    const headers = authToken ? signatureHeader(authToken, spec.url, socketSignature) : {};
    const opened = await dial({ peer: "webhook", url: spec.url, headers }, signal).catch((error) => {
      if (signal.aborted) return undefined; // abandoned while it rang
      throw error;
    });
    if (!opened) return undefined;
    if (!opened.ok) return void this.#refused(spec, streamSid, opened.fault);
    return new Line(opened.value, {
      ...this.#options,
      streamSid,
      parameters: spec.parameters,
      listener: monitor,
    });
  }

  #refused(spec: StreamSpec, streamSid: string, fault: Fault): void {
    const refused = fault.kind === "refused";
    const why = refused ? `HTTP ${fault.status} ${fault.detail}`.trim() : describeFault(fault);
    const code = refused ? "handshake-refused" : "no-handshake";
    this.#options.monitor.offence(offence(code, `The socket ${spec.url} did not open: ${why}`));
    const title = refused ? TITLES.handshake : fault.kind === "deadline" ? TITLES.timeout : TITLES.refused;
    this.#callback(spec, streamSid, "stream-error", title);
  }

  async #stay(line: Line, spec: StreamSpec, signal: AbortSignal): Promise<void> {
    const { clock, monitor, hangUpWay, tell } = this.#options;
    const streamSid = this.streamSid!; // set before the line was opened
    const leave = () => line.hangUp(hangUpWay);
    this.#line = line;
    monitor.streamStarted(clock.monotonicMs());
    tell({ kind: "connected", streamSid, url: spec.url });
    line.start();
    this.#callback(spec, streamSid, "stream-started");
    signal.addEventListener("abort", leave, { once: true });
    if (signal.aborted) leave();
    try {
      const error = errorTitle(await line.closed);
      this.#callback(spec, streamSid, error ? "stream-error" : "stream-stopped", error);
    } finally {
      signal.removeEventListener("abort", leave);
      this.#line = undefined;
      this.marks.sent += line.speaker.marksReceived;
      this.marks.echoed += line.speaker.marksEchoed;
    }
  }

  /** Twilio reference, section 6.1. */
  #callback(spec: StreamSpec, streamSid: string, event: string, error?: string): void {
    if (!spec.statusCallback) return;
    const { accountSid, callSid, clock, webhooks } = this.#options;
    webhooks.callback(spec.statusCallback, {
      AccountSid: accountSid,
      CallSid: callSid,
      StreamSid: streamSid,
      StreamName: spec.name ?? streamSid,
      StreamEvent: event,
      ...(error ? { StreamError: error } : {}),
      Timestamp: clock.wallTime().toISOString(),
    });
  }
}

function signatureHeader(authToken: string, url: string, kind: SocketSignature): Record<string, string> {
  if (kind === "missing") return {};
  const written = signedUrl(url);
  const signed = kind === "slash" ? `${written}/` : kind === "https" ? written.replace(/^ws/, "http") : written;
  return { "x-twilio-signature": twilioSignature(kind === "wrong" ? `${authToken}?` : authToken, signed) };
}

function errorTitle(end: LineEnd): string | undefined {
  if (!endedInError(end)) return undefined;
  return end.code === CLOSED_ABNORMALLY ? TITLES.broken : TITLES.close;
}
