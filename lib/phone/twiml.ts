/** TwiML documents. Pure. Twilio reference, sections 1.1 to 1.5. */

/** What one `<Connect><Stream>` carries. */
export interface ConnectStream {
  /** `wss://HOST/PATH`, without a query: Twilio drops everything from `?` on, or refuses to connect (31920). */
  streamUrl: string;
  /** They come back in the `start` message. Name and value of each stay under 500 characters together. */
  parameters: Readonly<Record<string, string>>;
  /** Asked for the next document when the stream has ended. Without it Twilio hangs up then. */
  actionUrl?: string;
  /** Told of `stream-started`, `stream-stopped` and `stream-error`. */
  statusCallbackUrl?: string;
  /** Unique within the call. */
  name?: string;
}

/** A transfer to another number, which sees the caller's own; or that which he called, if he has none. */
export interface Dial {
  /** Who calls, and whom, as the carrier writes them. */
  from: string;
  to: string;
  /** E.164. */
  number: string;
  /** How long the other phone may ring: 1 to 600 s. */
  ringSeconds: number;
  /** How long the transferred call may last: 1 to 14400 s. */
  timeLimitSeconds: number;
  /** Asked for the next document when the transfer has ended or failed, with `DialCallStatus`. */
  actionUrl: string;
}

/** A telephone number as the network writes it. */
export const E164 = /^\+[1-9]\d{6,14}$/;

/** Name and value of one `<Parameter>` together must stay under this many characters. */
const PARAMETER_LIMIT_CHARACTERS = 500;

/** Longer texts of `<Say>` are cut here. */
const SAY_LIMIT_CHARACTERS = 4096;

type Attributes = Readonly<Record<string, string | undefined>>;

/**
 * Hand the call's audio to our socket, both ways. When the socket has closed, Twilio asks `actionUrl`, else it hangs up.
 * @throws {RangeError} if a parameter is too long, or the stream's URL has a query.
 */
export function connectStream(stream: ConnectStream): string {
  if (/[?#]/.test(stream.streamUrl)) throw new RangeError(`a stream's URL takes no query: "${stream.streamUrl}"`);
  const parameters = Object.entries(stream.parameters).map(([name, value]) => parameter(name, value));
  const streamElement = element("Stream", {
    url: stream.streamUrl,
    name: stream.name,
    statusCallback: stream.statusCallbackUrl,
    statusCallbackMethod: stream.statusCallbackUrl && "POST",
  }, parameters.join(""));
  return respond(element("Connect", { action: stream.actionUrl, method: stream.actionUrl && "POST" }, streamElement));
}

/** Speak `text` with Twilio's own voice, then hang up. `language` is a tag such as `en-US`. */
export function sayAndHangUp(text: string, language?: string): string {
  return respond(element("Say", { language }, escapeText(text.slice(0, SAY_LIMIT_CHARACTERS))) + element("Hangup"));
}

/** End the call. */
export function hangUp(): string {
  return respond(element("Hangup"));
}

/**
 * Ring another number and join it with the caller. Keys such as `*` do not end it.
 * @throws {RangeError} if a time is out of range.
 */
export function dial({ from, to, number, ringSeconds, timeLimitSeconds, actionUrl }: Dial): string {
  const attributes = {
    action: actionUrl,
    method: "POST",
    // What is no number cannot be shown: such a call would not be put through (13214).
    callerId: E164.test(from) || !E164.test(to) ? undefined : to,
    timeout: seconds("ringSeconds", ringSeconds, 600),
    timeLimit: seconds("timeLimitSeconds", timeLimitSeconds, 14_400),
  };
  return respond(element("Dial", attributes, element("Number", {}, escapeText(number))));
}

/** Nothing may stand before the declaration, not even a space (12100). */
function respond(verbs: string): string {
  return `<?xml version="1.0" encoding="UTF-8"?><Response>${verbs}</Response>`;
}

function parameter(name: string, value: string): string {
  if (name.length + value.length >= PARAMETER_LIMIT_CHARACTERS) {
    throw new RangeError(
      `the stream parameter "${name}" has ${name.length + value.length} characters with its name; ` +
        `fewer than ${PARAMETER_LIMIT_CHARACTERS} are allowed`,
    );
  }
  return element("Parameter", { name, value });
}

function seconds(name: string, value: number, highest: number): string {
  if (Number.isInteger(value) && value >= 1 && value <= highest) return String(value);
  throw new RangeError(`${name} is ${value}; it takes a whole number from 1 to ${highest}`);
}

/** `content` is already escaped. Attributes that are undefined are left out. */
function element(name: string, attributes: Attributes = {}, content = ""): string {
  const written = Object.entries(attributes)
    .map(([key, value]) => value === undefined ? "" : ` ${key}="${escapeAttribute(value)}"`)
    .join("");
  return content ? `<${name}${written}>${content}</${name}>` : `<${name}${written}/>`;
}

/** What XML 1.0 does not allow anywhere, not even escaped: most controls, lone surrogates, U+FFFE and U+FFFF. */
const ILLEGAL = /[^\t\n\r\u0020-\uD7FF\uE000-\uFFFD\u{10000}-\u{10FFFF}]/gu;

const ENTITIES: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };

function escapeText(text: string): string {
  return text.replace(ILLEGAL, "").replace(/[&<>]/g, (sign) => ENTITIES[sign]!).replace(/\r/g, "&#13;");
}

/** White space other than a blank is written as a reference: a reader turns it into a blank otherwise. */
function escapeAttribute(value: string): string {
  return value.replace(ILLEGAL, "").replace(/[&<>"]/g, (sign) => ENTITIES[sign]!)
    .replace(/[\t\n\r]/g, (space) => `&#${space.charCodeAt(0)};`);
}
