/** The memory of the house: observes every call, writes in batches off the audio path, and reads back. */

import type { Clock, Timer } from "./base/clock.ts";
import { failed, type Result } from "./base/result.ts";
import { type CallNotice, type CallRecord, RecordFold } from "./call/notice.ts";
import { type Backend, type CallFilter, type CallRow, type CallState, type Entry, numberKey } from "./store/backend.ts";
import { Checkpoints } from "./store/checkpoints.ts";
import { type Failing, type HealthParts, StoreHealth } from "./store/health.ts";
import { MemoryBackend } from "./store/memory.ts";
import { recordingFile, recordingsIn, removeFile } from "./store/place.ts";
import { withoutWords } from "./store/privacy.ts";
import { findCall, readCall } from "./store/reader.ts";
import { SqliteBackend } from "./store/sqlite.ts";

export type { CallFilter, CallRow } from "./store/backend.ts";
export { PROCESS_DIED } from "./store/backend.ts";
export { describeStoreReport, type Failing, type StoreReport } from "./store/health.ts";

/** How long calls to a number are kept, and whether their words are. */
export interface StorePrivacy {
  transcripts: boolean;
  keepDays: number;
}

export interface StoreOptions extends Omit<HealthParts, "waiting" | "busyLimit"> {
  /** The SQLite file; its folder must exist. Undefined: memory, of at most `MEMORY_CALLS` calls. */
  path?: string;
  /** The data folder, whose recordings are removed with their calls. */
  folder?: string;
  /** The rules for calls to this number at this moment. */
  privacy: (to: string) => StorePrivacy;
  /** Tells this run of the program from others, on the same file. */
  process: string;
}

/** Without a disk. */
export const MEMORY_CALLS = 500;
/** Nothing that was observed waits longer for the disk, while the disk works; while it is at a checkpoint, until that is done. */
export const FLUSH_EVERY_MS = 500;
/** Notices that may wait for the disk: some minutes of 50 calls. */
export const QUEUE_LIMIT = 20_000;
/** Notices written at once, so that no write takes long. */
const BATCH = 120;
/** Between two batches, when more wait. */
const NEXT_BATCH_MS = 5;
const RETRY_MS = 2000;
const SWEEP_EVERY_MS = 3_600_000;
/** Machines start with a clock that may be days ahead, and set it once there is a network: no call is to be lost by that. */
const FIRST_SWEEP_MS = 600_000;
/** Between two parts of a large sweep. */
const NEXT_SWEEP_MS = 500;
const DAY_MS = 86_400_000;
/** Calls whose records are held in memory; any other record is folded again from its notices when it is needed. */
const FOLDS = 500;
/** Removed calls whose late notices are known to be unwanted. */
const REMOVED = 1000;

interface Open {
  fold: RecordFold;
  isNew: boolean;
  /** Its notices that are in the queue. */
  waiting: number;
  keepsWords: boolean;
}

/** A disk that refuses is reported and tried again; observing works all the same. */
export class Store implements Disposable {
  readonly #options: StoreOptions;
  readonly #clock: Clock;
  #backend: Backend | undefined;
  #queue: Entry[] = [];
  readonly #open = new Map<string, Open>();
  readonly #removed = new Set<string>();
  /** Calls that go on, or may come back: they are kept meanwhile. */
  readonly #live = new Set<string>();
  /** Calls that are over and not to be kept. */
  readonly #due = new Set<string>();
  /** Something was removed, and its traces may still be in the file. */
  #traces = false;
  #timer: Timer | undefined;
  #sweeper: Timer | undefined;
  #seq = 0;
  readonly #health: StoreHealth;
  #closed = false;

