/** Finds and reads one call, for the store and for commands beside it. */

import { failed, ok, type Result } from "../base/result.ts";
import { type CallRecord, RecordFold } from "../call/notice.ts";
import { type Backend, PROCESS_DIED } from "./backend.ts";

/** Ids of the calls that `call` may mean: an id, a CallSid, a beginning of either, or `last`. */
export function findCall(backend: Backend, call: string): string[] {
  if (call === "last") return backend.find("");
  if (call === "") return [];
  const ids = [...backend.find(call), ...backend.find(`call-${call}`)];
  return ids.includes(call) ? [call] : [...new Set(ids)];
}

/** The record of the one call that `call` means. The fault holds the ids it could mean. */
export function readCall(backend: Backend, call: string): Result<CallRecord, string[]> {
  const ids = findCall(backend, call);
  const [id] = ids;
  if (id === undefined || ids.length > 1) return failed(ids);
  const fold = new RecordFold(id);
  for (const notice of backend.notices(id)) fold.add(notice);
  if (backend.row(id)?.outcome === PROCESS_DIED) fold.record.endReason = PROCESS_DIED;
  return ok(fold.record);
}
