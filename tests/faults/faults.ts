/**
 * Every fault that the laboratory knows, and what is to become of the call: this table is the documentation.
 * `deno task faults` runs it, prints it and fails if one comes out otherwise or leaves the caller in silence.
 */

import type { AgentFaults } from "../../lib/rehearsal/agent_faults.ts";
import type { CartesiaFaults } from "../../lib/rehearsal/cartesia.ts";
import type { FluxFaults } from "../../lib/rehearsal/deepgram_flux.ts";
import type { ListenFaults } from "../../lib/rehearsal/deepgram_listen.ts";
import type { SpeakFaults } from "../../lib/rehearsal/deepgram_speak.ts";
import { chatBrain, type Fault, type Outcome, type Phase, WITH_TRANSFER, type World } from "./lab.ts";
import { type SimPipelineOptions, WITHOUT_WORDS } from "../sim/pipeline.ts";
import type { WirePair } from "../sim/wire.ts";

type Act = (world: World) => void;

const once = <F>(faults: Partial<F>) => ({ faults: (session: number) => session === 1 ? faults : {} });
const first = <F>(faults: Partial<F>) => ({ faults: (socket: number) => socket === 0 ? faults : {} });

function agent(name: string, phase: Phase, expected: Outcome, what: Partial<Fault>): Fault {
  return { name, edge: "agent", phase, engine: "agent", expected, ...what };
}
const agentOnce = (name: string, phase: Phase, faults: Partial<AgentFaults>) =>
  agent(name, phase, "goes on", { agent: once(faults) });
const agentAlways = (name: string, phase: Phase, expected: Outcome, faults: Partial<AgentFaults>) =>
  agent(name, phase, expected, { agent: { faults } });

/** An agent whose voice is hardly faster than speech: nothing of a reply waits on the line. */
const slowly = (name: string, phase: Phase, expected: Outcome, what: Partial<Fault>) =>
  agent(name, phase, expected, { agent: { rateX: 1.2 }, ...what });
/** Cut, and the one that is to take its place has `faults`. */
const agentBack = (name: string, phase: Phase, expected: Outcome, faults: Partial<AgentFaults>) =>
  agent(name, phase, expected, {
    agent: { rateX: 1.2, faults: (session: number) => session === 2 ? faults : {} },
    act: cutAgent,
  });

function pipe(edge: Fault["edge"], name: string, phase: Phase, expected: Outcome, what: Partial<Fault>): Fault {
  return { name, edge, phase, engine: "pipeline", expected, ...what };
}

const FLUX = { listen: { provider: { type: "deepgram", model: "flux-general-en" } } };
const model = (name: string) => ({ provider: { type: "groq", model: name } });
const GOOD = "openai/gpt-oss-20b";

const cutAgent: Act = ({ sim }) => sim.agentDial.pairs.at(-1)!.cut();
const stallAgent: Act = ({ sim }) => sim.agentDial.pairs.at(-1)!.client.stall();
/** What we send waits until long after the call: only then does the stand-in learn that its socket was given up. */
function clog({ sim }: World, { server }: WirePair): void {
  server.stall();
  sim.clock.after(CLOGGED_MS, () => server.flow());
}
const CLOGGED_MS = 120_000;
const clogAgent: Act = (world) => clog(world, world.sim.agentDial.pairs.at(-1)!);
const closeAgent: Act = ({ sim }) => sim.agentDial.pairs.at(-1)!.server.close(1011, "");
const cutVendor = (peer: "deepgram-listen" | "deepgram-flux" | "deepgram-speak" | "cartesia"): Act => ({ sim }) =>
  sim.dials![peer].pairs.at(-1)!.cut();
const stallVendor = (peer: "deepgram-listen" | "deepgram-flux" | "deepgram-speak" | "cartesia"): Act => ({ sim }) =>
  sim.dials![peer].pairs.at(-1)!.client.stall();
