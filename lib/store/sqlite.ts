/** Calls in a SQLite file: one row per call, and its notices as they came. Deno reference, section 10. */

import { DatabaseSync, type SQLInputValue, type StatementSync } from "node:sqlite";
import type { CallNotice } from "../call/notice.ts";
import {
  type Backend,
  type CallFilter,
  type CallRow,
  type CallState,
  type Entry,
  numberKey,
  PROCESS_DIED,
} from "./backend.ts";
import type { Checkpoints } from "./checkpoints.ts";
import { isOwned, own } from "./owner.ts";
import { keepToOurselves, OWN_FILE } from "./place.ts";

/** Each entry takes the file one version further. Never change one that was shipped: add another. */
export const MIGRATIONS: readonly string[] = [
  `CREATE TABLE calls (
     id TEXT PRIMARY KEY, call_sid TEXT NOT NULL, started_ms INTEGER NOT NULL, updated_ms INTEGER NOT NULL,
     process TEXT NOT NULL, from_number TEXT NOT NULL, to_number TEXT NOT NULL, from_key TEXT NOT NULL, to_key TEXT NOT NULL,
     engine TEXT NOT NULL, outcome TEXT, duration_ms REAL, turns INTEGER NOT NULL, faults INTEGER NOT NULL, facts TEXT NOT NULL
   ) STRICT, WITHOUT ROWID;
   CREATE INDEX calls_started ON calls (started_ms);
   CREATE INDEX calls_sid ON calls (call_sid);
   CREATE INDEX calls_from ON calls (from_key, started_ms);
   CREATE INDEX calls_to ON calls (to_key, started_ms);
   CREATE INDEX calls_outcome ON calls (outcome, started_ms);
   CREATE TABLE notices (
     call TEXT NOT NULL, seq INTEGER NOT NULL, body TEXT NOT NULL, PRIMARY KEY (call, seq)
   ) STRICT, WITHOUT ROWID;
   CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;`,
];

/** Who records, or recorded last. */
const WRITER = "(SELECT value FROM meta WHERE name = 'writer')";
/** Its first value: whether anybody records now. */
const ROWS = `SELECT *, (outcome IS NULL AND ?1 AND process = ${WRITER}) AS live FROM calls`;

/** The numbers that were called, each found by one step in their index: `DISTINCT` would read every call, on the calls' own loop. */
const CALLED = `WITH RECURSIVE called (key) AS (SELECT MIN(to_key) FROM calls UNION ALL
  SELECT (SELECT MIN(to_key) FROM calls WHERE to_key > called.key) FROM called WHERE called.key IS NOT NULL)
  SELECT key FROM called WHERE key IS NOT NULL`;
/** Calls that `olderThan` gives: removing them holds every call up, by 30 ms if they were long. */
const SWEPT = 20;

/** How long another process may keep us waiting: calls go on meanwhile, so the store rather tries again later. */
const BUSY_MS = 5;
const COMMAND_BUSY_MS = 2000;
/** The log is taken into the file within a write only if nobody else did it (`checkpoints.ts`): pages, 64 MB of them. */
const LOG_PAGES = 16_000;

/** A file that a newer version of this program has written. */
export class NewerSchemaError extends Error {
  override readonly name = "NewerSchemaError";
}

/** Bring the file up to date, all or nothing. @throws {NewerSchemaError} */
export function migrate(db: DatabaseSync, migrations: readonly string[] = MIGRATIONS): void {
  const version = Number(db.prepare("PRAGMA user_version").get()?.user_version);
  if (version > migrations.length) {
    throw new NewerSchemaError(`The store has schema ${version}, and this program knows ${migrations.length}`);
  }
  for (let at = version; at < migrations.length; at++) {
    inTransaction(db, () => db.exec(`${migrations[at]}; PRAGMA user_version = ${at + 1}`));
  }
}

export type SqliteOptions =
  /** The one that records, for the file has one owner: calls of a process that has gone are told apart by its name. */
  | { path: string; access: "record"; process: string; checkpoints: Checkpoints }
  /** A command beside it; the file must be there. */
  | { path: string; access: "edit" | "read" };

type Row = Record<string, unknown>;

export class SqliteBackend implements Backend {
  readonly #db: DatabaseSync;
  readonly #path: string;
  readonly #inode: number | null;
  readonly #process: string;
  readonly #checkpoints: Checkpoints | undefined;
  readonly #statements = new Map<string, StatementSync>();
  #owner: Disposable | undefined;

