/** A client of the Voice Agent stand-in for its tests: sends what it is told, keeps what it gets. */

import { FRAME_BYTES, FRAME_MS, FrameCutter, SILENT_FRAME } from "../../lib/audio/frame.ts";
import { TagReader, tagUtterance } from "../../lib/audio/tag.ts";
import { type AgentOptions, type AgentStandIn, agentStandIn } from "../../lib/rehearsal/deepgram_agent.ts";
import type { AgentSession } from "../../lib/rehearsal/agent_session.ts";
import { type Brain, frontDeskBrain } from "../../lib/rehearsal/brain.ts";
import { seeded } from "../case.ts";
import { VirtualClock } from "../sim/clock.ts";
import { simDial } from "../sim/dial.ts";
import { toneVoice } from "../sim/tone_voice.ts";
import { canonical } from "./settings.ts";

// deno-lint-ignore no-explicit-any -- a test reads what it expects there
export type Got = { atMs: number; message?: any; text?: string; bytes?: number };

export interface Client {
  clock: VirtualClock;
  standIn: AgentStandIn;
  session: AgentSession;
  /** Everything that came, in order. */
  got: Got[];
  /** Types of the JSON messages that came since the last call of this, `binary` for a run of audio, in order. */
  types(): string[];
  audioBytes(): number;
  /** All audio that came, replies told apart by their tags; what is stale after a barge-in left out. */
  tags: TagReader;
  closed: { code: number; reason: string } | undefined;
  send(message: unknown): void;
  sendAudio(bytes: Uint8Array): void;
  /** `Settings`, then silence until the greeting is over. */
  ready(change?: (settings: ReturnType<typeof canonical>) => unknown): Promise<void>;
  /** Send audio in real time, 20 ms at a time; without audio, silence for so many ms. */
  hear(audio: Uint8Array | number): Promise<void>;
  /** Say something in tagged audio, in real time. */
  say(text: string): Promise<void>;
  /** Send silence until `done`. */
  until(done: () => boolean, limitMs?: number): Promise<void>;
  find(type: string, nth?: number): Got | undefined;
  close(): Promise<void>;
}

export const deskBrain: Brain = frontDeskBrain({
  name: "Acme",
  routes: [{ name: "pricing", utterances: ["how much is it"], text: "It is ninety dollars. That is all." }],
});

/** Audio so soon after `UserStartedSpeaking` is of the old reply. */
const STALE_MS = 45;

export async function agentClient(options: Partial<AgentOptions> = {}, seed = 1): Promise<Client> {
  const clock = new VirtualClock();
  const random = seeded(seed);
  const standIn = agentStandIn({ clock, random, voice: toneVoice(), think: deskBrain, ...options });
  const dial = simDial(clock, standIn.answer);
  const opened = await dial({
    peer: "deepgram-agent",
    url: "wss://agent.deepgram.com/v1/agent/converse",
    headers: { authorization: "Token key" },
  }, new AbortController().signal);
  if (!opened.ok) throw new Error(JSON.stringify(opened.fault));
  const wire = opened.value;
  const got: Got[] = [];
  const tags = new TagReader();
  let cutter = new FrameCutter();
  let seen = 0;
  let staleUntilMs = -1;
  let sources = 5000;
  const client: Client = {
    ...{ clock, standIn, got, tags, session: standIn.sessions[0]!, closed: undefined },
    types() {
      const fresh = got.slice(seen).map(({ message, bytes, text }) =>
        message?.type ?? (text ? "malformed" : bytes! >= 0 ? "binary" : "")
      );
      seen = got.length;
      return fresh.filter((type, i) => type !== "binary" || fresh[i - 1] !== "binary");
    },
    audioBytes: () => got.reduce((sum, { bytes }) => sum + (bytes ?? 0), 0),
    send: (message) => wire.send(typeof message === "string" ? message : JSON.stringify(message)),
    sendAudio: (bytes) => wire.send(bytes),
    async ready(change) {
      const settings = canonical();
      change?.(settings);
      client.send(settings);
      await clock.runUntil(() => client.find("SettingsApplied") !== undefined, 1000);
      if (settings.agent.greeting) await client.until(() => client.find("AgentAudioDone") !== undefined);
      client.types();
    },
    async hear(audio) {
      const frames = typeof audio === "number" ? audio / FRAME_MS : audio.length / FRAME_BYTES;
      for (let i = 0; i < frames && !client.closed; i++) {
        wire.send(typeof audio === "number" ? SILENT_FRAME : audio.subarray(i * FRAME_BYTES, (i + 1) * FRAME_BYTES));
        await clock.run(FRAME_MS);
      }
    },
    async say(text) {
      const { audio, words } = await toneVoice().speak(text);
      await client.hear(tagUtterance(audio, words, sources++, 0));
    },
    async until(done, limitMs = 60_000) {
      for (let ms = 0; !done(); ms += FRAME_MS) {
        if (ms >= limitMs) throw new Error(`not done after ${limitMs} ms`);
        await client.hear(FRAME_MS);
      }
    },
    find: (type, nth = 0) => got.filter(({ message }) => message?.type === type)[nth],
    async close() {
      wire.close(1000);
      await clock.run(1000);
    },
  };
  wire.listen({
    text(text) {
      const atMs = clock.monotonicMs();
      let message: unknown;
      try {
        message = JSON.parse(text);
      } catch {
        // malformed on purpose
      }
      const isObject = typeof message === "object" && message !== null;
      if (isObject && Object(message).type === "UserStartedSpeaking") {
        cutter = new FrameCutter(); // a reply may be cut anywhere
        staleUntilMs = atMs + STALE_MS;
      }
      got.push(isObject ? { atMs, message } : { atMs, text });
    },
    binary(bytes) {
      got.push({ atMs: clock.monotonicMs(), bytes: bytes.length });
      if (clock.monotonicMs() > staleUntilMs) cutter.push(bytes, (frame) => void tags.push(frame));
    },
    close: (code, reason) => void (client.closed = { code, reason }),
    crashed(error) {
      throw error;
    },
  });
  await clock.run(0);
  return client;
}
