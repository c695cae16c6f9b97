/** What a process holds: memory, and open handles by kind, from /proc; and how that grows with calls. */

/** One look at the server. Memory in bytes; 0 where there is no /proc. */
export interface Sample {
  /** Calls that had ended. */
  calls: number;
  seconds: number;
  rss: number;
  heapUsed: number;
  heapTotal: number;
  external: number;
  handles: Record<string, number>;
}

/** Resident memory, bytes. */
export function residentBytes(pid: number): number {
  try {
    return 1024 * Number(/^VmRSS:\s+(\d+) kB/m.exec(Deno.readTextFileSync(`/proc/${pid}/status`))?.[1] ?? 0);
  } catch {
    return 0;
  }
}

/** Open files of a process, by kind: `socket`, `pipe`, `file`, `eventpoll`, ... */
export function openHandles(pid: number): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const target of targets(`/proc/${pid}/fd`)) {
    const kind = target.startsWith("/") ? "file" : target.replace(/^anon_inode:/, "").split(":")[0]!.replace(/\W/g, "");
    counts[kind] = (counts[kind] ?? 0) + 1;
  }
  return counts;
}

function targets(folder: string): string[] {
  try {
    return [...Deno.readDirSync(folder)].flatMap(({ name }) => {
      try {
        return [Deno.readLinkSync(`${folder}/${name}`)];
      } catch {
        return []; // closed meanwhile
      }
    });
  } catch {
    return [];
  }
}

/** How `y` grows with each `x`, by least squares; 0 where `x` does not change, or of no points. */
export function slope(points: readonly { x: number; y: number }[]): number {
  const meanX = points.reduce((sum, { x }) => sum + x, 0) / points.length;
  const meanY = points.reduce((sum, { y }) => sum + y, 0) / points.length;
  const across = points.reduce((sum, { x }) => sum + (x - meanX) ** 2, 0);
  return across > 0 ? points.reduce((sum, { x, y }) => sum + (x - meanX) * (y - meanY), 0) / across : 0;
}

/** The point with the least `y` of every `count` in a row; of all, if they are fewer than three times as many. */
export function floor<Point extends { y: number }>(points: readonly Point[], count: number): Point[] {
  if (points.length < 3 * count) return [...points];
  return Array.from(
    { length: Math.floor(points.length / count) },
    (_, n) => points.slice(n * count, (n + 1) * count).reduce((least, point) => point.y < least.y ? point : least),
  );
}

/** The value that a share `rank` of `values` does not exceed; undefined of none. */
export function quantile(values: readonly number[], rank: number): number | undefined {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(rank * sorted.length))];
}
