/** What a call does when something happens: one table, pure. Audio never goes through it. */

import type { LegEnd } from "../phone/leg.ts";

/** Why a call ended: a closed set, kept in records and metrics. */
export const END_REASONS = [
  "caller-hung-up",
  "agent-hung-up",
  "line-lost",
  "transferred",
  "silence",
  "time-limit",
  "engine-failed",
  "engine-not-ready",
  /** The caller said the same again and again: two machines talked to each other. */
  "loop",
  /** The call was over at the carrier, and nobody had told us. */
  "reaped",
  "drained",
  "internal-error",
] as const;
export type EndReason = (typeof END_REASONS)[number];

export type TimerName =
  /** Line and engine must both be there. */
  | "setup"
  /** An answer is awaited. */
  | "answer"
  /** The caller has waited so long that a filler should tell him that someone is there. */
  | "filler"
  /** An interruption that has brought no words. */
  | "false-start"
  /** Nobody says anything. */
  | "silence"
  /** Half a minute before the call's limit, and the limit. */
  | "nearly-over"
  | "time-limit"
  /** The last words must have been heard. */
  | "closing"
  /** The engine must have begun the last words that are left to it. */
  | "last-words"
  /** The last words were heard; the line is let go unless more of them come. */
  | "hang-up";

/** Lines we say by ourselves. */
export type LineName = "stillThere" | "goodbye" | "apology" | "timeUp";

export type CallState =
  /** Line or engine is not ready yet. */
  | { kind: "idle" }
  /** Nobody holds the turn. `prompts`: how often silence was broken by us since the caller last spoke. */
  | { kind: "listening"; prompts: number }
  /** The caller's turn is confirmed, an answer is awaited. `goesOn`: the caller has spoken again since. */
  | { kind: "processing"; goesOn?: boolean }
  /**
   * We hold the turn; `reply` is the newest one. `resumed`: it is the rest of a reply that was cut by what seemed a false start.
   * `covers`: it only covers the wait for an answer. `asked`: the caller's turn was confirmed meanwhile.
   */
  | {
    kind: "speaking";
    reply: number;
    prompts: number;
    resumed?: boolean | undefined;
    covers?: boolean | undefined;
    asked?: boolean;
  }
  /** We were cut off: until words, a false start or a time-out. */
  | { kind: "interrupted"; reply: number }
  /**
   * The last words are being said; nothing stops them but the line's end. `reply` is unknown until they start. `more`: they
   * are the engine's, and may come in several replies.
   */
  | { kind: "closing"; reason: EndReason; reply: number | undefined; more: boolean }
  | { kind: "ended"; reason: EndReason };

/** `work`: the caller waits for one of our tools, so that the silence is not his. `ask`: those that run wait for him. */
export type ToolsNow = "none" | "work" | "ask";

export type CallEvent =
  | { kind: "ready" }
  | { kind: "leg-ended"; how: LegEnd }
  | { kind: "digit" }
  | { kind: "caller-spoke"; interrupts: boolean; tools?: ToolsNow }
  /** `times`: how often in a row the caller has said just this. */
  | { kind: "caller-text"; final: boolean; times?: number }
  /** The caller was heard for a while and has fallen silent, whatever the engine makes of it. */
  | { kind: "caller-quiet" }
  /** What we were saying broke off: the rest is awaited. */
  | { kind: "answer-due" }
  /** `resumed`: it is the rest of one that was cut. `covers`: it is no answer, the caller goes on waiting for that. */
  | { kind: "reply-started"; reply: number; resumed?: boolean; covers?: boolean }
  | { kind: "reply-heard"; reply: number; tools?: ToolsNow }
  /** Told at the beginning and the end of each. */
  | { kind: "tool-call"; tools: ToolsNow }
  | { kind: "fault"; fatal: boolean }
  /** Someone decided that the call is to end: a tool, a route, the drain. `say`: last words, if any are not being said already. */
  | { kind: "end"; reason: EndReason; say: LineName | undefined }
  /** The call is over at the carrier, whatever its line says: nobody would hear last words. */
  | { kind: "over"; reason: EndReason }
  /** `maxPrompts`: how often silence may be broken by us. */
  | { kind: "timer"; name: TimerName; audible: boolean; maxPrompts: number };

