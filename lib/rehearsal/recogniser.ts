/** What the stand-ins for Deepgram's two recognisers have in common: what they are given, and how a socket comes to a session. */

import type { Clock } from "../base/clock.ts";
import type { AnswerHandshake } from "../base/dial.ts";
import type { Wire } from "../base/wire.ts";
import {
  type DoorFaults,
  type DoorOptions,
  type FaultsOf,
  faultsOf,
  KEPT_SESSIONS,
  letIn,
  turnAway,
} from "./deepgram_door.ts";
import type { SpeechSense } from "./ear.ts";
import { openSpeechSense } from "./sense.ts";
import type { Recognise } from "./word_stream.ts";

export interface RecogniserOptions<Knobs, Faults> {
  clock: Clock;
  /** The key that is taken; any, if undefined. */
  key?: string;
  knobs?: Partial<Knobs>;
  faults?: FaultsOf<Faults>;
  /** Tells speech in untagged audio. Default: WebRTC's voice detector, loaded at the first sound. */
  openSense?: () => Promise<SpeechSense>;
  /** Tells the words of untagged speech. Default: nobody can, so its transcript is empty. */
  recognise?: Recognise;
}

/** What one socket is given; `n` counts them. */
export interface RecogniserSession<Settings, Knobs, Faults> {
  wire: Wire;
  clock: Clock;
  settings: Settings;
  knobs: Knobs;
  faults: Partial<Faults>;
  openSense: () => Promise<SpeechSense>;
  recognise: Recognise | undefined;
  n: number;
}

export interface Recogniser<Session> {
  answer: AnswerHandshake;
  /** The last sockets, oldest first: what was heard and sent, for tests. */
  readonly sessions: Session[];
}

/** What one of the two is. */
interface Kind<Settings, Knobs, Faults, Session> extends Pick<DoorOptions, "rules" | "check"> {
  knobs: Knobs;
  settingsOf: (query: URLSearchParams) => Settings;
  open: (session: RecogniserSession<Settings, Knobs, Faults>) => Session;
}

export function recogniser<Settings, Knobs, Faults extends DoorFaults, Session>(
  options: RecogniserOptions<Knobs, Faults>,
  { rules, check, settingsOf, open, ...kind }: Kind<Settings, Knobs, Faults, Session>,
): Recogniser<Session> {
  const { clock, key, openSense = openSpeechSense, recognise } = options;
  const knobs = { ...kind.knobs, ...options.knobs };
  const sessions: Session[] = [];
  let n = 0;
  return {
    sessions,
    answer({ url, headers }) {
      const faults = faultsOf(options.faults, n++);
      const refused = turnAway({ url, headers }, { key, rules, check, faults });
      if (refused) return { refuse: refused };
      const settings = settingsOf(url.searchParams);
      return letIn(headers, (wire) => {
        sessions.push(open({ wire, clock, settings, knobs, faults, openSense, recognise, n }));
        if (sessions.length > KEPT_SESSIONS) sessions.shift();
      });
    },
  };
}
