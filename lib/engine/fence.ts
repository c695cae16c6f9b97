/**
 * Which of the remote agent's audio belongs to which reply, and which comes too late to be heard. Pure.
 *
 * The agent sends audio without a turn id, faster than it is played, and some more after the caller interrupted
 * (Deepgram reference, sections 0.1 and 7). So a fence goes up when the caller starts to speak, and comes down only on a
 * sign that what follows is new: the caller's confirmed text, the agent's own start, or an injection of ours.
 * An assistant's text is no such sign: it may be a late sentence of the old reply.
 */

/** What the fence decides about one thing that came in. */
export type FenceAction =
  | { kind: "started"; reply: number }
  | { kind: "play"; reply: number; audio: Uint8Array }
  | { kind: "text"; reply: number; text: string }
  | { kind: "finished"; reply: number };

/** Fenced audio kept in case the interruption was noise: 2 s. */
const KEEP_BYTES = 16_000;

export class Fence {
  readonly #newReply: () => number;
  #open: { reply: number; bytes: number } | undefined;
  /** The reply that was open when the fence went up. */
  #cut: number | undefined;
  /** The agent had sent all of it. */
  #whole = false;
  /** That reply, once it is known that it was not cut after all: what still comes belongs to it. */
  #late: number | undefined;
  #kept: Uint8Array[] = [];
  #keptBytes = 0;
  /** More came than is kept. */
  #overflowed = false;
  #up = false;
  /** We answer this turn ourselves: nothing of the agent is heard before the caller's next turn. */
  #held = false;

  constructor(newReply: () => number) {
    this.#newReply = newReply;
  }

  /** Whether audio that comes now would not be heard. */
  get up(): boolean {
    return this.#up || this.#held;
  }

  /** We answer the caller's turn ourselves. */
  get held(): boolean {
    return this.#held;
  }

  /** The reply that audio joins now. */
  get reply(): number | undefined {
    return this.#open?.reply ?? this.#late;
  }

  /** Whether the rest of what the agent was saying when the fence went up is missing: it broke off, or sent more than is kept. */
  get brokeOff(): boolean {
    return this.#cut !== undefined && (!this.#whole || this.#overflowed);
  }

  /** The caller starts to speak: what comes from now on is late, until a sign of something new. */
  callerStarted(): void {
    this.#held = false;
    if (this.reply !== undefined) this.#whole = this.#overflowed = false;
    this.#cut = this.reply ?? this.#cut;
    this.#open = this.#late = undefined;
    this.#up = true;
  }

  /** The caller spoke into something that is not to be cut: it goes on, with what comes late. */
  goesOn(): FenceAction[] {
    const reply = this.#late = this.#cut;
    this.#cut = undefined;
    return reply === undefined ? [] : this.takeKept().map((audio) => ({ kind: "play", reply, audio }));
  }

  /** The caller's turn is confirmed: what follows answers it. */
  callerText(): FenceAction[] {
    this.#held = false;
    return [...this.#lift(), ...this.#finish()];
  }

  /** The agent says that it begins to answer, or takes our injection. */
  answering(): FenceAction[] {
    return this.#held ? [] : this.#lift();
  }

  /** We answer this turn ourselves. */
  hold(): FenceAction[] {
    const actions = this.#finish();
    this.#held = true;
    return actions;
  }

  /** What the agent says from now on is about something else than the turn that we answer ourselves. */
  release(): FenceAction[] {
    this.#held = false;
    return this.#lift();
  }

  /** No sign of a new reply came: the fence must not stay up for ever. @returns undefined if it was down. */
  failSafe(): FenceAction[] | undefined {
    return this.#up ? this.#lift() : undefined;
  }

  audio(audio: Uint8Array): FenceAction[] {
    if (audio.length === 0) return [];
    if (this.up) {
      if (this.#late !== undefined) return [{ kind: "play", reply: this.#late, audio }];
      if (this.#cut !== undefined && !this.#held) this.#keep(audio);
      return [];
    }
    const actions = this.#begin();
    this.#open!.bytes += audio.length;
    actions.push({ kind: "play", reply: this.#open!.reply, audio });
    return actions;
  }

  assistantText(text: string): FenceAction[] {
    if (this.up) return [];
    const actions = this.#begin();
    actions.push({ kind: "text", reply: this.#open!.reply, text });
    return actions;
  }

  /** The agent has sent all of a reply. If the open one has had no audio yet, this is about an earlier one. */
  audioDone(): FenceAction[] {
    if (this.#up) this.#whole = true;
    return this.#late !== undefined || (this.#open && this.#open.bytes > 0) ? this.#finish() : [];
  }

  /** Nothing came for a while and all was played. */
  quiet(): FenceAction[] {
    return this.#finish();
  }

  /** The agent is gone, and another takes its place: nothing of the old one comes any more. */
  restart(): FenceAction[] {
    this.#held = false;
    return [...this.#lift(), ...this.#finish()];
  }

  /** The interruption was noise: take what has come of the cut reply since. The fence stays up, as more may come late. */
  takeKept(): Uint8Array[] {
    const kept = this.#kept;
    this.#drop();
    return kept;
  }

  #begin(): FenceAction[] {
    if (this.#open) return [];
    this.#open = { reply: this.#newReply(), bytes: 0 };
    return [{ kind: "started", reply: this.#open.reply }];
  }

  #finish(): FenceAction[] {
    const { reply } = this;
    this.#open = this.#late = undefined;
    return reply === undefined ? [] : [{ kind: "finished", reply }];
  }

  /** The fence comes down: nothing more comes of a reply from before. */
  #lift(): FenceAction[] {
    const wasLate = this.#late !== undefined;
    this.#up = false;
    this.#cut = undefined;
    this.#drop();
    return wasLate ? this.#finish() : [];
  }

  /** What is kept has no hole. */
  #keep(audio: Uint8Array): void {
    this.#overflowed ||= this.#keptBytes + audio.length > KEEP_BYTES;
    if (this.#overflowed) return;
    this.#kept.push(audio);
    this.#keptBytes += audio.length;
  }

  #drop(): void {
    this.#kept = [];
    this.#keptBytes = 0;
  }
}