type Vendor = "deepgram-listen" | "deepgram-flux" | "deepgram-speak" | "cartesia";
/** What can befall an open socket at any moment. */
const BEFALLS: readonly [name: string, act: (vendor: Vendor) => Act][] = [
  ["cut", (vendor) => cutVendor(vendor)],
  ["silent from here", (vendor) => stallVendor(vendor)],
  ["takes nothing more", (vendor) => (world) => clog(world, world.sim.dials![vendor].pairs.at(-1)!)],
  ["closes without a word of why", (vendor) => ({ sim }) => sim.dials![vendor].pairs.at(-1)!.server.close(1011, "")],
  ["nonsense", (vendor) => ({ sim }) => sim.dials![vendor].pairs.at(-1)!.server.send("<html>")],
];
const TALK = [
  "greeting",
  "listening",
  "mid-utterance",
  "thinking",
  "first word",
  "mid-reply",
  "after the reply",
] as const;
/** What a socket that is to replace a lost one is refused with. */
const REFUSALS = [
  { refuse: 401 },
  { refuse: 402 },
  { refuse: 429, retryAfterSeconds: 1 },
  { refuse: 503 },
];

/** Every vendor's socket, whatever befalls it, in every phase of the talk; voices hardly faster than speech. */
function everywhere(edge: Fault["edge"], vendor: Vendor, pipeline: Partial<SimPipelineOptions>): Fault[] {
  return TALK.flatMap((phase) =>
    BEFALLS.map(([name, act]) =>
      pipe(edge, name, phase, "goes on", { pipeline: { voiceRateX: 1.2, ...pipeline }, act: act(vendor) })
    )
  );
}

/** Cut, and the next socket is refused. */
const refusedBack = (edge: Fault["edge"], vendor: Vendor, pipeline: (faults: object) => Partial<SimPipelineOptions>) =>
  (["mid-utterance", "mid-reply"] as const).flatMap((phase) =>
    REFUSALS.map((refusal) =>
      pipe(edge, `cut, then refused: ${refusal.refuse}`, phase, "goes on", {
        pipeline: { voiceRateX: 1.2, ...pipeline({ faults: (socket: number) => socket > 0 ? refusal : {} }) },
        act: cutVendor(vendor),
      })
    )
  );
const cartesiaRefusedBack = (phase: Phase, status: number) =>
  pipe("cartesia", `cut, then refused: ${status}`, phase, "goes on", {
    pipeline: { voiceRateX: 1.2 },
    act(world) {
      world.sim.cartesia!.faults.refuseStatus = status;
      cutVendor("cartesia")(world);
    },
  });

const cutLine: Act = ({ line }) => line().cut();

const listen = (name: string, phase: Phase, expected: Outcome, faults: Partial<ListenFaults>) =>
  pipe("listen", name, phase, expected, { pipeline: { listen: first(faults) } });
const flux = (name: string, phase: Phase, expected: Outcome, faults: Partial<FluxFaults>) =>
  pipe("flux", name, phase, expected, { pipeline: { pipeline: FLUX, flux: first(faults) } });
const chat = (name: string, phase: Phase, expected: Outcome, models: string[], more: Partial<Fault> = {}) =>
  pipe("chat", name, phase, expected, { pipeline: { pipeline: { think: models.map(model) } }, ...more });
const speak = (
  name: string,
  phase: Phase,
  expected: Outcome,
  faults: Partial<SpeakFaults>,
  more: Partial<Fault> = {},
) => pipe("speak", name, phase, expected, { pipeline: { pipeline: WITHOUT_WORDS, speak: first(faults) }, ...more });
const cartesia = (name: string, phase: Phase, expected: Outcome, faults: Partial<CartesiaFaults>) =>
  pipe("cartesia", name, phase, expected, { pipeline: { cartesia: faults } });

/** What the phone says of a socket that vanishes. */
const DROPPED = ["closed-abnormally"];

/** A model whose n-th request goes wrong. */
function brainFailing(at: number, how: () => Promise<never>) {
  let asked = 0;
  return { brain: (...args: Parameters<typeof chatBrain>) => ++asked === at ? how() : chatBrain(...args) };
}

