// @ts-check
/** Reads the carrier's instructions, as far as a phone needs them. Twilio reference, section 1. */

/**
 * @typedef {{kind: "connect", url: string, action: string | null, parameters: Record<string, string>}} Connect
 * @typedef {Connect | {kind: "say", text: string} | {kind: "dial", number: string} | {kind: "redirect", url: string}
 *   | {kind: "pause"} | {kind: "hangup"} | {kind: "unknown", name: string}} Verb
 */

/**
 * @param {string} text
 * @returns {Verb[] | undefined} nothing, if it is no TwiML
 */
export function readTwiml(text) {
  const document = new DOMParser().parseFromString(text, "application/xml");
  const root = document.documentElement;
  if (root.localName !== "Response" || document.querySelector("parsererror")) return undefined;
  return [...root.children].map(readVerb);
}

/**
 * @param {Element} element
 * @returns {Verb}
 */
function readVerb(element) {
  const text = element.textContent?.trim() ?? "";
  switch (element.localName) {
    case "Connect":
      return readConnect(element);
    case "Say":
      return { kind: "say", text };
    case "Dial":
      return { kind: "dial", number: text };
    case "Redirect":
      return { kind: "redirect", url: text };
    case "Pause":
      return { kind: "pause" };
    case "Hangup":
    case "Reject":
      return { kind: "hangup" };
    default:
      return { kind: "unknown", name: element.localName };
  }
}

/**
 * @param {Element} connect
 * @returns {Verb}
 */
function readConnect(connect) {
  const stream = connect.querySelector("Stream");
  const url = stream?.getAttribute("url");
  if (!stream || !url) return { kind: "unknown", name: "Connect without a stream" };
  const parameters = [...stream.querySelectorAll("Parameter")].map((parameter) => [
    parameter.getAttribute("name") ?? "",
    parameter.getAttribute("value") ?? "",
  ]);
  return { kind: "connect", url, action: connect.getAttribute("action"), parameters: Object.fromEntries(parameters) };
}
