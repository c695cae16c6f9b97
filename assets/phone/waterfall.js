// @ts-check
/** Where the time of an answer went. */

/**
 * @typedef {{stt?: number, model?: number, voice?: number, ours?: number, total?: number}} LatencyParts ms
 * @typedef {{name: "stt" | "model" | "voice" | "ours" | "rest", label: string, ms: number}} Bar
 * @typedef {{totalMs: number, bars: Bar[]}} Waterfall
 */

const LABELS = /** @type {const} */ ({ stt: "hearing", model: "thinking", voice: "voice", ours: "ours" });

/**
 * One bar after the other. What the parts do not explain is the line's: the end of the turn being noticed, the network.
 * @param {LatencyParts | undefined} parts
 * @param {number | undefined} waitedMs from the caller's last sound to our first, as the caller had it
 * @returns {Waterfall | undefined} nothing, if nothing is known
 */
export function waterfall(parts = {}, waitedMs) {
  /** @type {Bar[]} */
  const bars = [];
  const known = withModel(parts);
  for (const name of /** @type {(keyof typeof LABELS)[]} */ (Object.keys(LABELS))) {
    const ms = known[name];
    if (ms !== undefined && ms >= 0.5) bars.push({ name, label: LABELS[name], ms });
  }
  const explainedMs = bars.reduce((sum, { ms }) => sum + ms, 0);
  const totalMs = Math.max(waitedMs ?? parts.total ?? explainedMs, explainedMs);
  if (totalMs <= 0) return undefined;
  if (totalMs - explainedMs >= 0.5) bars.push({ name: "rest", label: "turn end and line", ms: totalMs - explainedMs });
  return { totalMs, bars };
}

/**
 * Where the vendor tells the whole and the other parts, the model had the rest.
 * @param {LatencyParts} parts
 * @returns {LatencyParts}
 */
function withModel(parts) {
  const { stt, model, voice, total } = parts;
  if (model !== undefined || stt === undefined || voice === undefined || total === undefined) return parts;
  return { ...parts, model: Math.max(0, total - stt - voice) };
}

/** @param {number} ms */
export function formatMs(ms) {
  return ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(2)} s`;
}