  constructor(options: StoreOptions) {
    this.#options = options;
    this.#clock = options.clock;
    this.#health = new StoreHealth({ ...options, waiting: () => this.#queue.length, busyLimit: QUEUE_LIMIT / 2 });
    if (!this.#health.attempt(() => this.#connect())) this.#arm(RETRY_MS);
    this.#armSweep(FIRST_SWEEP_MS);
  }

  /** Undefined while the disk works. */
  get failing(): Failing | undefined {
    return this.#health.failing;
  }

  /** Never throws, never writes: at most `FLUSH_EVERY_MS` later it is on the disk. */
  readonly observe = (notice: CallNotice): void => {
    if (this.#closed) return;
    if (notice.kind === "call-over") return this.#over(notice);
    if (this.#removed.has(notice.call)) return;
    if (notice.kind === "call-started" || notice.kind === "call-resumed") this.#live.add(notice.call);
    const open = this.#track(notice);
    const kept = open.keepsWords ? notice : withoutWords(notice);
    if (!kept) return;
    open.fold.add(kept);
    if (!isWorthKeeping(kept)) return;
    if (this.#queue.length >= QUEUE_LIMIT) {
      this.#left(this.#queue.shift()!);
      this.#health.dropped();
    }
    open.waiting++;
    this.#queue.push({ call: notice.call, seq: this.#seq++, notice: kept });
    this.#arm(notice.kind === "call-ended" ? 0 : FLUSH_EVERY_MS);
  };

  list(filter: CallFilter): CallRow[] {
    this.flush();
    return this.#backend?.list(filter) ?? [];
  }

  /** A call by its id, its CallSid, a unique beginning of either, or `last`. The fault holds the ids it could be. */
  get(call: string): Result<CallRecord, string[]> {
    this.flush();
    return this.#backend ? readCall(this.#backend, call) : failed([]);
  }

  notices(id: string): CallNotice[] {
    this.flush();
    return this.#backend?.notices(id) ?? [];
  }

  /** Whether a call is there that began here; also true where that cannot be read. Waits for nothing. */
  has(id: string): boolean {
    if (this.#open.get(id)?.isNew) return true; // it waits for the disk
    return this.#read((backend) => backend.row(id) !== undefined, true);
  }

  /** Remove every call from this number, so that no trace is left in the file. `clean`: false if another process hindered that. */
  forget(number: string): { calls: number; clean: boolean } {
    this.flush();
    const live = [...this.#open].filter(([, { fold }]) => numberKey(fold.record.from) === numberKey(number));
    const ids = new Set([...this.#backend?.ofNumber(number) ?? [], ...live.map(([id]) => id)]);
    const gone = this.#erase([...ids]);
    return { calls: gone ? ids.size : 0, clean: gone && this.#scrub() };
  }

  /** `unknown`: there is no such call. `kept`: the disk refuses, and the call is as it was. */
  remove(id: string): "removed" | "unknown" | "kept" {
    this.flush();
    const known = (this.#backend && findCall(this.#backend, id).includes(id)) || this.#open.has(id);
    if (!known) return "unknown";
    if (!this.#erase([id])) return "kept";
    this.#scrub();
    return "removed";
  }

  /** Minutes of the calls that began since then, ms since 1970, and have ended; 0 where nothing can be read. */
  minutesSince(ms: number): number {
    return this.#read((backend) => backend.minutesSince(ms), 0);
  }

  /** Write what waits, now. @returns false if the disk refuses. */
  flush(): boolean {
    let written = true;
    while (this.#queue.length > 0 && written) written = this.#write();
    return written;
  }

  [Symbol.dispose](): void {
    this.flush();
    if (this.#erase([...this.#due])) this.#scrub();
    this.#removeStrays();
    this.#closed = true;
    this.#health.closes();
    this.#timer?.[Symbol.dispose]();
    this.#sweeper?.[Symbol.dispose]();
    this.#backend?.close();
    this.#backend = undefined;
  }

  #track(notice: CallNotice): Open {
    const known = this.#open.get(notice.call);
    if (known) return known;
    const isNew = notice.kind === "call-started";
    const fold = new RecordFold(notice.call);
    // Facts come after a call's end, perhaps long after.
    const earlier = isNew ? [] : this.#read((backend) => backend.notices(notice.call), []);
    for (const one of earlier) fold.add(one);
    const to = isNew ? notice.to : fold.record.to;
    const open = { fold, isNew, waiting: 0, keepsWords: this.#options.privacy(to).transcripts };
    this.#open.set(notice.call, open);
    for (const [id, { fold, waiting }] of this.#open) {
      if (this.#open.size <= FOLDS || id === notice.call) break; // the newest, which is asked for, comes last
      if (fold.record.endReason !== undefined && waiting === 0) this.#open.delete(id);
    }
    return open;
  }

  /** What `read` gives; `otherwise` where nothing can be read: whatever hinders that is told when writing. */
  #read<T>(read: (backend: Backend) => T, otherwise: T): T {
    try {
      return this.#backend ? read(this.#backend) : otherwise;
    } catch {
      return otherwise;
    }
  }

  #arm(ms: number): void {
    const isFailing = this.failing !== undefined;
    if (this.#closed || (this.#timer && (ms > 0 || isFailing))) return;
    this.#timer?.[Symbol.dispose]();
    this.#timer = this.#clock.after(isFailing ? RETRY_MS : ms, () => {
      this.#timer = undefined;
      if (this.#backend?.isBusy) return this.#arm(NEXT_BATCH_MS);
      const written = this.#write();
      if (this.#queue.length > 0 || !this.#backend) this.#arm(written ? NEXT_BATCH_MS : FLUSH_EVERY_MS);
    });
  }

  /** Write one batch. @returns false if the disk refuses: it is kept, and tried again. */
  #write(): boolean {
    const batch = this.#queue.slice(0, BATCH);
    const touched = new Set(batch.map(({ call }) => call));
    const opens = [...touched].flatMap((id) => this.#open.get(id) ?? []);
    const done = this.#health.attempt(() => {
      this.#connect();
      if (batch.length > 0) this.#backend!.write(batch, opens.map(stateOf), this.#nowMs());
    });
    if (!done) return false;
    this.#queue.splice(0, batch.length);
    for (const entry of batch) this.#left(entry);
    for (const open of opens) open.isNew = false;
    return true;
  }

  /** It is in the queue no more. */
  #left({ call }: Entry): void {
    const open = this.#open.get(call);
    if (open) open.waiting--;
  }

  #connect(): void {
    const { path, process } = this.#options;
    if (this.#backend?.gone) this.#leave(this.#backend);
    this.#backend ??= path === undefined ? new MemoryBackend(MEMORY_CALLS) : new SqliteBackend({
      path,
      access: "record",
      process,
      checkpoints: new Checkpoints({ path, clock: this.#clock }),
    });
  }

  /** Nobody would find what is written there: calls that go on begin anew where the file should be. */
  #leave(backend: Backend): void {
    this.#backend = undefined;
    for (const open of this.#open.values()) open.isNew = true;
    try {
      backend.scrub(); // SQLite leaves what is still in the log beside the file, and who moved the file may not know of that
    } finally {
      backend.close();
    }
  }

  /** A call that is not to be kept leaves nothing, not even what was recorded after it was removed. */
  #over(notice: CallNotice): void {
    const { call } = notice;
    this.#live.delete(call);
    if (!this.#removed.has(call) && this.#keepDays(this.#track(notice).fold.record.to) > 0) return;
    this.#due.add(call);
    this.#armSweep(0);
  }

  /** @returns whether they are gone; else all is as it was. */
  #erase(ids: readonly string[]): boolean {
    const backend = this.#backend;
    if (ids.length === 0) return true;
    if (backend && !this.#health.attempt(() => backend.remove(ids))) return false;
    this.#traces = true;
    const gone = new Set(ids);
    for (const id of gone) {
      this.#open.delete(id);
      this.#due.delete(id);
      this.#removed.add(id);
    }
    for (const id of this.#removed) {
      if (this.#removed.size <= REMOVED) break;
      this.#removed.delete(id);
    }
    this.#queue = this.#queue.filter(({ call }) => !gone.has(call));
    for (const id of gone) this.#removeRecording(id);
    return true;
  }

  /** @returns whether no trace is left of what was removed. */
  #scrub(): boolean {
    if (this.#traces) this.#health.attempt(() => void (this.#traces = this.#backend?.scrub() === false));
    return !this.#traces;
  }

  /**
   * Old recordings without a call: a process may have died between the removal of the two. Only at the end, when nobody
   * is on the line, as many files take a while: 100,000 some 2 s.
   */
  #removeStrays(): void {
    const { folder } = this.#options;
    if (folder === undefined || !this.#backend) return;
    const keptMs = Math.max(this.#keepDays("") * DAY_MS, SWEEP_EVERY_MS); // another process may be writing it
    try {
      for (const { call, changedMs } of recordingsIn(folder)) {
        const isOld = changedMs < this.#nowMs() - keptMs;
        if (isOld && !this.#backend.row(call)) this.#removeRecording(call);
      }
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) this.#health.fails(error);
    }
  }

  #removeRecording(id: string): void {
    const { folder } = this.#options;
    if (folder === undefined) return;
    try {
      removeFile(`${folder}/${recordingFile(id)}`);
    } catch (error) {
      reportError(error);
    }
  }

  /** Remove what is older than its number's `keepDays`, a part at a time. */
  #sweep(): void {
    const old = [...this.#due, ...this.#older()];
    const isDone = this.#erase(old) && this.#scrub();
    this.#armSweep(!isDone ? RETRY_MS : old.length > 0 ? NEXT_SWEEP_MS : SWEEP_EVERY_MS);
  }

  #armSweep(ms: number): void {
    this.#sweeper?.[Symbol.dispose]();
    this.#sweeper = this.#clock.after(ms, () => this.#sweep());
  }

  #older(): string[] {
    const cutMs = (to: string) => this.#nowMs() - this.#keepDays(to) * DAY_MS;
    return this.#read((backend) => backend.olderThan(cutMs), []).filter((id) => !this.#live.has(id));
  }

  #keepDays(to: string): number {
    return this.#options.privacy(to).keepDays;
  }

  #nowMs(): number {
    return this.#clock.wallTime().getTime();
  }
}

/** Guesses that are replaced, and the carrier's steady echoes, tell nothing afterwards. */
function isWorthKeeping(notice: CallNotice): boolean {
  return notice.kind !== "mark-round-trip" && !(notice.kind === "caller-text" && !notice.final);
}

function stateOf({ fold: { record }, isNew }: Open): CallState {
  const { id, callSid, startedAt, from, to, engine, endReason, durationMs, transcript, faults, facts } = record;
  return {
    ...{ id, callSid, startedAt, from, to, engine, durationMs, isNew },
    outcome: endReason,
    turns: transcript.length,
    faults: faults.length,
    facts: Object.fromEntries(Object.entries(facts).map(([field, { value }]) => [field, value])),
  };
}
