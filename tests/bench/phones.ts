/** A process of N phones that talk without a pause, all on one absolute 20 ms schedule. Started by `main.ts`. */

import { FRAME_BYTES, FRAME_MS, SILENCE } from "../../lib/audio/frame.ts";
import { FrameStamp, UP } from "./frames.ts";
import { Histogram } from "./histogram.ts";
import { clockOffset, machineMs } from "./machine_clock.ts";
import { type Arrival, type Heard, PhoneLine } from "./phone_line.ts";
import { RawSocket } from "./raw_socket.ts";
import { orders, type PhonesResult, tell, type Window } from "./talk.ts";

/** Given as the one argument, in JSON. */
export interface PhonesPlan {
  url: string;
  phones: number;
  /** Of the process whose clock is to be used: see `serveClock`. */
  clockPort: number;
  /** New calls a second. */
  perSecond: number;
  /** The caller speaks so long in every period and is silent between; without it, always. Phones take turns. */
  talk?: { speakMs: number; periodMs: number };
}

/** A pause of our own loop longer than this makes what came meanwhile uncertain. */
const SLEPT_MS = 5;
/** Frames that one wake may catch up: more and the schedule gives way. */
const CATCH_UP = 1000;

/** After the last frame was sent, a server that is behind may still deliver: late is not lost. */
const ARRIVE_MS = 2000;

interface Phone {
  call: number;
  streamSid: string;
  line: PhoneLine;
  socket: RawSocket | undefined;
  /** Frames, and those of them that hold speech. */
  frames: number;
  sent: number;
}

const plan = JSON.parse(Deno.args[0]!) as PhonesPlan;
const clock = await clockOffset(plan.clockPort);
const nowMs = () => machineMs() + clock.offsetMs;

const heard: Heard = {
  firstFrame: new Histogram(),
  jitter: new Histogram(),
  late: new Histogram(),
  frames: 0,
  measuredFrames: 0,
  messages: 0,
  marks: 0,
  altered: 0,
  alteredAt: [],
  own: 0,
  stale: 0,
  underruns: 0,
  uncertain: 0,
  underrunMs: 0,
  emptyHanded: 0,
  underrunsAt: [],
  starved: 0,
  odd: 0,
};
const lag = new Histogram();
const dropped: { call: number; why: string }[] = [];
const stamp = new FrameStamp();
const phones = Array.from({ length: plan.phones }, (_, call): Phone => ({
  call,
  streamSid: `MZ${(call + 1).toString(16).padStart(32, "0")}`,
  line: new PhoneLine(call, heard),
  socket: undefined,
  frames: 0,
  sent: 0,
}));

let window: Window = { fromMs: Infinity, untilMs: Infinity };
let sleptFromMs = 0;
let awakeMs = nowMs();
let sleptUntilMs = 0;
let sending = true;

const measured = (ms: number) => ms >= window.fromMs && ms < window.untilMs;

/** Notes that we run now. After a pause of ours, what came in it came somewhen between. */
function wake(): number {
  const ms = nowMs();
  if (ms - awakeMs > SLEPT_MS) [sleptFromMs, sleptUntilMs] = [awakeMs, ms];
  return awakeMs = ms;
}

function arrival(): Arrival {
  const ms = wake();
  return { ms, sinceMs: ms - sleptUntilMs < SLEPT_MS ? sleptFromMs : ms, measured: measured(ms) };
}

async function ring(phone: Phone): Promise<void> {
  const { call, streamSid, line } = phone;
  const socket = await RawSocket.open(new URL(plan.url), {
    text: (text) => line.message(text, arrival()),
    lost(why) {
      phone.socket = undefined;
      dropped.push({ call, why });
    },
  });
  socket.send('{"event":"connected","protocol":"Call","version":"1.0.0"}');
  socket.send(JSON.stringify({
    event: "start",
    sequenceNumber: "1",
    start: {
      accountSid: `AC${"0".repeat(32)}`,
      streamSid,
      callSid: `CA${call.toString(16).padStart(32, "0")}`,
      tracks: ["inbound"],
      mediaFormat: { encoding: "audio/x-mulaw", sampleRate: 8000, channels: 1 },
      customParameters: {},
    },
    streamSid,
  }));
  phone.socket = socket;
}

