/** One text -> one piece of audio, by Deepgram's plain request: for prompts that are kept. Deepgram reference, section 5.2. */

import type { Clock } from "../base/clock.ts";
import { parseJson } from "../base/json.ts";
import { failed, type Fault, FaultError, ok, type Result, whyUnanswered } from "../base/result.ts";
import { withParameters } from "./deepgram_socket.ts";
import { type SpeakProvider, speakUrl } from "./deepgram_speak.ts";
import { within } from "./within.ts";

const PEER = "deepgram-speak";
/** Longest wait for the whole audio, ms. */
const RENDER_DEADLINE_MS = 15_000;

export interface RenderOptions {
  fetch: (request: Request) => Response | Promise<Response>;
  clock: Clock;
  /** `https://api.deepgram.com/v1/speak` or another address of it, without query. */
  url: string;
  key: string;
  provider: SpeakProvider;
}

/**
 * Raw G.711 mu-law at 8 kHz of `text`, without any header. Faults: refused, unreachable, deadline, protocol (an empty or
 * a WAV answer). @throws `signal.reason` on abort.
 */
export async function renderDeepgram(
  { fetch, clock, url, key, provider }: RenderOptions,
  text: string,
  signal: AbortSignal,
): Promise<Result<Uint8Array>> {
  signal.throwIfAborted();
  const closing = new AbortController();
  // As the voice is asked on a call, and without a container: mu-law would come in a WAV.
  const request = new Request(withParameters(speakUrl(url, provider), { container: "none" }), {
    method: "POST",
    headers: { "authorization": `Token ${key}`, "content-type": "application/json" },
    body: JSON.stringify({ text }),
    signal: closing.signal,
  });
  const late: Fault = { kind: "deadline", peer: PEER, what: "a whole prompt", limitMs: RENDER_DEADLINE_MS };
  try {
    return await within(answerOf(fetch, request), { clock, limitMs: RENDER_DEADLINE_MS, late, signal });
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof FaultError) return failed(error.fault);
    return failed({ kind: "unreachable", peer: PEER, detail: whyUnanswered(error) });
  } finally {
    closing.abort(); // an answer that is still on its way is not read any further
  }
}

async function answerOf(fetch: RenderOptions["fetch"], request: Request): Promise<Result<Uint8Array>> {
  const response = await fetch(request);
  if (!response.ok) return failed(await refusedBy(response));
  return checkAudio(new Uint8Array(await response.arrayBuffer()));
}

async function refusedBy(response: Response): Promise<Fault> {
  const body = parseJson((await response.text()).slice(0, 2000));
  const { err_msg, message } = Object(body) as { err_msg?: unknown; message?: unknown };
  const detail = [err_msg, message].find((text) => typeof text === "string") ?? "";
  const retryAfterMs = Number(response.headers.get("retry-after") ?? NaN) * 1000;
  return {
    kind: "refused",
    peer: PEER,
    status: response.status,
    detail: detail as string, // `find` above kept strings only
    ...(Number.isFinite(retryAfterMs) ? { retryAfterMs } : {}),
  };
}

function checkAudio(audio: Uint8Array): Result<Uint8Array> {
  const isWav = new TextDecoder("latin1").decode(audio.subarray(0, 4)) === "RIFF";
  if (isWav) {
    return failed({ kind: "protocol", peer: PEER, detail: "a WAV file came although container=none was asked" });
  }
  if (audio.length === 0) return failed({ kind: "protocol", peer: PEER, detail: "the audio is empty" });
  return ok(audio);
}
