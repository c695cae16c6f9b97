/** `offhook call`: the softphone with a real clock, real sockets and the terminal. */

import { localVoice } from "./audio/voice.ts";
import { systemClock } from "./base/clock.ts";
import { isLoopbackHost } from "./base/url.ts";
import type { Terminal } from "./base/usage.ts";
import { type ConfigNote, describeNotes } from "./config.ts";
import { environment, readDotenv } from "./load.ts";
import { variable, whyNotRead, whyNotWritten } from "./permissions.ts";
import { perPress } from "./presses.ts";
import { socketKind, vendorDial } from "./providers/socket.ts";
import { runCallCommand } from "./softphone/cli.ts";
import type { TurnRecord } from "./softphone/report.ts";

export async function call(args: string[], { print, printError }: Terminal): Promise<number> {
  const unread: ConfigNote[] = [];
  const env = environment(readDotenv(unread));
  if (unread.length > 0) printError(describeNotes(unread));
  await using voice = localVoice({ clock: systemClock });
  const hangUp = new AbortController();
  const giveUp = new AbortController();
  const onSignal = perPress(() => hangUp.signal.aborted ? giveUp.abort() : hangUp.abort(), systemClock);
  Deno.addSignalListener("SIGINT", onSignal);
  try {
    return await runCallCommand({
      args,
      env,
      clock: systemClock,
      dial: vendorDial({ clock: systemClock, kind: socketKind("auto") }),
      fetch,
      voice,
      stdin: typedLines(),
      print,
      printError,
      readFile: (path) => Deno.readFile(path).catch((error) => Promise.reject(new Error(whyNotRead(error)))),
      writeFile: (path, bytes) => explained(Deno.writeFile(path, bytes)),
      tryWriting: (path) => explained(tryWriting(path)),
      isTerminal: Deno.stdin.isTerminal() && Deno.stderr.isTerminal(),
      hangUp: hangUp.signal,
      giveUp: giveUp.signal,
      colours: Deno.stdout.isTerminal() && !variable("NO_COLOR"),
      lookup: askTurns,
    });
  } finally {
    Deno.removeSignalListener("SIGINT", onSignal);
  }
}

/** @throws Error that says why the file cannot be written, and what to do. */
async function explained(writing: Promise<void>): Promise<void> {
  await writing.catch((error) => Promise.reject(new Error(whyNotWritten(error))));
}

/** Open the file for writing, and leave all as it was. */
async function tryWriting(path: string): Promise<void> {
  try {
    (await Deno.open(path, { write: true, createNew: true })).close();
  } catch (error) {
    if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
    return (await Deno.open(path, { write: true })).close();
  }
  await Deno.remove(path);
}

async function* typedLines(): AsyncGenerator<string> {
  let rest = "";
  for await (const text of Deno.stdin.readable.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + text).split("\n");
    rest = lines.pop()!;
    yield* lines;
  }
  if (rest) yield rest;
}

/** Where the time of each answer went, if the server is on this machine and says so. */
async function askTurns(url: string, callSid: string): Promise<TurnRecord[] | undefined> {
  if (!isLoopbackHost(new URL(url).hostname)) return undefined;
  try {
    const response = await fetch(new URL(`/phone/turns?call=${callSid}`, url), { signal: AbortSignal.timeout(2000) });
    return response.ok ? await response.json() as TurnRecord[] : void await response.body?.cancel();
  } catch {
    return undefined; // another server, or none any more: the table does without
  }
}