const SILENCE64 = new Uint8Array(FRAME_BYTES).fill(SILENCE).toBase64();

/** Whether it holds speech: the frame that is numbered `frames`. */
function speaks({ call, frames }: Phone): boolean {
  if (!plan.talk) return true;
  const { speakMs, periodMs } = plan.talk;
  return (frames * FRAME_MS + call * periodMs / plan.phones) % periodMs < speakMs;
}

function speak(phone: Phone, dueMs: number): void {
  if (!phone.socket) return;
  const isSpeech = speaks(phone);
  const index = phone.frames++;
  const ms = wake();
  if (measured(ms)) lag.add(Math.max(0, ms - dueMs));
  if (isSpeech) stamp.write(UP, { call: phone.call, reply: 0, index: phone.sent++, count: 0, sentMs: ms });
  const payload = isSpeech ? stamp.base64() : SILENCE64;
  phone.socket.send(
    `{"event":"media","sequenceNumber":"${index + 2}","media":{"track":"inbound","chunk":"${index + 1}","timestamp":"${
      index * FRAME_MS
    }","payload":"${payload}"},"streamSid":"${phone.streamSid}"}`,
  );
  for (const name of phone.line.played(ms)) {
    phone.socket.send(
      `{"event":"mark","sequenceNumber":"0","streamSid":"${phone.streamSid}","mark":{"name":"${name}"}}`,
    );
  }
}

const startMs = nowMs();
let slot = 0;

/** Slot k is call k modulo N: all calls are spread over the 20 ms. */
function runSchedule(): void {
  if (!sending) return;
  const dueMs = () => startMs + slot * FRAME_MS / plan.phones;
  const ms = wake();
  for (let caughtUp = 0; dueMs() <= ms && caughtUp < CATCH_UP; caughtUp++, slot++) {
    speak(phones[slot % plan.phones]!, dueMs());
  }
  setTimeout(runSchedule, Math.max(0, Math.ceil(dueMs() - nowMs())));
}

async function ringAll(): Promise<void> {
  const rung: Promise<void>[] = [];
  for (const phone of phones) {
    rung.push(
      ring(phone).catch((error) =>
        void dropped.push({ call: phone.call, why: error instanceof Error ? error.message : String(error) })
      ),
    );
    await new Promise((resolve) => setTimeout(resolve, 1000 / plan.perSecond));
  }
  await Promise.all(rung);
  tell({ kind: "up", dropped });
}

function hangUpAll(): void {
  for (const { socket, streamSid } of phones) {
    socket?.send(
      `{"event":"stop","sequenceNumber":"9","streamSid":"${streamSid}","stop":{"accountSid":"AC","callSid":"CA"}}`,
    );
    socket?.close();
  }
}

async function result(): Promise<PhonesResult> {
  const { firstFrame, jitter, late, ...counts } = heard;
  const again = await clockOffset(plan.clockPort);
  return {
    kind: "result",
    sent: phones.map(({ sent }) => sent),
    replies: phones.flatMap(({ call, line }) =>
      [...line.replies].map(([reply, { sequence, count }]) => {
        const { next, lost, duplicated, reordered } = sequence;
        return { call, reply, next, count, lost, duplicated, reordered };
      })
    ),
    clears: phones.flatMap(({ call, line }) => line.clears.map((clear) => ({ call, ...clear }))),
    heard: counts,
    durations: { firstFrame, jitter, late, lag },
    dropped,
    clock: { ...clock, driftMs: again.offsetMs - clock.offsetMs },
  };
}

runSchedule();
ringAll().catch((error) => tell({ kind: "failed", why: String(error) }));

for await (const order of orders()) {
  if (order.kind === "measure") window = order;
  if (order.kind !== "stop") continue;
  sending = false;
  await new Promise((resolve) => setTimeout(resolve, ARRIVE_MS));
  tell(await result());
  hangUpAll();
  await new Promise((resolve) => setTimeout(resolve, 300));
  break;
}
Deno.exit(0);