export const FAULTS: readonly Fault[] = [
  agentAlways("wrong key", "opening", "apology", { refuse: 401 }),
  agentAlways("wrong key, somebody to transfer to", "opening", "transferred", { refuse: 401 }),
  agentAlways("no credit", "opening", "apology", { refuse: 402 }),
  agentAlways("too many sessions", "opening", "apology", { refuse: 429, retryAfterSeconds: 1 }),
  agentAlways("too many sessions, for long", "opening", "apology", { refuse: 429, retryAfterSeconds: 30 }),
  agentOnce("too many sessions for a moment", "opening", { refuse: 429, retryAfterSeconds: 1 }),
  agentOnce("too many sessions for a moment, no hint", "opening", { refuse: 429 }),
  agentOnce("down for a moment", "opening", { refuse: 503 }),
  agentOnce("broken for a moment", "opening", { refuse: 500 }),
  agentAlways("down for good", "opening", "apology", { refuse: 503 }),
  agentOnce("opens and says nothing", "opening", { silentAfterOpen: true }),
  agentOnce("settings never applied", "opening", { neverApply: true }),
  agentAlways("settings rejected", "opening", "apology", { error: { code: "INVALID_SETTINGS", at: "settings" } }),
  agentOnce("greeting 3 s late", "greeting", { slowFirstByteMs: 3000 }),
  agent("cut", "greeting", "goes on", { act: cutAgent }),
  agent("cut", "listening", "goes on", { act: cutAgent }),
  agent("cut", "mid-utterance", "goes on", { act: cutAgent }),
  agent("cut", "thinking", "goes on", { act: cutAgent }),
  agent("cut", "first word", "goes on", { act: cutAgent }),
  agent("cut", "mid-reply", "goes on", { act: cutAgent }),
  agent("cut", "after the reply", "goes on", { act: cutAgent }),
  agent("cut", "closing", "ended", { act: cutAgent }),
  agent("silent from here", "listening", "goes on", { act: stallAgent }),
  agent("silent from here", "mid-utterance", "goes on", { act: stallAgent }),
  agent("silent from here", "thinking", "goes on", { act: stallAgent }),
  slowly("silent from here", "greeting", "goes on", { act: stallAgent }),
  slowly("silent from here", "first word", "goes on", { act: stallAgent }),
  slowly("silent from here", "mid-reply", "goes on", { act: stallAgent }),
  agent("silent from here", "first word", "goes on", { act: stallAgent }),
  agent("silent from here", "after the reply", "goes on", { act: stallAgent }),
  agent("silent from here", "closing", "ended", { act: stallAgent }),
  slowly("cut, its voice hardly faster than speech", "first word", "goes on", { act: cutAgent }),
  slowly("cut, its voice hardly faster than speech", "mid-reply", "goes on", { act: cutAgent }),
  ...(["greeting", "listening", "mid-utterance", "thinking", "mid-reply"] as const).flatMap((phase) => [
    agentBack("cut, then too many sessions", phase, "goes on", { refuse: 429, retryAfterSeconds: 1 }),
    agentBack("cut, then down for a moment", phase, "goes on", { refuse: 503 }),
    agentBack("cut, then a wrong key", phase, "apology", { refuse: 401 }),
    agentBack("cut, then no credit", phase, "apology", { refuse: 402 }),
    agentBack("cut, then a socket that says nothing", phase, "goes on", { silentAfterOpen: true }),
  ]),
  ...(["greeting", "listening", "mid-utterance", "thinking", "mid-reply", "after the reply"] as const).flatMap((
    phase,
  ) => [
    slowly("takes nothing more", phase, "goes on", { act: clogAgent }),
    slowly("closes without a word of why", phase, "goes on", { act: closeAgent }),
    slowly("nonsense", phase, "goes on", { act: ({ sim }) => sim.agentDial.pairs.at(-1)!.server.send("<html>") }),
  ]),
  agentOnce("model fails", "thinking", { error: { code: "FAILED_TO_THINK", at: "turn" } }),
  agentOnce("voice fails", "first word", { error: { code: "FAILED_TO_SPEAK", at: "reply" } }),
  agent("pauses 1.5 s in each reply, its voice hardly faster than speech", "mid-reply", "goes on", {
    agent: { rateX: 1.2, faults: { stallMidReplyMs: 1500 } },
    tolerates: ["frames-altered"],
  }),
  agent("pauses 1.5 s in each reply", "mid-reply", "goes on", {
    agent: once<AgentFaults>({ stallMidReplyMs: 1500 }),
    tolerates: ["frames-altered"], // the frame that was cut by the pause is filled with silence
  }),
  agentAlways("garbage among its messages", "opening", "goes on", { garbage: true }),
  agentAlways("never says that its audio is done", "after the reply", "goes on", { missingAudioDone: true }),

  listen("down for a moment", "opening", "goes on", { refuse: 503 }),
  pipe("listen", "refused for good: the other recogniser", "opening", "goes on", {
    pipeline: { listen: { faults: { refuse: 401 } } },
  }),
  pipe("listen", "both recognisers refused", "opening", "apology", {
    pipeline: { listen: { faults: { refuse: 401 } }, flux: { faults: { refuse: 401 } } },
  }),
  listen("garbage", "listening", "goes on", { garbageAfterMs: 3000 }),
  pipe("listen", "cut", "greeting", "goes on", { act: cutVendor("deepgram-listen") }),
  pipe("listen", "cut", "mid-utterance", "goes on", { act: cutVendor("deepgram-listen") }),
  pipe("listen", "cut", "thinking", "goes on", { act: cutVendor("deepgram-listen") }),
  pipe("listen", "silent from here", "listening", "goes on", { act: stallVendor("deepgram-listen") }),
  pipe("listen", "silent from here", "mid-utterance", "goes on", { act: stallVendor("deepgram-listen") }),

  ...everywhere("listen", "deepgram-listen", {}),
  ...refusedBack("listen", "deepgram-listen", (listen) => ({ listen })),

  ...everywhere("flux", "deepgram-flux", { pipeline: FLUX }),
  ...refusedBack("flux", "deepgram-flux", (flux) => ({ pipeline: FLUX, flux })),
  flux("too many, once", "opening", "goes on", { refuse: 429, retryAfterSeconds: 5 }),
  flux("an error of its own", "listening", "goes on", { errorAfterMs: 2500 }),
  pipe("flux", "cut", "mid-utterance", "goes on", {
    pipeline: { pipeline: FLUX },
    act: cutVendor("deepgram-flux"),
  }),
  pipe("flux", "silent from here", "mid-utterance", "goes on", {
    pipeline: { pipeline: FLUX },
    act: stallVendor("deepgram-flux"),
  }),
  pipe("flux", "refused for good: the other recogniser", "opening", "goes on", {
    pipeline: { pipeline: FLUX, flux: { faults: { refuse: 402 } } },
  }),

  chat("503, then the next model", "thinking", "goes on", ["e503", GOOD]),
  chat("500, then the next model", "thinking", "goes on", ["e500", GOOD]),
  chat("429, then the next model", "thinking", "goes on", ["e429", GOOD]),
  chat("wrong key, then the next model", "thinking", "goes on", ["e401", GOOD]),
  chat("no headers, then the next model", "thinking", "goes on", ["hang", GOOD]),
  chat("no token, then the next model", "thinking", "goes on", ["slow", GOOD]),
  chat("a web page, then the next model", "thinking", "goes on", ["html", GOOD]),
  chat("the only model has too much to do", "thinking", "apology", ["e429"]),
  chat("every model is down", "thinking", "apology", ["e503", "e500"]),
  chat("the only model is down", "thinking", "apology", ["e503"]),
  chat("the only model is down, somebody to transfer to", "thinking", "transferred", ["e503"], {
    config: WITH_TRANSFER,
  }),
  pipe("chat", "unreachable once", "thinking", "goes on", {
    pipeline: brainFailing(1, () => Promise.reject(new TypeError("connection refused"))),
  }),
  chat("breaks off in its answer, then the next model", "mid-reply", "goes on", ["reset", GOOD]),
  chat("an error in its answer, then the next model", "mid-reply", "goes on", ["mid-error", GOOD]),
  chat("stops in its answer, then the next model", "mid-reply", "goes on", ["stall", GOOD]),

  speak("down for a moment", "opening", "goes on", { refuse: 503 }),
  pipe("speak", "refused for good: the local voice", "opening", "goes on", {
    pipeline: { pipeline: WITHOUT_WORDS, speak: { faults: { refuse: 402 } } },
  }),
  ...everywhere("speak", "deepgram-speak", { pipeline: WITHOUT_WORDS }),
  ...refusedBack("speak", "deepgram-speak", (speak) => ({ pipeline: WITHOUT_WORDS, speak })),
  speak("too many, once", "opening", "goes on", { refuse: 429, retryAfterSeconds: 1 }),
  speak("broken for a moment", "opening", "goes on", { refuse: 500 }),
  speak("no audio", "greeting", "goes on", { stallAfterBytes: 0 }),
  speak("garbage in its audio", "mid-reply", "goes on", { garbageAfterBytes: 24_000 }),
  speak("cut", "mid-reply", "goes on", { dropAfterBytes: 24_000 }),
  speak("stops", "mid-reply", "goes on", { stallAfterBytes: 24_000 }),
  pipe("speak", "cut", "thinking", "goes on", {
    pipeline: { pipeline: WITHOUT_WORDS },
    act: cutVendor("deepgram-speak"),
  }),

  cartesia("refused for good: the local voice", "opening", "goes on", { refuseStatus: 402 }),
  ...everywhere("cartesia", "cartesia", {}),
  ...(["mid-utterance", "mid-reply"] as const).flatMap((phase) =>
    [401, 402, 429, 503].map((status) => cartesiaRefusedBack(phase, status))
  ),
  ...[401, 429, 500].map((status) =>
    cartesia(`refused for good, ${status}: the local voice`, "opening", "goes on", { refuseStatus: status })
  ),
  cartesia("text taken, no audio", "greeting", "goes on", { stall: 1 }),
  cartesia("socket closed in mid-sentence", "greeting", "goes on", { closeMidway: 1 }),
  cartesia("stops in mid-sentence", "greeting", "goes on", { stallMidway: 1 }),
  cartesia("no JSON", "greeting", "goes on", { garbage: 1 }),
  cartesia("first chunk 3 s late, always", "first word", "goes on", { slowMs: 3000 }),
  pipe("cartesia", "cut", "first word", "goes on", { act: cutVendor("cartesia"), pipeline: { voiceRateX: 2 } }),
  pipe("cartesia", "cut", "mid-reply", "goes on", { act: cutVendor("cartesia"), pipeline: { voiceRateX: 1.2 } }),
  pipe("cartesia", "silent from here", "mid-reply", "goes on", {
    act: stallVendor("cartesia"),
    pipeline: { voiceRateX: 1.2 },
  }),
  pipe("cartesia", "cut", "after the reply", "goes on", { act: cutVendor("cartesia") }),
  pipe("cartesia", "cut", "closing", "ended", { act: cutVendor("cartesia") }),

  ...(["greeting", "listening", "mid-utterance", "thinking", "mid-reply", "after the reply"] as const).flatMap((
    phase,
  ) =>
    (["agent", "pipeline"] as const).map((engine): Fault => (
      {
        name: "stream dropped without stop",
        edge: "line",
        phase,
        engine,
        expected: "reconnected",
        act: cutLine,
        tolerates: DROPPED,
      }
    ))
  ),
  agent("stream dropped without stop", "closing", "ended", { edge: "line", act: cutLine, tolerates: DROPPED }),
  agent("nonsense from the carrier", "listening", "goes on", {
    edge: "line",
    act: ({ line }) => {
      line().client.send("nonsense");
      line().client.send('{"event":"media"}');
    },
  }),
  agent("marks come back at once", "mid-reply", "goes on", { edge: "line", phone: { markEcho: "immediate" } }),
  agent("the stream comes 8 s after the webhook", "opening", "goes on", {
    edge: "webhook",
    phone: { openDelayMs: 8000 },
  }),
  pipe("webhook", "the stream comes 8 s after the webhook", "opening", "goes on", { phone: { openDelayMs: 8000 } }),
  agent("the announcement has lapsed when the stream comes", "opening", "goes on", {
    edge: "webhook",
    phone: { openDelayMs: 16_000 },
  }),
].map((fault) => fault.name === "wrong key, somebody to transfer to" ? { ...fault, config: WITH_TRANSFER } : fault);
