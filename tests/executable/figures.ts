/** What README tells of the executable: its size, its cold start, what it holds when idle. `deno run -A tests/executable/figures.ts` */

import { sleep, systemClock } from "../../lib/base/clock.ts";
import { emptyDirectory, EXECUTABLE, startServer } from "./harness.ts";

const STARTS = 5;
/** The worker that speaks lines without a recording ends 60 s after the last of them. */
const SETTLE_MS = 75_000;

function residentMegabytes(pid: number): number {
  const kilobytes = /^VmRSS:\s+(\d+) kB$/m.exec(Deno.readTextFileSync(`/proc/${pid}/status`))![1];
  return Math.round(Number(kilobytes) / 1024);
}

using empty = emptyDirectory();
const starts: number[] = [];
let idle = 0;
for (let i = 0; i < STARTS; i++) {
  await using server = await startServer(EXECUTABLE, { cwd: empty.path });
  starts.push(server.coldStartMs);
  if (i === STARTS - 1) {
    await sleep(systemClock, SETTLE_MS);
    idle = residentMegabytes(server.pid);
  }
  await server.stop("SIGTERM");
}
starts.sort((a, b) => a - b);
const [least, median] = [starts[0]!, starts[Math.floor(STARTS / 2)]!].map(Math.round);
const size = (Deno.statSync(EXECUTABLE.command).size / 1e6).toFixed(1);
console.log(
  `size ${size} MB, cold start to the first /health ${median} ms (median of ${STARTS}, least ${least}), idle ${idle} MB`,
);