/** No person says the same this many times in a row. */
export const LOOP_TIMES = 4;

export type CallEffect =
  | { kind: "arm"; timer: TimerName }
  | { kind: "disarm"; timer: TimerName }
  /** Arm this timer unless it runs already. */
  | { kind: "arm-once"; timer: TimerName }
  /** Cover the wait with this line, else with a filler; the session arms the timer for the next one. */
  | { kind: "fill"; line?: LineName }
  /** Silence the line and tell the engine what was heard. */
  | { kind: "interrupt" }
  /** The caller spoke into something that must not be cut: the engine lets it be heard to its end. */
  | { kind: "go-on" }
  /** The interruption was noise: play the rest. */
  | { kind: "resume" }
  /** The interruption is confirmed: let go of the rest. */
  | { kind: "forget" }
  | { kind: "say"; line: LineName }
  /** The engine is not to answer the caller any more; `more`: its last words are still to be heard. */
  | { kind: "ending"; more: boolean }
  | { kind: "hang-up" };

export type Step = readonly [next: CallState, effects: readonly CallEffect[]];

type Of<Union, Kind> = Extract<Union, { kind: Kind }>;
export type TransitionTable = {
  readonly [S in CallState["kind"]]: {
    readonly [E in CallEvent["kind"]]?: (state: Of<CallState, S>, event: Of<CallEvent, E>) => Step;
  };
};

type OnTimer<State> = (state: State, event: Of<CallEvent, "timer">) => Step;

/** What timers do wherever the call is alive and not closing, unless the state has a row of its own for them. */
const TIMERS: { readonly [N in TimerName]?: OnTimer<CallState> } = {
  "nearly-over": (state) => [state, [{ kind: "say", line: "timeUp" }]],
  "time-limit": () => close("time-limit", "goodbye"),
  "setup": () => close("engine-not-ready", "apology"),
};

/** What the timers do in a state: its `own` rows, and those that hold anywhere. */
function timers<State extends CallState>(own: { readonly [N in TimerName]?: OnTimer<State> } = {}): OnTimer<State> {
  return (state, event) => (own[event.name] ?? TIMERS[event.name])?.(state, event) ?? [state, []];
}

/** Rows that hold wherever the call is alive and not closing. */
const ALIVE = {
  "ready": (state: CallState): Step => [state, [disarm("setup")]],
  "leg-ended": (_: CallState, { how }: Of<CallEvent, "leg-ended">) =>
    end(how === "stop" ? "caller-hung-up" : "line-lost"),
  "fault": (state: CallState, { fatal }: Of<CallEvent, "fault">): Step =>
    fatal ? close("engine-failed", "apology") : [state, []],
  "end": (state: CallState, { reason, say }: Of<CallEvent, "end">) => close(reason, say, currentReply(state)),
  "over": (_: CallState, { reason }: Of<CallEvent, "over">) => hangUp(reason),
  "timer": timers(),
} as const;

