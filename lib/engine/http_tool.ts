/** A tool that asks a web server: its host is fixed, arguments stay in their places, no redirect is followed, the answer is small. */

import { isPublicAddress } from "../base/address.ts";
import { isObject } from "../base/json.ts";
import { whyUnanswered } from "../base/result.ts";
import { isLoopbackHost } from "../base/url.ts";
import type { Tool } from "./tools.ts";

export interface HttpToolSpec {
  name: string;
  description: string;
  parameters: Record<string, unknown>;
  /** Template: arguments that `parameters` declares, and call variables, are filled in, URL-encoded. */
  url: string;
  method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** Secrets filled in already; otherwise templates too. */
  headers: Readonly<Record<string, string>>;
  timeoutMs: number;
  confirm: boolean;
}

export interface HttpToolParts {
  fetch: (request: Request) => Promise<Response>;
  /** Addresses of a host name. */
  resolve: (host: string) => Promise<string[]>;
  /** Call variables by name: `caller`, `called`, `now`, `today`, `vars.x`. */
  variable: (name: string) => string;
}

/** What is read of an answer. */
const ANSWER_LIMIT_BYTES = 8192;

export function httpTool(spec: HttpToolSpec, parts: HttpToolParts): Tool {
  const { name, description, parameters, method, timeoutMs, confirm } = spec;
  return {
    schema: { name, description, parameters },
    sideEffect: method !== "GET",
    confirm,
    timeoutMs,
    run: (args, signal) => ask(spec, parts, { args, signal }),
  };
}

async function ask(spec: HttpToolSpec, parts: HttpToolParts, { args, signal }: {
  args: Record<string, unknown>;
  signal: AbortSignal;
}): Promise<string | undefined> {
  const valueOf = valuesOf(spec, args, parts.variable);
  const url = fillUrl(spec.url, valueOf);
  const headers = Object.entries(spec.headers).map(([name, value]) => [name, fill(value, valueOf)] as const);
  await refusePrivate(new URL(spec.url.replace(/\{\{[^}]*\}\}/g, "x")).hostname, url, parts.resolve);
  const carriesBody = spec.method === "POST" || spec.method === "PUT" || spec.method === "PATCH";
  const response = await parts.fetch(
    new Request(url, {
      method: spec.method,
      headers: {
        accept: "application/json, text/plain",
        ...(carriesBody ? { "content-type": "application/json" } : {}),
        ...Object.fromEntries(headers), // a line break in one is refused
      },
      redirect: "manual",
      signal,
      ...(carriesBody ? { body: JSON.stringify(args) } : {}),
    }),
  ).catch((error) => {
    throw new TypeError(whyUnanswered(error));
  });
  if (response.status >= 300 && response.status < 400) {
    await response.body?.cancel();
    throw new Error(`The server answered with a redirect (${response.status}), which is not followed.`);
  }
  const { text, cut } = await readSome(response);
  if (!response.ok) throw new Error(`The server answered HTTP ${response.status}${text && `: ${text.slice(0, 300)}`}`);
  return cut ? `${text}… (cut at ${ANSWER_LIMIT_BYTES} bytes)` : text || undefined;
}

/** What stands for a placeholder. What the configuration does not call an argument is none: a model does not say who calls. */
function valuesOf(
  { parameters: { properties } }: HttpToolSpec,
  args: Record<string, unknown>,
  variable: (name: string) => string,
): (name: string) => string {
  const isArgument = (name: string) => isObject(properties) && Object.hasOwn(properties, name);
  return (name) => {
    const value = isArgument(name) && Object.hasOwn(args, name) ? args[name] : variable(name);
    return typeof value === "object" ? JSON.stringify(value) : String(value ?? "");
  };
}

function fill(template: string, valueOf: (name: string) => string): string {
  return template.replace(/\{\{\s*([A-Za-z0-9_.-]+)\s*\}\}/g, (_, name: string) => valueOf(name));
}

/** Arguments and variables in their places; whatever they hold, they stay within their part of the URL. */
function fillUrl(template: string, valueOf: (name: string) => string): URL {
  const filled = fill(template, (name) => encodeURIComponent(valueOf(name)));
  // No encoding helps against a segment of dots: every reader of URLs takes it for the parent folder. And an empty one means all of them.
  const own = segmentsOf(template);
  if (segmentsOf(filled).some((segment, at) => /^\.{0,2}$/.test(segment) && segment !== own[at])) {
    throw new Error("An argument may neither be empty nor a step in the path.");
  }
  return new URL(filled);
}

function segmentsOf(url: string): string[] {
  return url.split(/[?#]/)[0]!.split("/");
}

/** The configured host only, and none that leads into the private network: a name may point anywhere. */
async function refusePrivate(configuredHost: string, url: URL, resolve: HttpToolParts["resolve"]): Promise<void> {
  if (url.hostname !== configuredHost) throw new Error("The arguments may not change the host.");
  if (isLoopbackHost(configuredHost)) return; // named so by the configuration's author
  const addresses = /^[\d.]+$|^\[/.test(url.hostname)
    ? [url.hostname.replace(/^\[|\]$/g, "")]
    : await resolve(url.hostname);
  if (!addresses.every(isPublicAddress)) {
    throw new Error(`${url.hostname} is at a private address, which tools may not reach.`);
  }
}

async function readSome(response: Response): Promise<{ text: string; cut: boolean }> {
  const decoder = new TextDecoder();
  let text = "";
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    const room = ANSWER_LIMIT_BYTES - bytes;
    text += decoder.decode(chunk.subarray(0, room), { stream: true });
    bytes += chunk.length;
    if (bytes > ANSWER_LIMIT_BYTES) return { text, cut: true }; // leaving the loop closes the connection
  }
  return { text, cut: false };
}
