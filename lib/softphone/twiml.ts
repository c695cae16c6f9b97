/** TwiML as Twilio reads it: the verbs this phone acts on, and everything that Twilio would fault. Twilio reference, section 1. Pure. */

import { type Offence, offence, type OffenceCode, type Warning } from "./offence.ts";
import { readXml, type XmlElement, XmlError } from "./xml.ts";

/** A request the document asks for: absolute URL and method. */
export interface Target {
  url: string;
  method: "GET" | "POST";
}

export interface StreamSpec {
  /** Absolute, `ws:` or `wss:`, without a query. */
  url: string;
  name: string | undefined;
  statusCallback: Target | undefined;
  parameters: Readonly<Record<string, string>>;
}

export type Verb =
  | { kind: "say"; text: string }
  | { kind: "play"; url: string; digits: string | undefined }
  | { kind: "pause"; seconds: number }
  | { kind: "connect"; stream: StreamSpec; action: Target | undefined }
  | { kind: "dial"; numbers: string[]; callerId: string | undefined; action: Target | undefined }
  | { kind: "redirect"; target: Target }
  | { kind: "reject"; reason: string }
  | { kind: "hangup" };

export interface Twiml {
  verbs: Verb[];
  offences: Offence[];
  warnings: Warning[];
  /** The document cannot be executed: the caller hears "an application error has occurred", and the call ends. */
  fatal: boolean;
}

/** Twilio takes no longer document. */
export const MAX_BYTES = 64 * 1024;
const PARAMETER_LIMIT = 500;

/** Attributes of every verb and noun Twilio has that may be met here (twilio-node 6.2.0). */
const ATTRIBUTES: Readonly<Record<string, string>> = {
  Response: "",
  Say: "voice language loop",
  Play: "loop digits",
  Pause: "length",
  Hangup: "",
  Reject: "reason",
  Redirect: "method",
  Connect: "action method",
  Stream: "url name track statusCallback statusCallbackMethod",
  Parameter: "name value",
  Dial:
    "action method timeout timeLimit callerId answerOnBridge hangupOnStar record recordingStatusCallback recordingStatusCallbackEvent recordingStatusCallbackMethod recordingTrack ringTone sequential trim referUrl referMethod events",
  Number:
    "url method sendDigits statusCallback statusCallbackMethod statusCallbackEvent byoc machineDetection amdStatusCallback amdStatusCallbackMethod",
};

/** Verbs that Twilio has and this phone does not act on: passed over with a warning. */
const NOT_ACTED = new Set(["Gather", "Record", "Enqueue", "Leave", "Start", "Stop", "Queue", "Refer", "Pay", "Sms"]);

/** Read the document `source`, which came from `baseUrl` (relative URLs resolve against it). Never throws. */
export function readTwiml(source: string, baseUrl: string): Twiml {
  const result: Twiml = { verbs: [], offences: [], warnings: [], fatal: false };
  const fatal = (code: OffenceCode, what: string): Twiml => {
    result.offences.push(offence(code, what));
    return { ...result, verbs: [], fatal: true };
  };
  if (source === "") return fatal("empty-twiml", "The document is empty");
  if (new TextEncoder().encode(source).length > MAX_BYTES) return fatal("large-twiml", "The document is over 64 KiB");
  if (/^[\s\uFEFF]/.test(source)) return fatal("leading-whitespace", "Something precedes the first tag");
  let root: XmlElement;
  try {
    root = readXml(source);
  } catch (error) {
    if (error instanceof XmlError) return fatal("malformed-xml", `The document is not XML: ${error.message}`);
    throw error;
  }
  if (root.name !== "Response") return fatal("wrong-root", `The root is <${root.name}>, not <Response>`);
  new Translator(result, baseUrl).response(root);
  return result;
}

class Translator {
  readonly #out: Twiml;
  readonly #baseUrl: string;

  constructor(out: Twiml, baseUrl: string) {
    this.#out = out;
    this.#baseUrl = baseUrl;
  }

  response(root: XmlElement): void {
    this.#known(root);
    for (const [index, element] of root.children.entries()) {
      const verb = this.#verb(element);
      if (!verb) continue;
      if (verb.kind === "reject" && index > 0) this.#blame("misplaced-verb", "<Reject> is not the first verb");
      this.#out.verbs.push(verb);
    }
  }

