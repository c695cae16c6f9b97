import assert from "node:assert/strict";
import {
  begin,
  type CallEvent,
  type CallState,
  type EndReason,
  LOOP_TIMES,
  step,
  type TimerName,
  TRANSITIONS,
} from "../../lib/call/machine.ts";
import { seeded, test } from "../case.ts";

const SPEAKING: CallState = { kind: "speaking", reply: 3, prompts: 1 };
const timer = (name: TimerName, { audible = false } = {}): CallEvent => ({
  kind: "timer",
  name,
  audible,
  maxPrompts: 2,
});

test("a caller speaking over a reply stops it, and a false start is waited for", () => {
  const [state, effects] = step(SPEAKING, { kind: "caller-spoke", interrupts: true });
  assert.deepEqual(state, { kind: "interrupted", reply: 3 });
  assert.deepEqual(effects, [{ kind: "interrupt" }, { kind: "arm", timer: "false-start" }]);
});

test("a passage that may not be interrupted goes on", () => {
  assert.deepEqual(step(SPEAKING, { kind: "caller-spoke", interrupts: false }), [SPEAKING, [{ kind: "go-on" }]]);
});

test("noise without words lets the reply go on where it was cut", () => {
  const [state, effects] = step({ kind: "interrupted", reply: 3 }, timer("false-start"));
  assert.equal(state.kind, "listening");
  assert.deepEqual(effects.at(-1), { kind: "resume" });
});

test("a caller who is still to be heard is waited for, words or not", () => {
  const [state, effects] = step({ kind: "interrupted", reply: 3 }, timer("false-start", { audible: true }));
  assert.equal(state.kind, "interrupted");
  assert.deepEqual(effects, [{ kind: "arm", timer: "false-start" }]);
});

test("a reply that goes on after a false start is cut by late words; another is not", () => {
  const words: CallEvent = { kind: "caller-text", final: true };
  assert.equal(step(SPEAKING, words)[0].kind, "speaking");
  const [resumed] = step({ kind: "listening", prompts: 0 }, { kind: "reply-started", reply: 4, resumed: true });
  const [state, effects] = step(resumed, words);
  assert.equal(state.kind, "processing");
  assert.deepEqual(effects[0], { kind: "interrupt" });
  const [next] = step(resumed, { kind: "reply-started", reply: 5 });
  assert.equal(step(next, words)[0].kind, "speaking", "what follows it is no false start's rest");
});

test("no filler is said over a caller who goes on instead of waiting for the answer", () => {
  const filler = timer("filler", { audible: true });
  assert.deepEqual(step({ kind: "processing" }, filler)[1], [{ kind: "fill" }], "a noisy line is no speech");
  const [state] = step({ kind: "processing" }, { kind: "caller-spoke", interrupts: true });
  assert.deepEqual(step(state, filler)[1], [{ kind: "arm", timer: "filler" }]);
  assert.deepEqual(step(state, { kind: "caller-quiet" })[1], [{ kind: "arm", timer: "filler" }]);
  assert.deepEqual(step(state, timer("filler"))[1], [{ kind: "fill" }], "a cough");
});

test("words confirm an interruption: what was cut is let go, and an answer awaited", () => {
  const [state, effects] = step({ kind: "interrupted", reply: 3 }, { kind: "caller-text", final: true });
  assert.equal(state.kind, "processing");
  assert.ok(effects.some(({ kind }) => kind === "forget"));
});

test("silence is prompted, and after the last prompt the call ends with a goodbye", () => {
  const [prompted, effects] = step({ kind: "listening", prompts: 0 }, timer("silence"));
  assert.deepEqual(prompted, { kind: "listening", prompts: 1 });
  assert.deepEqual(effects[0], { kind: "say", line: "stillThere" });
  const [closing, last] = step({ kind: "listening", prompts: 2 }, timer("silence"));
  assert.deepEqual(closing, { kind: "closing", reason: "silence", reply: undefined, more: false });
  assert.ok(last.some((effect) => effect.kind === "say" && effect.line === "goodbye"));
});

test("a caller whom nobody understands, but who can be heard, is not silent", () => {
  const [state, effects] = step(
    { kind: "listening", prompts: 2 },
    timer("silence", { audible: true }),
  );
  assert.deepEqual(state, { kind: "listening", prompts: 0 });
  assert.deepEqual(effects.at(-1), { kind: "arm", timer: "silence" });
});

test("a caller who makes a sound or presses a key is silent from then on, and was not asked yet", () => {
  const asked: CallState = { kind: "listening", prompts: 2 };
  for (const event of [{ kind: "caller-spoke", interrupts: true }, { kind: "digit" }] as const) {
    const [state, effects] = step(asked, event);
    assert.deepEqual(state, { kind: "listening", prompts: 0 });
    assert.ok(effects.some((effect) => effect.kind === "arm" && effect.timer === "silence"), event.kind);
  }
});

test("only the newest reply's end gives the turn back", () => {
  assert.equal(step(SPEAKING, { kind: "reply-heard", reply: 2 })[0].kind, "speaking");
  assert.deepEqual(step(SPEAKING, { kind: "reply-heard", reply: 3 })[0], { kind: "listening", prompts: 1 });
});

