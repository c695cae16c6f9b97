/** The server under `deno task soak`: `serve` as it is, and beside it a question over stdin: how large is the heap? */

import { serve } from "../../lib/serve.ts";
import { tell } from "../bench/talk.ts";

const encoder = new TextEncoder();
let told = false;

/** What the server says goes to stderr as always; its first words name the port. */
function print(line: string): void {
  const port = told ? undefined : /http:\/\/localhost:(\d+)/.exec(line)?.[1];
  if (port !== undefined) {
    told = true;
    tell({ kind: "ready", port: Number(port) });
  }
  Deno.stderr.writeSync(encoder.encode(`${line.trimEnd()}\n`));
}

/** Any line asks for the memory; one with "collect" collects garbage first, where the process was started to allow it. */
async function answerQuestions(): Promise<void> {
  for await (const text of Deno.stdin.readable.pipeThrough(new TextDecoderStream())) {
    if (text.includes("collect")) (globalThis as { gc?: () => void }).gc?.();
    const { heapUsed, heapTotal, external } = Deno.memoryUsage();
    tell({ kind: "memory", heapUsed, heapTotal, external });
  }
}

answerQuestions().catch(reportError);
Deno.exit(await serve({ flags: {}, lines: { print } }));
