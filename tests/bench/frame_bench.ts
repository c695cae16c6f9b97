/** Nanoseconds of the 20 ms path: a frame up, a frame down, one step of the machine, one action of the fence. */

import { FRAME_BYTES } from "../../lib/audio/frame.ts";
import { systemClock } from "../../lib/base/clock.ts";
import type { Wire, WireEvents } from "../../lib/base/wire.ts";
import { type CallState, step } from "../../lib/call/machine.ts";
import { Fence } from "../../lib/engine/fence.ts";
import { Outbound, parseTwilio } from "../../lib/phone/messages.ts";
import { Pacer } from "../../lib/phone/pacer.ts";
import { Playout } from "../../lib/phone/playout.ts";
import { TwilioLeg } from "../../lib/phone/twilio_leg.ts";
import { FrameStamp, UP } from "./frames.ts";

const streamSid = `MZ${"1".repeat(32)}`;
const stamp = new FrameStamp();
stamp.write(UP, { call: 1, reply: 0, index: 7, count: 0, sentMs: 1 });
const audio = stamp.bytes.slice();
const second = new Uint8Array(50 * FRAME_BYTES).fill(0x55);

const mediaOf = (timestampMs: number) =>
  `{"event":"media","sequenceNumber":"9","media":{"track":"inbound","chunk":"8","timestamp":"${timestampMs}","payload":"${stamp.base64()}"},"streamSid":"${streamSid}"}`;
const START = JSON.stringify({
  event: "start",
  streamSid,
  start: { callSid: "CA1", mediaFormat: { encoding: "audio/x-mulaw", sampleRate: 8000, channels: 1 } },
});
const media = mediaOf(140);
const disordered = JSON.stringify({ streamSid, event: "media", media: { timestamp: "140", payload: stamp.base64() } });

/** A leg on a wire that swallows everything, and the wire's listener. */
function startedLeg(): { leg: TwilioLeg; events: WireEvents } {
  let events: WireEvents | undefined;
  const wire: Wire = {
    bufferedBytes: 0,
    send() {},
    close() {},
    terminate() {},
    listen: (listener) => void (events = listener),
  };
  const leg = new TwilioLeg({ wire, clock: systemClock, pacer: new Pacer(systemClock), leadMs: 200 });
  events!.text(START);
  leg.connect(() => {});
  return { leg, events: events! };
}

Deno.bench("up: parse one media message", { group: "up", baseline: true }, () => void parseTwilio(media));
Deno.bench("up: parse one of another layout", { group: "up" }, () => void parseTwilio(disordered));
Deno.bench("up: parse, decode and deliver, 50 frames", { group: "up" }, (b) => {
  const { leg, events } = startedLeg();
  const messages = Array.from({ length: 50 }, (_, i) => mediaOf(i * 20));
  b.start();
  for (const message of messages) events.text(message);
  b.end();
  leg.hangUp();
});

const out = new Outbound(streamSid);
Deno.bench("down: one frame to JSON", { group: "down", baseline: true }, () => void out.media(audio));
Deno.bench("down: playout, 50 frames in 50 takes, with marks", { group: "down" }, (b) => {
  const playout = new Playout();
  playout.push(1, second);
  playout.end(1);
  b.start();
  for (let ms = 0; ms < 1000; ms += 20) playout.take(ms, 0);
  b.end();
});
Deno.bench("down: playout and JSON, 50 frames in 50 takes", { group: "down" }, (b) => {
  const playout = new Playout();
  playout.push(1, second);
  playout.end(1);
  b.start();
  for (let ms = 0; ms < 1000; ms += 20) {
    for (const outgoing of playout.take(ms, 0)) {
      outgoing.kind === "mark" ? out.mark(outgoing.name) : out.media(outgoing.bytes);
    }
  }
  b.end();
});

const speaking: CallState = { kind: "speaking", reply: 3, prompts: 0 };
Deno.bench("machine: the caller interrupts", () => void step(speaking, { kind: "caller-spoke", interrupts: true }));
Deno.bench("machine: an event without effect", () => void step(speaking, { kind: "reply-heard", reply: 2 }));

let replies = 0;
const fence = new Fence(() => ++replies);
fence.audio(second);
Deno.bench("fence: one chunk passes", () => void fence.audio(second));
Deno.bench("fence: up, down and a new reply", () => {
  fence.callerStarted();
  fence.callerText();
  fence.audio(second);
});