test("last words are heard before the line is let go, and nothing interrupts them", () => {
  let [state] = step(SPEAKING, { kind: "fault", fatal: true });
  [state] = step(state, { kind: "reply-started", reply: 9 });
  assert.deepEqual(step(state, { kind: "caller-spoke", interrupts: true })[0], state);
  assert.equal(step(state, { kind: "reply-heard", reply: 8 })[0].kind, "closing");
  assert.deepEqual(step(state, { kind: "reply-heard", reply: 9 }), [
    { kind: "ended", reason: "engine-failed" },
    [{ kind: "hang-up" }],
  ]);
});

test("a hang-up while words are said waits for them", () => {
  const [state] = step(SPEAKING, { kind: "end", reason: "agent-hung-up", say: undefined });
  assert.deepEqual(state, { kind: "closing", reason: "agent-hung-up", reply: 3, more: true });
  const [heard, effects] = step(state, { kind: "reply-heard", reply: 3 });
  assert.equal(heard.kind, "closing");
  assert.deepEqual(effects, [{ kind: "arm", timer: "hang-up" }]);
  assert.equal(step(heard, timer("hang-up"))[0].kind, "ended");
});

const EVENTS: readonly CallEvent[] = [
  { kind: "ready" },
  { kind: "leg-ended", how: "stop" },
  { kind: "leg-ended", how: "socket-closed" },
  { kind: "digit" },
  { kind: "caller-spoke", interrupts: true },
  { kind: "caller-spoke", interrupts: false },
  { kind: "caller-text", final: true },
  { kind: "caller-text", final: false },
  { kind: "reply-started", reply: 7 },
  { kind: "reply-started", reply: 7, resumed: true },
  { kind: "reply-heard", reply: 7 },
  { kind: "tool-call", tools: "work" },
  { kind: "tool-call", tools: "ask" },
  { kind: "tool-call", tools: "none" },
  { kind: "answer-due" },
  { kind: "caller-quiet" },
  { kind: "fault", fatal: true },
  { kind: "fault", fatal: false },
  { kind: "caller-text", final: true, times: LOOP_TIMES },
  { kind: "over", reason: "reaped" },
  { kind: "end", reason: "drained", say: "goodbye" },
  { kind: "end", reason: "agent-hung-up", say: undefined },
  ...([
    "setup",
    "answer",
    "filler",
    "false-start",
    "silence",
    "nearly-over",
    "time-limit",
    "closing",
    "last-words",
    "hang-up",
  ] as const).map((name) => timer(name)),
];

test("2,000 random event sequences: an ended call stays ended, and the time limit always ends it", () => {
  for (let seed = 1; seed <= 2000; seed++) {
    const random = seeded(seed);
    let [state] = begin();
    for (let count = 0; count < 40; count++) {
      const event = EVENTS[Math.floor(random() * EVENTS.length)]!;
      const [next] = step(state, event);
      if (state.kind === "ended") assert.equal(next, state);
      state = next;
    }
    for (let count = 0; count < 2 && state.kind !== "ended"; count++) [state] = step(state, timer("time-limit"));
    assert.equal(state.kind, "ended", `seed ${seed}`);
  }
});

const STATES: readonly CallState[] = [
  { kind: "idle" },
  { kind: "listening", prompts: 0 },
  { kind: "processing" },
  { kind: "speaking", reply: 7, prompts: 0 },
  { kind: "speaking", reply: 7, prompts: 0, resumed: true },
  { kind: "interrupted", reply: 7 },
  { kind: "closing", reason: "drained", reply: 7, more: false },
  { kind: "ended", reason: "drained" satisfies EndReason },
];

/** Every transition of the table that leaves its state, as Mermaid draws it. */
function diagram(): string {
  const edges = new Map<string, string[]>();
  for (const state of STATES) {
    for (const event of EVENTS) {
      if (!(event.kind in TRANSITIONS[state.kind])) continue;
      const [next] = step(state, event);
      if (next.kind === state.kind) continue;
      const edge = `${state.kind} --> ${next.kind}`;
      const label = event.kind === "timer" ? `${event.name} timer` : event.kind;
      edges.set(edge, [...new Set([...edges.get(edge) ?? [], label])]);
    }
  }
  const lines = [...edges].map(([edge, labels]) => `    ${edge}: ${labels.join(", ")}`);
  return ["stateDiagram-v2", "    [*] --> idle", ...lines, "    ended --> [*]"].join("\n");
}

test("the diagram in lib/README.md is the table's own (DIAGRAM=write renews it)", () => {
  const path = new URL("../../lib/README.md", import.meta.url);
  const text = Deno.readTextFileSync(path);
  const drawn = text.replace(/```mermaid\n[\s\S]*?```/, () => `\`\`\`mermaid\n${diagram()}\n\`\`\``);
  if (Deno.env.get("DIAGRAM") === "write") Deno.writeTextFileSync(path, drawn);
  else assert.equal(text, drawn);
});
