/** What the store costs: the longest write while 50 calls run, and commands on 10,000 kept calls. Run it with `deno run -A`. */

import { recordCommand } from "../../lib/calls_command.ts";
import { CALLS_FILE } from "../../lib/store/place.ts";
import { systemClock } from "../../lib/base/clock.ts";
import { Store } from "../../lib/store.ts";
import { SqliteBackend } from "../../lib/store/sqlite.ts";
import { conversation, folder } from "../store/make.ts";

const CALLS = 10_000;
using dir = folder();
const path = `${dir.path}/${CALLS_FILE}`;

const writes: number[] = [];
const write = SqliteBackend.prototype.write;
SqliteBackend.prototype.write = function (...batch) {
  const startMs = performance.now();
  write.apply(this, batch);
  writes.push(performance.now() - startMs);
};
const store = new Store({
  path,
  clock: systemClock,
  privacy: () => ({ transcripts: true, keepDays: 30 }),
  report: (report) => console.error(report),
  process: "bench",
});
let observedMs = 0;
let observed = 0;
for (let n = 0; n < CALLS; n++) {
  const startedAt = new Date(Date.now() - (CALLS - n) * 60_000).toISOString();
  const from = `+1555${String(n % 500).padStart(7, "0")}`;
  const notices = conversation({ id: `call-${n.toString(16).padStart(12, "0")}`, startedAt, from });
  const startMs = performance.now();
  notices.forEach(store.observe);
  observedMs += performance.now() - startMs;
  observed += notices.length;
  // As 50 calls do in half a second: about 150 notices at once.
  if (n % 8 === 7) store.flush();
}
store.flush();
const sorted = writes.toSorted((a, b) => a - b);
const at = (share: number) => sorted[Math.floor((sorted.length - 1) * share)]!.toFixed(2);
console.log(`observe: ${(observedMs * 1000 / observed).toFixed(2)} us a notice`);
console.log(
  `write of ~150 notices: median ${at(0.5)} ms, 99% ${at(0.99)} ms, longest ${at(1)} ms (${writes.length} writes)`,
);
console.log(`file: ${(Deno.statSync(path).size / 1e6).toFixed(1)} MB for ${CALLS} calls`);

const timed = async (name: "calls" | "show" | "forget", ...args: string[]) => {
  let lines = 0;
  const startMs = performance.now();
  const code = await recordCommand(name, args, {
    env: { DATA_DIR: dir.path },
    fetch,
    now: () => new Date(),
    print: () => lines++,
    printError: console.error,
    isTerminal: false,
    confirm: () => true,
  });
  console.log(
    `${[name, ...args].join(" ")}: ${(performance.now() - startMs).toFixed(1)} ms (exit ${code}, ${lines} lines)`,
  );
};
await timed("calls");
await timed("calls", "--live");
await timed("calls", "--outcome", "caller-hung-up", "--since", "24h", "--limit", "10000");
await timed("calls", "--number", "+15550000007");
await timed("show", "last");
await timed("show", "call-0000000003e7");
await timed("forget", "+15550000007", "--yes");
store[Symbol.dispose]();