  /** @throws if the file cannot be opened, is none of ours, or is newer; `OwnedError`. */
  constructor(options: SqliteOptions) {
    this.#process = options.access === "record" ? options.process : "";
    this.#checkpoints = options.access === "record" ? options.checkpoints : undefined;
    this.#path = options.path;
    this.#db = openFile(options.path, options.access);
    try {
      this.#inode = Deno.statSync(options.path).ino;
      if (options.access !== "read") migrate(this.#db);
      if (options.access !== "record") return;
      this.#owner = own(options.path);
      const claim = "INSERT INTO meta VALUES ('writer', ?) ON CONFLICT DO UPDATE SET value = excluded.value";
      this.#run(claim, options.process);
      // SQLite makes later companions like the file itself.
      for (const companion of ["", "-wal", "-shm"]) keepToOurselves(`${options.path}${companion}`, OWN_FILE);
    } catch (error) {
      this.close();
      throw error;
    }
  }

  write(entries: readonly Entry[], calls: readonly CallState[], nowMs: number): void {
    inTransaction(this.#db, () => {
      for (const call of calls) this.#writeCall(call, nowMs);
      // A call that was forgotten meanwhile stays forgotten.
      const insert = this.#prepare(
        "INSERT OR IGNORE INTO notices SELECT ?1, ?2, ?3 WHERE EXISTS (SELECT 1 FROM calls WHERE id = ?1)",
      );
      for (const { call, seq, notice } of entries) insert.run(call, seq, JSON.stringify(notice));
    });
    this.#checkpoints?.written(entries.length + calls.length);
  }

  list({ sinceMs, outcome, number, live, limit = 20, after }: CallFilter): CallRow[] {
    const where: string[] = [];
    const values: SQLInputValue[] = [this.#isOwned];
    const bind = (value: SQLInputValue) => `?${values.push(value)}`;
    if (sinceMs !== undefined) where.push(`started_ms >= ${bind(sinceMs)}`);
    if (outcome === PROCESS_DIED) where.push("outcome IS NULL AND NOT live");
    else if (outcome !== undefined) where.push(`outcome = ${bind(outcome)}`);
    if (live !== undefined) where.push(live ? "outcome IS NULL AND live" : "NOT (outcome IS NULL AND live)");
    if (after) where.push(`(started_ms, id) < (${bind(Date.parse(after.startedAt))}, ${bind(after.id)})`);
    const newest = `ORDER BY started_ms DESC, id DESC LIMIT ${bind(limit)}`;
    const select = (...more: string[]) => {
      const conditions = [...where, ...more];
      return `${ROWS} ${conditions.length > 0 ? `WHERE ${conditions.join(" AND ")}` : ""} ${newest}`;
    };
    if (number === undefined) return this.#all(select(), ...values).map(rowOf);
    // Each column by its own index: with OR all calls of a number would be read and sorted for each page.
    const key = bind(numberKey(number));
    const ends = ["from_key", "to_key"].map((column) => `SELECT * FROM (${select(`${column} = ${key}`)})`);
    return this.#all(`${ends.join(" UNION ")} ${newest}`, ...values).map(rowOf);
  }

  row(id: string): CallRow | undefined {
    return this.#all(`${ROWS} WHERE id = ?2`, this.#isOwned, id).map(rowOf)[0];
  }

  find(prefix: string): string[] {
    const rows = prefix === ""
      ? this.#all("SELECT id FROM calls ORDER BY started_ms DESC, id DESC LIMIT 1")
      : this.#all(
        "SELECT id FROM calls WHERE id BETWEEN ?1 AND ?2 OR call_sid BETWEEN ?1 AND ?2 LIMIT 10",
        prefix,
        `${prefix}\u{10FFFF}`,
      );
    return rows.map(({ id }) => String(id));
  }

  notices(id: string): CallNotice[] {
    return this.#all("SELECT body FROM notices WHERE call = ? ORDER BY seq", id)
      // What this program wrote itself.
      .map(({ body }) => JSON.parse(String(body)) as CallNotice);
  }

  ofNumber(number: string): string[] {
    return this.#all("SELECT id FROM calls WHERE from_key = ?", numberKey(number)).map(({ id }) => String(id));
  }

  olderThan(cutMs: (to: string) => number): string[] {
    const old: string[] = [];
    for (const { key } of this.#all(CALLED)) {
      if (old.length >= SWEPT) break;
      const beforeMs = cutMs(String(key));
      const rows = this.#all(
        `SELECT id FROM calls WHERE to_key = ? AND started_ms < ? AND (outcome IS NOT NULL OR process <> ${WRITER}) LIMIT ?`,
        String(key),
        beforeMs,
        SWEPT - old.length,
      );
      old.push(...rows.map(({ id }) => String(id)));
    }
    return old;
  }

  remove(ids: readonly string[]): number {
    let removed = 0;
    inTransaction(this.#db, () => {
      for (const id of ids) {
        this.#run("DELETE FROM notices WHERE call = ?", id);
        removed += Number(this.#run("DELETE FROM calls WHERE id = ?", id).changes);
      }
    });
    return removed;
  }

  /** `secure_delete` has overwritten the rows; the write-ahead log may still hold them, so it is emptied. */
  scrub(): boolean {
    return this.#all("PRAGMA wal_checkpoint(TRUNCATE)")[0]?.busy === 0;
  }

  minutesSince(ms: number): number {
    const [row] = this.#all("SELECT TOTAL(duration_ms) / 60000 AS minutes FROM calls WHERE started_ms >= ?", ms);
    return Number(row?.minutes ?? 0);
  }

  get isBusy(): boolean {
    return this.#checkpoints?.isBusy ?? false;
  }

  get gone(): boolean {
    try {
      return Deno.statSync(this.#path).ino !== this.#inode;
    } catch (error) {
      return error instanceof Deno.errors.NotFound;
    }
  }

  close(): void {
    this.#checkpoints?.[Symbol.dispose]();
    this.#statements.clear();
    this.#db.close();
    this.#owner?.[Symbol.dispose]();
  }

  /** 1 if a process records: where none does, no call lives. */
  get #isOwned(): 0 | 1 {
    return this.#owner || isOwned(this.#path) ? 1 : 0;
  }

  #writeCall(call: CallState, nowMs: number): void {
    const changing: SQLInputValue[] = [
      call.outcome ?? null,
      call.durationMs ?? null,
      call.turns,
      call.faults,
      JSON.stringify(call.facts),
      nowMs,
    ];
    if (!call.isNew) {
      const sql =
        "UPDATE calls SET outcome = ?, duration_ms = ?, turns = ?, faults = ?, facts = ?, updated_ms = ? WHERE id = ?";
      this.#run(sql, ...changing, call.id);
      return;
    }
    const { id, callSid, startedAt, from, to, engine } = call;
    this.#run(
      `INSERT OR IGNORE INTO calls (outcome, duration_ms, turns, faults, facts, updated_ms, id, call_sid, started_ms,
         process, from_number, to_number, from_key, to_key, engine) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      ...changing,
      id,
      callSid,
      Date.parse(startedAt),
      this.#process,
      from,
      to,
      numberKey(from),
      numberKey(to),
      engine,
    );
  }

  #all(sql: string, ...values: SQLInputValue[]): Row[] {
    return this.#prepare(sql).all(...values);
  }

  #run(sql: string, ...values: SQLInputValue[]) {
    return this.#prepare(sql).run(...values);
  }

  #prepare(sql: string): StatementSync {
    const known = this.#statements.get(sql);
    if (known) return known;
    const statement = this.#db.prepare(sql);
    this.#statements.set(sql, statement);
    return statement;
  }
}

function openFile(path: string, access: SqliteOptions["access"]): DatabaseSync {
  const db = new DatabaseSync(path, { readOnly: access === "read" });
  try {
    db.exec(`PRAGMA busy_timeout = ${access === "record" ? BUSY_MS : COMMAND_BUSY_MS}`);
    if (access !== "read") {
      db.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA secure_delete = ON");
      if (access === "record") db.exec(`PRAGMA wal_autocheckpoint = ${LOG_PAGES}`);
    }
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}

function inTransaction(db: DatabaseSync, action: () => void): void {
  db.exec("BEGIN IMMEDIATE");
  try {
    action();
    db.exec("COMMIT");
  } catch (error) {
    // A full disk may have rolled back already.
    if (db.isTransaction) db.exec("ROLLBACK");
    throw error;
  }
}

function rowOf(row: Row): CallRow {
  const live = row.live === 1;
  return {
    id: String(row.id),
    callSid: String(row.call_sid),
    startedAt: new Date(Number(row.started_ms)).toISOString(),
    from: String(row.from_number),
    to: String(row.to_number),
    engine: String(row.engine),
    outcome: typeof row.outcome === "string" ? row.outcome : live ? undefined : PROCESS_DIED,
    durationMs: typeof row.duration_ms === "number" ? row.duration_ms : undefined,
    live,
    turns: Number(row.turns),
    faults: Number(row.faults),
    facts: JSON.parse(String(row.facts)) as Record<string, unknown>,
  };
}
