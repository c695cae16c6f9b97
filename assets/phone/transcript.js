// @ts-check
/** What was said, line by line; the words of an interrupted reply that nobody heard are struck out. */

import { splitHeard } from "./heard.js";
import { formatMs, waterfall } from "./waterfall.js";

/**
 * An entry of the server's record.
 * @typedef {object} Utterance
 * @property {"caller" | "agent"} who
 * @property {number} atMs
 * @property {string} text
 * @property {number} [reply]
 * @property {string} [source]
 * @property {number} [heardMs]
 * @property {string} [heardText]
 * @property {boolean} [interrupted]
 * @property {number} [answerMs]
 * @property {import("./waterfall.js").LatencyParts} [parts]
 * @property {string} [route]
 *
 * @typedef {{utterance: Utterance, item: HTMLLIElement, waitedMs?: number | undefined, split?: import("./heard.js").Split, resumed?: boolean}} Entry
 */

/** The server tells of an interruption and sends `clear` at the same moment, over two connections. */
const SAME_MOMENT_MS = 1500;

export class Transcript {
  #list;
  #log;
  /** @type {Entry[]} by the server's index */
  #entries = [];
  /** @type {HTMLLIElement | undefined} */
  #interim;
  /** @type {{played: string[], at: number} | undefined} */
  #cut;
  #waitedMs = /** @type {number | undefined} */ (undefined);
  #longestMs = 1000;

  /**
   * @param {HTMLElement} log scrolls
   * @param {HTMLElement} list takes the lines
   */
  constructor(log, list) {
    this.#log = log;
    this.#list = list;
  }

  clear() {
    this.#list.replaceChildren();
    this.#entries = [];
    this.#interim = this.#cut = this.#waitedMs = undefined;
    this.#longestMs = 1000;
  }

  /**
   * @param {number} index
   * @param {Utterance} utterance
   */
  utterance(index, utterance) {
    const known = this.#entries[index];
    /** @type {Entry} */
    const entry = known ?? { utterance, item: element("li", `line ${utterance.who}`) };
    entry.utterance = utterance;
    this.#entries[index] = entry;
    if (utterance.who === "agent" && !known && this.#waitedMs !== undefined) this.#waited(entry);
    if (utterance.interrupted && !entry.split) this.#split(entry);
    this.#atEnd(() => {
      this.#render(entry);
      if (!known) this.#list.append(entry.item);
    });
    if (!known && utterance.who === "caller") this.#dropInterim();
  }

  /** Words as the recogniser has them so far. @param {string} text */
  interim(text) {
    /** @type {HTMLLIElement} */
    const interim = this.#interim ??= element("li", "line caller interim");
    interim.replaceChildren(who("You"), element("p", "words", text));
    this.#append(interim);
  }

  /**
   * Something that happened, in a few words.
   * @param {string} text
   * @param {"event" | "bad"} [tone]
   */
  note(text, tone = "event") {
    this.#append(element("li", `note ${tone}`, text));
  }

  /** The next answer, or the one that has just begun, came so long after the caller's last sound. @param {number} ms */
  waited(ms) {
    this.#waitedMs = ms;
    const last = this.#entries.at(-1);
    if (last?.utterance.who !== "agent" || last.waitedMs !== undefined || last.utterance.interrupted) return;
    this.#waited(last);
    this.#atEnd(() => this.#render(last));
  }

  /** The server dropped what was queued. @param {string[] | undefined} played the words heard until then, if they are known */
  cleared(played) {
    if (!played) return;
    this.#cut = { played, at: performance.now() };
    for (const entry of this.#entries) {
      if (!entry.utterance.interrupted || entry.split?.exact) continue;
      this.#split(entry);
      this.#render(entry);
    }
  }

  /** An interruption was none: the rest of `reply` is being said. @param {number} reply */
  resumed(reply) {
    const entry = this.#entries.find(({ utterance }) => utterance.reply === reply);
    if (!entry) return;
    entry.resumed = true;
    this.#render(entry);
  }

  /** @param {Entry} entry */
  #waited(entry) {
    entry.waitedMs = this.#waitedMs;
    this.#waitedMs = undefined;
  }

  /** @param {Entry} entry */
  #split(entry) {
    const { text, heardMs = 0, heardText } = entry.utterance;
    const now = performance.now();
    const played = this.#cut && now - this.#cut.at < SAME_MOMENT_MS ? this.#cut.played : undefined;
    entry.split = splitHeard({ text, heardMs, heardText, played });
  }

  /** @param {Entry} entry */
  #render(entry) {
    const { item, utterance, split, resumed } = entry;
    item.hidden = utterance.text === "";
    const words = element("p", "words");
    if (split?.unheard && !resumed) {
      const struck = element("del", "", split.unheard);
      struck.title = split.exact ? "Not heard" : "Not heard (estimated from the time)";
      words.append(`${split.heard} `, element("span", "aside", "(not heard:) "), struck);
    } else words.append(utterance.text);
    item.replaceChildren(who(utterance.who === "caller" ? "You" : "Agent"), words);
    const facts = factsOf(utterance, resumed ?? false);
    if (facts) item.append(element("p", "facts", facts));
    const times = this.#waterfall(entry);
    if (times) item.append(times);
  }

  /** @param {Entry} entry */
  #waterfall({ utterance, waitedMs }) {
    if (utterance.who === "caller" || utterance.source === "resumed") return undefined;
    const fall = waterfall(utterance.parts, waitedMs ?? utterance.answerMs);
    if (!fall) return undefined;
    this.#longestMs = Math.max(this.#longestMs, fall.totalMs);
    this.#list.style.setProperty("--longest", String(this.#longestMs));
    const figure = element("div", "fall");
    const track = element("div", "track");
    track.setAttribute("aria-hidden", "true");
    const total = element("p", "total", formatMs(fall.totalMs));
    total.append(element("span", "aside", waitedMs === undefined ? " to the answer" : " until you heard it"));
    total.title = waitedMs === undefined ? "From the end of your turn to our first audio" : "From your last sound to the agent's first";
    const legend = element("p", "legend");
    for (const { name, label, ms } of fall.bars) {
      const bar = element("span", `bar ${name}`);
      bar.style.setProperty("--ms", String(ms));
      track.append(bar);
      const key = element("span", `key ${name}`);
      key.append(`${label} `, element("b", "", formatMs(ms)));
      legend.append(key);
    }
    figure.append(track, total, legend);
    return figure;
  }

  #dropInterim() {
    this.#interim?.remove();
    this.#interim = undefined;
  }

  /** @param {HTMLElement} item */
  #append(item) {
    this.#atEnd(() => this.#list.append(item));
  }

  /** Whoever reads the end of it goes on reading the end. @param {() => void} change */
  #atEnd(change) {
    const atEnd = this.#log.scrollHeight - this.#log.scrollTop - this.#log.clientHeight < 80;
    change();
    if (atEnd) this.#log.scrollTop = this.#log.scrollHeight;
  }
}

/**
 * @param {Utterance} utterance
 * @param {boolean} resumed
 */
function factsOf({ route, interrupted, heardMs }, resumed) {
  const facts = [];
  if (route) facts.push(`route “${route}”`);
  if (resumed) facts.push("went on after a false start");
  else if (interrupted) facts.push(`interrupted after ${formatMs(heardMs ?? 0)}`);
  return facts.join(" · ");
}

/** @param {string} name */
function who(name) {
  return element("span", "who", name);
}

/**
 * @param {string} tag
 * @param {string} className
 * @param {string} [text]
 * @returns {any} the element, of whatever kind
 */
function element(tag, className, text) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}
