/** `serve` in a process whose event loop is held up on purpose: arguments are ms of each stall and seconds between them. */

import { serve } from "../../lib/serve.ts";

const [stallMs = 130, everySeconds = 10] = Deno.args.map(Number);
const never = new Int32Array(new SharedArrayBuffer(4));

function stallAt(atMs: number): void {
  setTimeout(() => {
    Atomics.wait(never, 0, 0, stallMs); // stands still without using the core
    stallAt(atMs + everySeconds * 1000);
  }, atMs - performance.now());
}

stallAt(performance.now() + everySeconds * 1000);
Deno.exit(await serve({ lines: { print: (line) => console.error(line.trimEnd()) }, flags: {} }));
