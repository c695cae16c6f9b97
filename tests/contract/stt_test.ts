/** Both of Deepgram's recognisers keep the promises of `Stt`, through their stand-ins. */

import type { SttEvent } from "../../lib/providers/ports.ts";
import { openFlux } from "../../lib/providers/deepgram_flux.ts";
import { openListen } from "../../lib/providers/deepgram_listen.ts";
import { deepgramFluxStandIn } from "../../lib/rehearsal/deepgram_flux.ts";
import { deepgramListenStandIn } from "../../lib/rehearsal/deepgram_listen.ts";
import { VirtualClock } from "../sim/clock.ts";
import { simDial } from "../sim/dial.ts";
import { joined, senseLoudness, sttContract, type SttMaking } from "./stt.ts";
import { countWires } from "./wires.ts";

const TROUBLES = {
  refuse: { refuse: 401 },
  drop: { dropAfterMs: 1000 },
  stall: { stallAfterMs: 1000 },
  garbage: { garbageAfterMs: 1000 },
};

sttContract("deepgram listen", ({ trouble, openMs = 0 }: SttMaking) => {
  const clock = new VirtualClock();
  const faults = trouble ? TROUBLES[trouble] : {};
  const { answer, sessions } = deepgramListenStandIn({ clock, key: "k", faults, openSense: senseLoudness });
  const wires = countWires(simDial(clock, answer, { openMs }));
  const events: SttEvent[] = [];
  const stt = openListen({
    dial: wires.dial,
    clock,
    url: "wss://api.deepgram.com/v1/listen",
    key: "k",
    provider: { model: "nova-3", keyterms: ["Green Street"] },
    listen: (event) => void events.push(event),
  });
  return {
    clock,
    stt,
    events,
    received: () => joined(sessions.flatMap(({ audio }) => audio)),
    openWires: () => wires.open,
  };
});

sttContract("deepgram flux", ({ trouble, openMs = 0 }: SttMaking) => {
  const clock = new VirtualClock();
  const faults = trouble ? TROUBLES[trouble] : {};
  const { answer, sessions } = deepgramFluxStandIn({ clock, key: "k", faults, openSense: senseLoudness });
  const wires = countWires(simDial(clock, answer, { openMs }));
  const events: SttEvent[] = [];
  const stt = openFlux({
    dial: wires.dial,
    clock,
    url: "wss://api.deepgram.com/v2/listen",
    key: "k",
    provider: { model: "flux-general-en" },
    listen: (event) => void events.push(event),
  });
  return {
    clock,
    stt,
    events,
    received: () => joined(sessions.flatMap(({ audio }) => audio)),
    openWires: () => wires.open,
  };
});
