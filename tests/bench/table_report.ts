/** The table of speed in words, and a chart of how far each figure is from what is asked for. Pure. */

import { median } from "./report.ts";
import { judged, type Line, valueOf } from "./rows.ts";

const HEAD = ["", "ours", "least-most", "peer", "firm", "aim", "met"];

/** One line for each figure: the median of the rounds, their span, the peer's median, the limits. */
export function speedTable(lines: readonly Line[]): string {
  const rows = [HEAD, ...lines.map(cells)];
  const widths = HEAD.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  return rows
    .map((row) => row.map((cell, i) => i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!)).join("  "))
    .map((row) => row.trimEnd())
    .join("\n");
}

function cells(line: Line): string[] {
  const { title, unit, digits, ours, peer, firm, aim, more } = line;
  const number = (value: number | null | undefined) =>
    value === null || value === undefined ? "-" : value.toFixed(digits);
  const limit = (value: number | undefined) => value === undefined ? "" : `${more ? ">= " : ""}${value}`;
  return [
    unit ? `${title}, ${unit}` : title,
    number(valueOf(line)),
    ours.length < 2 ? "" : `${number(Math.min(...ours))}-${number(Math.max(...ours))}`,
    peer.length === 0 ? "" : number(median(peer)),
    limit(firm),
    limit(aim),
    judged(line),
  ];
}

const BAR_COLUMNS = 30;
const FULL_AT = 2;

/** How much of what is allowed each figure takes: the bar's mark is at the firm limit. */
export function speedChart(lines: readonly Line[]): string {
  const limited = lines.filter(({ firm }) => firm !== undefined && firm > 0);
  const width = Math.max(0, ...limited.map(({ title }) => title.trim().length));
  const bars = limited.map((line) => {
    const value = valueOf(line);
    const title = line.title.trim().padEnd(width);
    if (value === null) return `${title} -`;
    const part = line.more ? line.firm! / Math.max(value, 1e-9) : value / line.firm!;
    const columns = Math.min(BAR_COLUMNS, Math.max(0, Math.round(part / FULL_AT * BAR_COLUMNS)));
    const bar = ("█".repeat(columns) + "·".repeat(BAR_COLUMNS - columns)).split("");
    bar[BAR_COLUMNS / FULL_AT] = "|";
    return `${title} ${bar.join("")} ${part < 10 ? (part * 100).toFixed(0) : "> 999"} %`;
  });
  return ["of the firm limit (|), shorter is better", ...bars].join("\n");
}
