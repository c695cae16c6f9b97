/** The lines of a call: what it says by itself, whatever its engine does. Pure. */

import type { Line } from "./shape.ts";
import type { CallConfig } from "./types.ts";

/** One of them, where the configuration has it. */
export interface CallLine {
  /** In messages: `lines.fillers[0]`, `routes[2]`. */
  key: string;
  /** Of its recording, where it names no other: `fillers_0`, the route's or the tool's own. */
  name: string;
  /** A route may have a recording only. */
  text?: string;
  audio?: string;
}

/** Every line that `call` may say, as far as its sections could be read. */
export function linesOf({ greeting, routes = [], tools = [], lines }: Partial<CallConfig>): CallLine[] {
  const { fillers = [], ...single } = lines ?? {};
  const named: [key: string, name: string, line: Pick<CallLine, "text" | "audio"> | undefined][] = [
    ["greeting", "greeting", greeting],
    ...Object.entries(single).map(([name, line]): [string, string, Line] => [`lines.${name}`, name, line as Line]), // all but the fillers are lines
    ...fillers.map((line, i): [string, string, Line] => [`lines.fillers[${i}]`, `fillers_${i}`, line]),
    ...routes.map((route, i): [string, string, CallConfig["routes"][number]] => [`routes[${i}]`, route.name, route]),
    ...tools.map(({ name, whileWaiting }, i): [string, string, Line | undefined] => [
      `tools[${i}].whileWaiting`,
      name,
      whileWaiting,
    ]),
  ];
  return named.flatMap(([key, name, line]) => {
    if (!line) return [];
    const { text, audio } = line;
    return [{ key, name, ...(text === undefined ? {} : { text }), ...(audio === undefined ? {} : { audio }) }];
  });
}

/** Whether we play it ourselves: the engine speaks a greeting without a recording, the carrier the busy line. */
export function isPlayed({ key, audio }: CallLine): boolean {
  return key !== "lines.busy" && (key !== "greeting" || audio !== undefined);
}
