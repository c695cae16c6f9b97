/** JSON objects of unknown content. Pure. */

export type Raw = Record<string, unknown>;

export function isObject(value: unknown): value is Raw {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** `value` if it is an object, else an empty one. */
export function objectOf(value: unknown): Raw {
  return isObject(value) ? value : {};
}

/** JSON merge patch (RFC 7396), without changing either side. */
export function mergePatch(target: unknown, patch: Raw): Raw {
  const merged = new Map(Object.entries(objectOf(target)));
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) merged.delete(key);
    else merged.set(key, isObject(value) ? mergePatch(merged.get(key), value) : value);
  }
  return Object.fromEntries(merged);
}
