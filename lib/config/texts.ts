/** `${SECRET_X}` in what the agent is told and in what it says. Pure. */

import type { CallConfig } from "./types.ts";

/** Elsewhere `${…}` is refused where it names no secret; a prompt may hold it as any other text. */
const SECRET = /\$\{(SECRET_[A-Za-z0-9_]+)\}/g;

/** The secrets that a text asks for. */
export function secretsOfText(text: string): string[] {
  return [...text.matchAll(SECRET)].map((match) => match[1]!);
}

/** `call` with the secrets in its prompt and lines; one that does not exist becomes empty (`checkCall` has refused it). */
export function fillTexts(call: CallConfig, secrets: Readonly<Record<string, string>>): CallConfig {
  const fill = (text: string) => text.replace(SECRET, (_, name: string) => secrets[name] ?? "");
  const line = <L extends { text?: string }>(one: L): L =>
    one.text === undefined ? one : { ...one, text: fill(one.text) };
  const { fillers, ...single } = call.lines;
  const lines = Object.fromEntries(Object.entries(single).map(([name, one]) => [name, line(one)])) as typeof single; // the same names
  return {
    ...call,
    prompt: fill(call.prompt),
    ...(call.greeting && { greeting: line(call.greeting) }),
    lines: { ...lines, fillers: fillers.map(line) },
    routes: call.routes.map(line),
    tools: call.tools.map((tool) =>
      "whileWaiting" in tool && tool.whileWaiting ? { ...tool, whileWaiting: line(tool.whileWaiting) } : tool
    ),
  };
}