  #verb(element: XmlElement): Verb | undefined {
    const { name, attributes } = element;
    if (NOT_ACTED.has(name)) {
      this.#out.warnings.push({
        code: "unsupported-verb",
        detail: `<${name}> is passed over: this phone does not act on it`,
      });
      return undefined;
    }
    if (name !== "Connect") this.#onlyChildren(element, name === "Dial" ? ["Number"] : []);
    this.#known(element);
    switch (name) {
      case "Say":
        return { kind: "say", text: element.text.trim() };
      case "Play":
        return { kind: "play", url: element.text.trim(), digits: attributes.get("digits") };
      case "Pause":
        return { kind: "pause", seconds: Math.max(0, Number(attributes.get("length") ?? 1)) || 0 };
      case "Hangup":
        return { kind: "hangup" };
      case "Reject":
        return { kind: "reject", reason: attributes.get("reason") ?? "rejected" };
      case "Redirect":
        return this.#redirect(element);
      case "Dial":
        return this.#dial(element);
      case "Connect":
        return this.#connect(element);
      default:
        return void this.#blame("unknown-verb", `<${name}> is no verb`);
    }
  }

  #redirect(element: XmlElement): Verb | undefined {
    const target = this.#target(element.text.trim(), element.attributes.get("method"));
    return target && { kind: "redirect", target };
  }

  #dial(element: XmlElement): Verb {
    for (const child of element.children) this.#known(child);
    const numbers = [element.text, ...element.children.filter(({ name }) => name === "Number").map(({ text }) => text)];
    return {
      kind: "dial",
      numbers: numbers.map((text) => text.trim()).filter((text) => text !== ""),
      callerId: element.attributes.get("callerId"),
      action: this.#action(element),
    };
  }

  #connect(element: XmlElement): Verb | undefined {
    this.#onlyChildren(element, ["Stream"]);
    this.#known(element);
    const streams = element.children.filter(({ name }) => name === "Stream");
    if (streams.length > 1) this.#blame("two-streams", "<Connect> holds more than one <Stream>");
    if (!streams[0]) return void this.#blame("missing-attribute", "<Connect> holds no <Stream>");
    const stream = this.#stream(streams[0]);
    return stream && { kind: "connect", stream, action: this.#action(element) };
  }

  #stream(element: XmlElement): StreamSpec | undefined {
    const { attributes } = element;
    this.#known(element);
    this.#onlyChildren(element, ["Parameter"]);
    const track = attributes.get("track") ?? "inbound_track";
    if (track !== "inbound_track") {
      this.#blame("wrong-track", `track="${track}" is not for <Connect>: only "inbound_track"`);
    }
    const url = this.#streamUrl(attributes.get("url"));
    if (!url) return undefined;
    return {
      url,
      name: attributes.get("name"),
      statusCallback: this.#target(attributes.get("statusCallback"), attributes.get("statusCallbackMethod")),
      parameters: this.#parameters(element),
    };
  }

  #parameters(element: XmlElement): Record<string, string> {
    const parameters: Record<string, string> = {};
    for (const parameter of element.children.filter(({ name }) => name === "Parameter")) {
      this.#known(parameter);
      const name = parameter.attributes.get("name");
      const value = parameter.attributes.get("value");
      if (name === undefined || value === undefined) {
        this.#blame("missing-attribute", "<Parameter> needs a name and a value");
        continue;
      }
      if (name.length + value.length >= PARAMETER_LIMIT) {
        this.#blame(
          "parameter-too-long",
          `<Parameter> "${name}" has ${name.length + value.length} characters; under 500 are allowed`,
        );
      }
      parameters[name] = value;
    }
    return parameters;
  }

  /** The socket address as Twilio dials it: a relative one becomes absolute, a query is dropped. */
  #streamUrl(written: string | undefined): string | undefined {
    if (!written) return void this.#blame("missing-attribute", "<Stream> has no url");
    const base = this.#baseUrl.replace(/^http/i, "ws");
    const url = URL.parse(written, base);
    if (!url || !["ws:", "wss:"].includes(url.protocol)) {
      const code = url ? "insecure-url" : "malformed-url";
      return void this.#blame(code, `Stream url "${written}" is not a wss:// address`);
    }
    if (url.protocol === "ws:" && !isLoopback(url.hostname)) {
      this.#blame("insecure-url", `Stream url "${written}" is not encrypted: only wss:// is dialled`);
    }
    if (url.search !== "") {
      this.#blame("query-string", `Stream url "${written}" has a query string, which is dropped: use <Parameter>`);
    }
    return written.includes("://")
      ? written.replace(/[?#].*$/s, "")
      : `${url.origin === "null" ? `${url.protocol}//${url.host}` : url.origin}${url.pathname}`;
  }

  #action({ attributes }: XmlElement): Target | undefined {
    return this.#target(attributes.get("action"), attributes.get("method"));
  }

  #target(written: string | undefined, method = "POST"): Target | undefined {
    if (written === undefined) return undefined;
    const url = URL.parse(written, this.#baseUrl)?.href;
    if (url === undefined) return void this.#blame("malformed-url", `"${written}" is no address`);
    return { url, method: method.toUpperCase() === "GET" ? "GET" : "POST" };
  }

  #onlyChildren({ name, children }: XmlElement, allowed: string[]): void {
    if (name === "Say") return; // speech markup
    for (const child of children) {
      if (!allowed.includes(child.name)) this.#blame("unknown-verb", `<${child.name}> does not belong in <${name}>`);
    }
  }

  #known({ name, attributes }: XmlElement): void {
    const known = ATTRIBUTES[name]?.split(" ");
    for (const attribute of attributes.keys()) {
      if (known && !known.includes(attribute)) {
        this.#blame("unknown-attribute", `<${name}> has no attribute "${attribute}"`);
      }
    }
  }

  #blame(code: OffenceCode, what: string): void {
    this.#out.offences.push(offence(code, what));
  }
}

/** Whether `hostname` (as `URL` gives it) is this machine. */
function isLoopback(hostname: string): boolean {
  return hostname === "localhost" || hostname.endsWith(".localhost") || hostname === "[::1]" || /^127\./.test(hostname);
}
