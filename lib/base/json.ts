/** `text` as JSON; undefined if it is none: no schema takes that. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Whether `value` is a JSON object: no list, and not null. */
export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** `value` as JSON with its keys in one order: what says the same is the same text. */
export function canonicalJson(value: unknown): string {
  const sorted = (value: Record<string, unknown>) =>
    Object.fromEntries(Object.entries(value).toSorted(([a], [b]) => a < b ? -1 : 1));
  return JSON.stringify(value, (_key, value) => isObject(value) ? sorted(value) : value);
}

/** `text` as a JSON object; undefined if it is none. */
export function parseObject(text: string): Record<string, unknown> | undefined {
  const value = parseJson(text);
  return isObject(value) ? value : undefined;
}
