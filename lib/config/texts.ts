/** `${SECRET_X}` in a call's configuration: in what is told to vendors, and in what is said. Pure. */

import type { CallConfig } from "./types.ts";
import { fillSecrets } from "./variables.ts";

/** Elsewhere `${…}` is refused where it names no secret; a prompt may hold it as any other text. */
const SECRET = /\$\{(SECRET_[A-Za-z0-9_]+)\}/g;

/** The secrets that a text asks for. */
export function secretsOfText(text: string): string[] {
  return [...text.matchAll(SECRET)].map((match) => match[1]!);
}

/**
 * `call` with the secrets in its engines' settings, prompt and lines; one that does not exist becomes empty (`checkCall` has
 * refused it). What tools and `beforeCall` send is filled when it is sent.
 */
export function fillCall(call: CallConfig, secrets: Readonly<Record<string, string>>): CallConfig {
  const fill = (text: string) => text.replace(SECRET, (_, name: string) => secrets[name] ?? "");
  const line = <L extends { text?: string }>(one: L): L =>
    one.text === undefined ? one : { ...one, text: fill(one.text) };
  const { fillers, ...single } = call.lines;
  const lines = Object.fromEntries(Object.entries(single).map(([name, one]) => [name, line(one)])) as typeof single; // the same names
  return {
    ...call,
    agent: withSecrets(call.agent, secrets),
    pipeline: withSecrets(call.pipeline, secrets),
    prompt: fill(call.prompt),
    ...(call.greeting && { greeting: line(call.greeting) }),
    lines: { ...lines, fillers: fillers.map(line) },
    routes: call.routes.map(line),
    tools: call.tools.map((tool) => tool.whileWaiting ? { ...tool, whileWaiting: line(tool.whileWaiting) } : tool),
  };
}

/** `value` with the secrets in every text of it. */
export function withSecrets<T>(value: T, secrets: Readonly<Record<string, string>>): T {
  const fill = (value: unknown): unknown => {
    if (typeof value === "string") return fillSecrets(value, secrets);
    if (Array.isArray(value)) return value.map(fill);
    if (typeof value !== "object" || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, fill(inner)]));
  };
  return fill(value) as T; // only the texts in it change
}