export const TRANSITIONS: TransitionTable = {
  idle: {
    ...ALIVE,
    "ready": () => listen(0, [disarm("setup")]),
    "reply-started": (_, { reply }) => speak(reply),
    "timer": timers({ "filler": (state) => [state, [{ kind: "fill" }]] }),
  },
  listening: {
    ...ALIVE,
    "caller-spoke": (state, { tools }) => [
      { ...state, prompts: 0 },
      [arm("silence"), ...(tools === "work" ? [armOnce("filler")] : [])],
    ],
    "caller-text": (state, said) => said.final ? answer(said) : [state, [arm("silence"), disarm("filler")]],
    "answer-due": () => think(),
    "caller-quiet": (state) => [state, [armOnce("filler")]],
    "digit": () => listen(0),
    "reply-heard": (state) => [state, [arm("silence")]], // a filler holds no turn, and is no silence
    "tool-call": (state, { tools }) => [
      state,
      tools === "work" ? [disarm("silence"), armOnce("filler")] : [arm("silence")],
    ],
    "reply-started": ({ prompts }, { reply, resumed }) => speak(reply, { prompts, resumed }),
    "timer": timers({
      "silence": breakSilence,
      "filler": (state, { audible }) => [state, [audible ? arm("filler") : { kind: "fill" }]],
    }),
  },
  processing: {
    ...ALIVE,
    "caller-spoke": () => [{ kind: "processing", goesOn: true }, [armOnce("filler")]],
    "caller-quiet": (state) => [state, state.goesOn ? [arm("filler")] : []],
    "caller-text": (state, said) => said.final ? answer(said) : [state, []],
    "tool-call": (state, { tools }) => [state, [
      tools === "work" ? disarm("answer") : arm("answer"),
      tools === "ask" ? disarm("filler") : armOnce("filler"),
    ]],
    "reply-started": (_, { reply, covers }) => speak(reply, { covers }),
    "timer": timers({
      "answer": () => listen(0),
      "filler": (state, { audible }) => [state, [state.goesOn && audible ? arm("filler") : { kind: "fill" }]],
      "nearly-over": (state) => [state, [{ kind: "fill", line: "timeUp" }]],
    }),
  },
  speaking: {
    ...ALIVE,
    "caller-spoke": (state, { interrupts }) => interrupts ? cut(state.reply) : [state, [{ kind: "go-on" }]],
    "caller-text": overhear,
    "reply-started": (state, { reply, covers }) =>
      speak(reply, { prompts: state.prompts, covers: covers && state.covers }),
    "answer-due": () => think(),
    "reply-heard": (state, { reply, tools }) =>
      reply !== state.reply // one is played before another of a lower number: a filler before the answer that it covers
        ? [state, []]
        : state.asked || state.covers
        ? think()
        : listen(state.prompts, tools === "work" ? [armOnce("filler")] : []),
  },
  interrupted: {
    ...ALIVE,
    "caller-text": (_, said) => isLoop(said) ? answer(said) : confirmed(said.final),
    "caller-quiet": (state) => [state, [arm("filler")]],
    "digit": () => confirmed(false),
    "reply-started": (_, { reply }) => [
      { kind: "speaking", reply, prompts: 0 },
      [disarm("false-start"), { kind: "forget" }],
    ],
    "timer": timers({ "false-start": falseStart }),
  },
  closing: {
    "leg-ended": (state, { how }) => end(how === "stop" ? "caller-hung-up" : state.reason),
    "over": (state) => hangUp(state.reason),
    "caller-spoke": (state) => [state, [{ kind: "go-on" }]],
    "reply-started": (state, { reply }) => [{ ...state, reply }, [disarm("last-words"), disarm("hang-up")]],
    "reply-heard": (state, { reply }) => reply === state.reply ? lastHeard(state) : [state, []],
    "answer-due": (state) => state.more ? sayGoodbye(state) : [state, []],
    "fault": (state, { fatal }) => fatal && state.more && state.reply === undefined ? sayGoodbye(state) : [state, []],
    "timer": (state, { name }) =>
      name === "last-words"
        ? sayGoodbye(state)
        : name === "closing" || name === "time-limit" || name === "hang-up"
        ? hangUp(state.reason)
        : [state, []],
  },
  ended: {},
};

/** What `event` does in `state`. Pure. An event with no row came too late or too early: nothing changes. */
export function step(state: CallState, event: CallEvent): Step {
  const row = TRANSITIONS[state.kind][event.kind] as ((s: CallState, e: CallEvent) => Step) | undefined;
  return row ? row(state, event) : [state, []];
}

/** The state a call begins in, and what it needs from the first moment. */
export function begin(): Step {
  return [{ kind: "idle" }, [arm("setup"), arm("filler"), arm("nearly-over"), arm("time-limit")]];
}

function arm(timer: TimerName): CallEffect {
  return { kind: "arm", timer };
}

function armOnce(timer: TimerName): CallEffect {
  return { kind: "arm-once", timer };
}

