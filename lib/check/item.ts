/** What `check` finds about one thing: how it stands, what was seen, what to do. Pure. */

/** `rehearsal`: not set, so a stand-in plays it. */
export type CheckState = "ok" | "warn" | "WRONG" | "rehearsal";

export interface CheckItem {
  /** A variable, a key of the configuration, a phone number, or a thing such as `port 5000`. */
  name: string;
  state: CheckState;
  finding: string;
  /** Empty where there is nothing to do. */
  remedy: string;
}

export function fine(name: string, finding: string): CheckItem {
  return { name, state: "ok", finding, remedy: "" };
}

export function warn(name: string, finding: string, remedy: string): CheckItem {
  return { name, state: "warn", finding, remedy };
}

export function wrong(name: string, finding: string, remedy: string): CheckItem {
  return { name, state: "WRONG", finding, remedy };
}

export function standIn(name: string, finding: string, remedy: string): CheckItem {
  return { name, state: "rehearsal", finding, remedy };
}

export interface CheckReport {
  ok: boolean;
  mode: "live" | "rehearsal";
  items: CheckItem[];
  /** Where each value of the configuration comes from, by dotted path. */
  origins: Record<string, string>;
}

const NAME_LIMIT = 34;
const LINE_LIMIT = 118;

/** The report for people: where values come from, then a row for each item, longer texts wrapped below their own column. */
export function formatReport({ ok, mode, items, origins }: CheckReport): string {
  const width = Math.min(NAME_LIMIT, Math.max(...items.map(({ name }) => name.length)));
  const indent = " ".repeat(11 + width);
  const rows = items.flatMap(({ name, state, finding, remedy }) => [
    ...wrap(`${state.padEnd(9)}  ${name.padEnd(width)}  `, finding, indent),
    ...(remedy ? wrap(`${indent}  `, remedy, indent) : []),
  ]);
  const count = (state: CheckState) => items.filter((item) => item.state === state).length;
  const verdict = mode === "rehearsal"
    ? "Rehearsal: what is not set is played by stand-ins."
    : "Live: real callers are answered.";
  const sum = `${count("WRONG")} wrong, ${count("warn")} to look at. ${verdict}${ok ? "" : " Not ready."}`;
  return [...originLines(origins), ...rows, "", sum].join("\n");
}

/** The values that are no defaults, grouped by where they come from. The values themselves are not shown: some are secret. */
function originLines(origins: Record<string, string>): string[] {
  const sources = new Map<string, string[]>();
  for (const [path, origin] of Object.entries(origins)) {
    if (origin === "default" || origin === "environment") continue; // the latter only says that this is no rehearsal
    // Of a file only the sections: it says the rest itself.
    const shown = origin.startsWith("environment ") ? path : path.split(".").slice(0, 2).join(".");
    sources.set(origin, [...new Set([...sources.get(origin) ?? [], shown])]);
  }
  const lines = [...sources].flatMap(([origin, paths]) => wrap(`${origin}: `, paths.join(", "), "  "));
  const others = Object.values(origins).includes("default") ? "; all others are defaults" : "";
  return lines.length === 0 ? [] : [`Where values come from${others}:`, ...lines, ""];
}

function wrap(head: string, text: string, indent: string): string[] {
  const lines: string[] = [];
  let line = head;
  let begun = false;
  for (const word of text.split(/\s+/).filter(Boolean)) {
    if (begun && line.length + 1 + word.length > LINE_LIMIT) {
      lines.push(line);
      line = `${indent}  `;
      begun = false;
    }
    line += begun ? ` ${word}` : word;
    begun = true;
  }
  return [...lines, line.trimEnd()];
}
