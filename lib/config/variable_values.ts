/** What single variables may hold: our public name, a webhook's address, an account, a token. Pure. */

import { quote } from "./notes.ts";
import type { Read } from "./reader.ts";
import { isLoopbackHost } from "../base/url.ts";

/** The bare host: scheme and trailing slash are tolerated, a path is not; a port only on this machine, where tests play Twilio. */
export function publicHostOf(text: string): Read<string> {
  const bare = text.replace(/^(https|wss):\/\//i, "").replace(/\/+$/, "");
  const example = "Write the bare name under which Twilio reaches us, for example agent.example.com.";
  if (/^(http|ws):\/\//i.test(bare)) {
    return { problem: `is ${quote(text)}, unencrypted`, remedy: "Twilio needs TLS. " + example };
  }
  if (/[/?#]/.test(bare)) {
    return { problem: `is ${quote(text)}, which has a path`, remedy: `Write only ${bare.split(/[/?#]/)[0]}` };
  }
  const isName = /^(\[[0-9a-f:]+\]|[a-z0-9]([a-z0-9.-]*[a-z0-9])?)(:\d+)?$/i.test(bare);
  const url = isName ? URL.parse(`https://${bare}`) : null;
  if (url === null) return { problem: `is ${quote(text)}, not a host name`, remedy: example };
  if (url.port !== "" && !isLoopbackHost(url.hostname)) {
    return {
      problem: `is ${quote(text)}, which has a port`,
      remedy: `Twilio's media stream comes in on 443: put TLS there and write only ${url.hostname}`,
    };
  }
  if (!isLoopbackHost(url.hostname) && !url.hostname.includes(".") && !url.hostname.startsWith("[")) {
    return { problem: `is ${quote(text)}, which has no domain`, remedy: example };
  }
  return { value: url.host };
}

/** Never quoted: who knows the address of a webhook may often post there. */
export function webhookOf(text: string): Read<string> {
  const url = URL.parse(text);
  const isSafe = url?.protocol === "https:" || (url?.protocol === "http:" && isLoopbackHost(url.hostname));
  return isSafe
    ? { value: text }
    : { problem: "is not an https:// address", remedy: "Write one (http:// only to this machine)." };
}

export function adminTokenOf(text: string): Read<string> {
  if (text.length >= 24) return { value: text };
  const remedy = "Write 24 or more, for example the output of: openssl rand -hex 24";
  return { problem: `has ${text.length} characters`, remedy };
}

export function uplinkOf(text: string): Read<number> {
  const value = Number(text);
  const isFine = /^\d+$/.test(text) && value >= 20 && value <= 400 && value % 20 === 0;
  return isFine
    ? { value }
    : { problem: `is ${quote(text)}`, remedy: "Write a multiple of 20 from 20 to 400: a frame has 20 ms." };
}

export function accountSidOf(text: string): Read<string> {
  if (/^AC[0-9a-f]{32}$/i.test(text)) return { value: text };
  const cause = text.startsWith("SK") ? "is the id of an API key" : "is not an account id";
  return { problem: cause, remedy: "Write the Account SID of Twilio's console: AC and 32 hexadecimal digits." };
}