function disarm(timer: TimerName): CallEffect {
  return { kind: "disarm", timer };
}

function listen(prompts: number, more: CallEffect[] = []): Step {
  return [{ kind: "listening", prompts }, [...more, disarm("answer"), arm("silence")]];
}

function think(): Step {
  return [{ kind: "processing" }, [disarm("silence"), arm("answer"), armOnce("filler")]];
}

/** The caller has finished a turn. */
function answer(said: Of<CallEvent, "caller-text">): Step {
  return isLoop(said) ? close("loop", "goodbye") : think();
}

function isLoop({ final, times = 1 }: Of<CallEvent, "caller-text">): boolean {
  return final && times >= LOOP_TIMES;
}

function speak(reply: number, more: Partial<Of<CallState, "speaking">> = {}): Step {
  return [
    { kind: "speaking", reply, prompts: 0, ...more },
    [disarm("silence"), disarm("answer"), disarm("filler")],
  ];
}

function cut(reply: number): Step {
  return [{ kind: "interrupted", reply }, [{ kind: "interrupt" }, arm("false-start")]];
}

/** The caller really said something. */
function confirmed(final: boolean): Step {
  const [next, effects] = final ? think() : listen(0);
  return [next, [disarm("false-start"), { kind: "forget" }, ...effects]];
}

/** Words while we speak: an answer to them follows. Where they show that there was no false start, we are cut after all. */
function overhear(state: Of<CallState, "speaking">, said: Of<CallEvent, "caller-text">): Step {
  if (isLoop(said)) return answer(said);
  if (!said.final) return [state, []];
  if (!state.resumed) return [{ ...state, prompts: 0, asked: true }, []];
  const [next, effects] = confirmed(true);
  return [next, [{ kind: "interrupt" }, ...effects]];
}

/** No words came: unless the caller can still be heard, go on where we were cut off. */
function falseStart(state: Of<CallState, "interrupted">, { audible }: Of<CallEvent, "timer">): Step {
  if (audible) return [state, [arm("false-start")]];
  const [next, effects] = listen(0);
  return [next, [...effects, { kind: "resume" }]];
}

function breakSilence(
  { prompts }: Of<CallState, "listening">,
  { audible, maxPrompts }: Of<CallEvent, "timer">,
): Step {
  if (audible) return listen(0);
  if (prompts >= maxPrompts) return close("silence", "goodbye");
  return [{ kind: "listening", prompts: prompts + 1 }, [{ kind: "say", line: "stillThere" }, arm("silence")]];
}

/** End politely: `say` some last words, or let the engine finish its own (`reply` is being said already), then hang up once they were heard. */
function close(reason: EndReason, say: LineName | undefined, reply?: number): Step {
  const words: CallEffect[] = say
    ? [{ kind: "interrupt" }, { kind: "forget" }, { kind: "say", line: say }]
    : reply === undefined
    ? [arm("last-words")]
    : [];
  const waits = (["setup", "answer", "filler", "false-start", "silence"] as const).map((timer) => disarm(timer));
  const more = say === undefined;
  const next = { kind: "closing", reason, reply: say ? undefined : reply, more } as const;
  return [next, [...waits, { kind: "ending", more }, ...words, arm("closing")]];
}

/** The engine had no last words, or not all of them. Who puts the caller through has not said goodbye. */
function sayGoodbye(state: Of<CallState, "closing">): Step {
  if (state.reason === "transferred") return hangUp(state.reason);
  return [{ ...state, more: false }, [{ kind: "ending", more: false }, { kind: "say", line: "goodbye" }]];
}

function lastHeard(state: Of<CallState, "closing">): Step {
  return state.more ? [state, [arm("hang-up")]] : hangUp(state.reason);
}

function hangUp(reason: EndReason): Step {
  return [{ kind: "ended", reason }, [{ kind: "hang-up" }]];
}

function end(reason: EndReason): Step {
  return [{ kind: "ended", reason }, []];
}

/** What is being said, if it may be last words. */
function currentReply(state: CallState): number | undefined {
  return state.kind === "speaking" && !state.covers ? state.reply : undefined;
}
