/** JSON objects of unknown content. Pure. */

import { isObject } from "../base/json.ts";

export type Raw = Record<string, unknown>;

/** `value` if it is an object, else an empty one. */
export function objectOf(value: unknown): Raw {
  return isObject(value) ? value : {};
}

/**
 * JSON merge patch (RFC 7396), without changing either side. One thing is ours: a new `text` takes away the `audio` that
 * stood beside the old one, or a recording would say what no longer holds.
 */
export function mergePatch(target: unknown, patch: Raw): Raw {
  const merged = new Map(Object.entries(objectOf(target)));
  if (patch.text !== undefined) merged.delete("audio");
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) merged.delete(key);
    else merged.set(key, isObject(value) ? mergePatch(merged.get(key), value) : value);
  }
  return Object.fromEntries(merged);
}
