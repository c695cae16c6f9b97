/**
 * What Twilio's errors and warnings of a media stream mean for this service, and what to do. Pure. Twilio reference,
 * section 6.2; titles as in Twilio's error dictionary, because the stream callback names an error by its title and not by
 * its code.
 */

export interface TwilioError {
  /** Twilio's own title. */
  title: string;
  /** What happened, in one sentence. */
  meaning: string;
  /** What to do about it, in one sentence. */
  remedy: string;
}

/** By code. */
export const STREAM_ERRORS: Readonly<Record<number, TwilioError>> = {
  31901: {
    title: "Stream - WebSocket - Connection Timeout",
    meaning: "Nobody answered Twilio's attempt to open the media socket.",
    remedy: "Check that PUBLIC_HOST leads to this server on port 443: firewall, address, tunnel.",
  },
  31902: {
    title: "Stream - WebSocket - Connection Refused",
    meaning: "The host refused the connection of the media socket.",
    remedy: "Check that the server or its proxy runs, and listens on port 443 of PUBLIC_HOST.",
  },
  31903: {
    title: "Stream - WebSocket - Connection Broken Pipe",
    meaning: "The media socket was cut while in use.",
    remedy:
      "Look for a restart of this server, or a proxy, tunnel or load balancer with an idle or request time limit.",
  },
  31904: {
    title: "Stream - WebSocket - Host Unreachable",
    meaning: "Twilio found no way to the host of the media socket.",
    remedy: "Check that PUBLIC_HOST resolves to a public address, not a private one.",
  },
  31910: {
    title: "Stream - WebSocket - SSL Protocol Error",
    meaning: "TLS failed on the media socket.",
    remedy:
      "Serve port 443 of PUBLIC_HOST with a certificate of a public authority that names this host, with its chain.",
  },
  31920: {
    title: "Stream - WebSocket - Handshake Error",
    meaning: "The media socket's opening was answered with something other than HTTP 101.",
    remedy:
      "Look at our log for a refusal (signature, token, limits); if there is none, let the proxy pass WebSocket " +
      "upgrades on /media-stream.",
  },
  31921: {
    title: "Stream - WebSocket - Close Error",
    meaning: "The media socket was closed from our side before Twilio expected it.",
    remedy: "Look at the end reason of this call in our log; if it shows none, a proxy in between closed the socket.",
  },
  31922: {
    title: "Stream - WebSocket - URL Schema Not Supported",
    meaning: "The stream's URL does not begin with wss.",
    remedy: "Set PUBLIC_HOST to a host that serves HTTPS; ws:// works with the softphone alone.",
  },
  31923: {
    title: "Stream - WebSocket - Malformed URL",
    meaning: "The stream's URL cannot be read.",
    remedy: "Set PUBLIC_HOST to a plain host name, for example agent.example.com.",
  },
  31924: {
    title: "Stream - WebSocket - Protocol Error",
    meaning: "Something on the media socket broke the WebSocket protocol.",
    remedy: "Switch off WebSocket compression and buffering in the proxy; then report the call's log.",
  },
  31941: {
    title: "Stream - Invalid Track Configuration",
    meaning: "The document asks for an audio track that a two-way stream does not have.",
    remedy: 'Leave "track" out of <Connect><Stream>; check what rewrites our document on its way.',
  },
  31950: {
    title: "Stream - Protocol - Malformed Message",
    meaning: "Twilio could not decode a message of ours (warning, once per stream): a binary frame.",
    remedy: "Check that no proxy turns text frames into binary ones; else report the call's log.",
  },
  31951: {
    title: "Stream - Protocol - Invalid Message",
    meaning:
      "Twilio did not accept a message of ours (warning, once per stream): not JSON, a wrong field or stream id.",
    remedy: "Report the call's log: a message that we send does not fit Twilio's description of it.",
  },
};

export interface Explanation {
  /** Twilio's code, where we recognise it. */
  code?: number;
  meaning: string;
  remedy: string;
}

/** What `StreamError` of the stream's status callback tells: a title, a code, or a sentence with either in it. Section 6.1. */
export function explainStreamError(text: string): Explanation {
  const code = codeIn(text) ?? codeByTitle(text);
  const known = code === undefined ? undefined : STREAM_ERRORS[code];
  if (code !== undefined && known) return { code, meaning: known.meaning, remedy: known.remedy };
  const said = text.replace(/\s+/g, " ").trim().slice(0, 200);
  return {
    meaning: said ? `Twilio reported "${said}", which we do not know.` : "Twilio reported an error without a text.",
    remedy: "Look for the call's SID in Twilio's console, under Monitor, Errors.",
  };
}

function codeIn(text: string): number | undefined {
  return text.match(/(?<!\d)\d{5}(?!\d)/g)?.map(Number).find((code) => STREAM_ERRORS[code]);
}

/** Titles vary in case, dashes and blanks from page to page, and come with or without "Stream - WebSocket". */
const CODES_BY_WORDS: readonly (readonly [words: string, code: number])[] = Object.entries(STREAM_ERRORS)
  .map(([code, { title }]) => [wordsOf(title), Number(code)]);

function codeByTitle(text: string): number | undefined {
  const said = wordsOf(text);
  return CODES_BY_WORDS.find(([words]) => said.includes(words))?.[1];
}

function wordsOf(text: string): string {
  return text.toLowerCase().replace(/[^a-z]+/g, " ").replace(/\b(stream|websocket) /g, "").trim();
}
