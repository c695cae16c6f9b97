/** A process that records one endless call and says what it has observed, until it is killed. */

import { systemClock } from "../../lib/base/clock.ts";
import { Store } from "../../lib/store.ts";
import { conversation } from "../store/make.ts";

const [path] = Deno.args;
const store = new Store({
  path: path!,
  clock: systemClock,
  privacy: () => ({ transcripts: true, keepDays: 30 }),
  report: (report) => console.error(JSON.stringify(report)),
  process: "child",
});
conversation({ id: "call-live", startedAt: new Date().toISOString() }).slice(0, 2).forEach(store.observe);
const said = new TextEncoder();
for (let n = 0;; n++) {
  const atMs = performance.now();
  store.observe({
    call: "call-live",
    atMs,
    kind: "caller-text",
    text: `utterance ${n} ${"word ".repeat(20)}`,
    final: true,
  });
  Deno.stdout.writeSync(said.encode(`${n} ${atMs}\n`));
  await new Promise((resolve) => setTimeout(resolve, 5));
}
