/** Where the commands about calls read them: the data folder of this machine, or a running server. */

import * as z from "zod";
import { parseJson } from "./base/json.ts";
import { whyUnanswered } from "./base/result.ts";
import type { CallNotice, CallRecord } from "./call/notice.ts";
import { isForbidden, whyNotRead } from "./permissions.ts";
import type { CallFilter, CallRow } from "./store.ts";
import { numberKey } from "./store/backend.ts";
import { storeFault } from "./store/fault.ts";
import { CALLS_FILE, recordingFile, removeFile } from "./store/place.ts";
import { readCall } from "./store/reader.ts";
import { SqliteBackend } from "./store/sqlite.ts";

/** What these commands need of a store. */
export interface Archive extends Disposable {
  list(filter: CallFilter): Promise<CallRow[]>;
  /** A call, or the ids it could be. */
  get(call: string): Promise<{ record: CallRecord; notices: CallNotice[] } | string[]>;
  forget(number: string): Promise<{ calls: number; clean: boolean }>;
  /** The data folder; undefined where a server has the calls. */
  readonly folder: string | undefined;
}

export interface ArchiveParts {
  /** `DATA_DIR`, `ADMIN_TOKEN`. */
  env: Readonly<Record<string, string | undefined>>;
  fetch: (request: Request) => Promise<Response>;
  now: () => Date;
}

/** Nothing is there, or cannot be had or written, or nobody answers: the exit code says which. */
export class NotThere extends Error {
  constructor(message: string, readonly exitCode: 1 | 3) {
    super(message);
  }
}

/** No call was ever kept there. */
export class NoneKept extends NotThere {}

/** The calls in the data folder. */
export function folderArchive({ env }: Pick<ArchiveParts, "env">, access: "read" | "edit"): Archive {
  const folder = env.DATA_DIR || "./data";
  const path = `${folder}/${CALLS_FILE}`;
  const attempt = <T>(action: () => T): T => attempted(`Cannot ${access} ${path}`, action);
  const backend = attempt(() => openBackend(path, access));
  return {
    folder,
    list: (filter) => Promise.resolve(attempt(() => backend.list(filter))),
    get: (call) =>
      Promise.resolve(attempt(() => {
        const found = readCall(backend, call);
        return found.ok ? { record: found.value, notices: backend.notices(found.value.id) } : found.fault;
      })),
    forget: (number) =>
      Promise.resolve(attempt(() => {
        const ids = backend.ofNumber(number);
        const calls = backend.remove(ids);
        for (const id of ids) removeFile(`${folder}/${recordingFile(id)}`);
        return { calls, clean: backend.scrub() };
      })),
    [Symbol.dispose]: () => backend.close(),
  };
}

/** Do what the disk may refuse. `what`: the beginning of the sentence that says so. */
function attempted<T>(what: string, action: () => T): T {
  try {
    return action();
  } catch (error) {
    if (error instanceof NotThere) throw error;
    throw new NotThere(`${what}: ${isForbidden(error) ? whyNotRead(error) : `${storeFault(error).detail}.`}`, 1);
  }
}

function openBackend(path: string, access: "read" | "edit"): SqliteBackend {
  try {
    if (!Deno.statSync(path).isFile) throw new Error("this is no file: move it away, and a new one is made");
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    throw new NoneKept(`No calls are kept in ${path}. DATA_DIR says where to look, --url asks a running server.`, 1);
  }
  return new SqliteBackend({ path, access });
}

const object = <T>() => z.custom<T>((value) => typeof value === "object" && value !== null);
const Listed = z.object({ calls: z.array(object<CallRow>()) });
const One = z.object({ call: object<CallRecord>(), notices: z.array(object<CallNotice>()) });
const Several = z.object({ couldBe: z.array(z.string()) });
const Refused = z.object({ error: z.string() });

/** How long a server may take to answer. */
const FAR_LIMIT_MS = 15_000;

/** The calls of the server at `url`. */
export function serverArchive(url: string, { env, fetch }: Pick<ArchiveParts, "env" | "fetch">): Archive {
  const base = url.replace(/\/+$/, "");
  const ask = async (path: string, method = "GET"): Promise<{ status: number; body: unknown }> => {
    const headers = { authorization: `Bearer ${env.ADMIN_TOKEN ?? ""}` };
    let response: Response;
    try {
      const signal = AbortSignal.timeout(FAR_LIMIT_MS);
      response = await fetch(new Request(`${base}${path}`, { method, headers, signal }));
    } catch (error) {
      throw new NotThere(`Cannot reach ${base}: ${whyUnanswered(error)}.`, 3);
    }
    const text = await response.text();
    if (response.status === 401) throw new NotThere(`${base} does not take our ADMIN_TOKEN.`, 1);
    return { status: response.status, body: parseJson(text) };
  };
  const list = async (filter: CallFilter) => {
    const query = new URLSearchParams(Object.entries(filter).map(([name, value]) => [name, String(value)]));
    const { status, body } = await ask(`/calls?${query}`);
    const read = Listed.safeParse(body);
    if (status !== 200 || !read.success) {
      throw new NotThere(`${base} gives no calls (HTTP ${status}): is ADMIN_TOKEN set there?`, 1);
    }
    return read.data.calls;
  };
  return {
    folder: undefined,
    list,
    async get(call) {
      const { status, body } = await ask(`/calls/${encodeURIComponent(call)}`);
      const read = One.safeParse(body);
      if (read.success) return { record: read.data.call, notices: read.data.notices };
      const several = Several.safeParse(body).data;
      if (several) return several.couldBe;
      const why = Refused.safeParse(body).data?.error ?? `HTTP ${status}`;
      throw new NotThere(`${base} does not give "${call}": ${why}`, 1);
    },
    async forget(number) {
      const rows = (await list({ number, limit: 100_000 })).filter(({ from }) => numberKey(from) === numberKey(number));
      let calls = 0;
      for (const { id } of rows) if ((await ask(`/calls/${id}`, "DELETE")).status === 204) calls++;
      return { calls, clean: calls === rows.length };
    },
    [Symbol.dispose]: () => {},
  };
}
