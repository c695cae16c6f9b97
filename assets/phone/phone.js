// @ts-check
/** The page: buttons to a call, and what the call tells to the page. */

import { Call } from "./call.js";
import { Strip } from "./strip.js";
import { Transcript } from "./transcript.js";

const STATES = /** @type {Record<string, string>} */ ({
  idle: "Connecting…",
  listening: "Listening",
  processing: "Thinking",
  speaking: "Speaking",
  interrupted: "Interrupted",
  closing: "Saying goodbye",
});

const ENDINGS = /** @type {Record<string, string>} */ ({
  "caller-hung-up": "You hung up.",
  "agent-hung-up": "The agent hung up.",
  "line-lost": "The line was lost.",
  "transferred": "You were put through.",
  "silence": "Nobody said anything for too long.",
  "time-limit": "The time for a call was up.",
  "engine-failed": "The agent failed.",
  "engine-not-ready": "The agent did not get ready in time.",
  "loop": "The call went in circles.",
  "drained": "The server is stopping.",
  "refused": "The call was refused.",
  "internal-error": "Something went wrong in the server; its log says what.",
});

/** Two presses of the big button within this time are one. */
const DOUBLE_CLICK_MS = 400;
const METER_EVERY_MS = 100;

const callButton = button("call");
const muteButton = button("mute");
const keypadButton = button("keypad-toggle");
const keypad = byId("keypad");
const state = byId("state");
const elapsed = byId("elapsed");
const trouble = byId("trouble");
const sayForm = /** @type {HTMLFormElement} */ (byId("say"));
const sayText = /** @type {HTMLInputElement} */ (byId("say-text"));
const sayButton = button("say-button");
const transcript = new Transcript(byId("log"), byId("transcript"));
const strip = new Strip(/** @type {HTMLCanvasElement} */ (byId("strip")));

/** @type {Call | undefined} */
let call;
let muted = false;
let pressedAt = -Infinity;
let startedAt = 0;
let ending = "";
/** @type {ReturnType<typeof setTimeout> | undefined} */
let ticking;
const meters = {
  caller: { element: byId("meter-caller"), drawnAt: 0, peak: -100 },
  agent: { element: byId("meter-agent"), drawnAt: 0, peak: -100 },
};

callButton.addEventListener("click", () => {
  if (performance.now() - pressedAt < DOUBLE_CLICK_MS) return;
  pressedAt = performance.now();
  if (call) call.hangUp();
  else ring();
});

muteButton.addEventListener("click", () => {
  muted = !muted;
  muteButton.setAttribute("aria-pressed", String(muted));
  call?.mute(muted);
});

keypadButton.addEventListener("click", () => {
  keypad.hidden = !keypad.hidden;
  keypadButton.setAttribute("aria-expanded", String(!keypad.hidden));
});

keypad.addEventListener("click", ({ target }) => {
  const digit = target instanceof Element ? target.closest("button")?.dataset.digit : undefined;
  if (digit) call?.press(digit);
});

keypad.addEventListener("keydown", ({ key }) => {
  if (/^[0-9*#]$/.test(key)) call?.press(key);
});

sayForm.addEventListener("submit", (event) => {
  event.preventDefault();
  say(sayText.value);
  sayText.value = "";
});

byId("ideas").addEventListener("click", ({ target }) => {
  const idea = target instanceof Element ? target.closest("button")?.textContent : undefined;
  if (idea) say(idea);
});

addEventListener("pagehide", () => call?.hangUp());

fetch("/health").then((response) => response.json()).then(showHouse, () => {
  complain("The server does not answer. Is it still running?");
});

function ring() {
  transcript.clear();
  trouble.hidden = true;
  byId("welcome").hidden = true;
  strip.start();
  ending = "";
  startedAt = 0;
  elapsed.textContent = "0:00";
  show("calling", "Calling…");
  const { value: from } = /** @type {HTMLInputElement} */ (byId("from"));
  const { value: to } = /** @type {HTMLInputElement} */ (byId("to"));
  call = new Call({ from: from.trim(), to: to.trim(), muted, tell: (event) => told(event) });
  Object.assign(globalThis, { offhookCall: call }); // for whoever debugs a call in the browser's console
  call.run();
}

/** @param {string} text */
async function say(text) {
  const line = text.trim();
  if (!line || !call) return;
  byId("say-state").textContent = "Saying it…";
  const fault = await call.say(line);
  if (!fault) return;
  byId("say-state").textContent = "";
  complain(`It could not be said: ${fault}`);
}

/** @param {import("./call.js").CallEvent} event */
function told(event) {
  switch (event.kind) {
    case "answered":
      return show("calling", "Connecting…");
    case "streaming":
      startedAt = performance.now();
      tick();
      for (const control of [sayText, sayButton, ...ideas()]) control.disabled = false;
      if (!meters.caller.element.classList.contains("on")) sayText.focus({ preventScroll: true });
      return;
    case "microphone":
      return microphone(event.state);
    case "level":
      strip.level(event.side, event.db);
      return meter(event.side, event.db);
    case "waited":
      return transcript.waited(event.ms);
    case "said":
      byId("say-state").textContent = "";
      return;
    case "cleared":
      if (event.droppedMs > 0) strip.cut();
      return transcript.cleared(event.played);
    case "note":
      return transcript.note(event.text);
    case "trouble":
      return complain(event.text);
    case "utterance":
      return transcript.utterance(event.index, event.utterance);
    case "notice":
      return notice(event.notice);
    case "ended":
      return ended(event.why);
  }
}

/** @param {any} notice a `CallNotice` of the server */
function notice(notice) {
  switch (notice.kind) {
    case "state":
      if (call && notice.to in STATES) show(notice.to, STATES[notice.to] ?? notice.to);
      return;
    case "caller-text":
      if (!notice.final) transcript.interim(notice.text);
      return;
    case "digit":
      return transcript.note(`You pressed ${notice.digit}`);
    case "tool-call":
      return transcript.note(`The agent uses “${notice.name}”`);
    case "tool-result":
      if (!notice.ok) transcript.note(`“${notice.name}” failed`, "bad");
      return;
    case "call-resumed":
      return transcript.note("The call goes on, on a new line");
    case "reply-resumed":
      return transcript.resumed(notice.reply);
    case "fault":
      return transcript.note(`Fault of ${notice.fault.peer ?? "the server"}: ${notice.fault.kind}`, "bad");
    case "event-lost":
    case "audio-dropped":
      return transcript.note(`The server lost something: ${notice.kind}`, "bad");
    case "call-ended":
      ending = ENDINGS[notice.reason] ?? notice.reason;
      if (!call) show("over", ending);
      return;
  }
}

/** @param {string} why */
function ended(why) {
  call = undefined;
  strip.stop();
  clearTimeout(ticking);
  for (const side of /** @type {const} */ (["caller", "agent"])) {
    meters[side].drawnAt = 0;
    meters[side].peak = -100;
    meter(side, -100);
  }
  meters.caller.element.classList.remove("on");
  const typing = document.activeElement === sayText;
  for (const control of [sayText, sayButton, ...ideas()]) control.disabled = true;
  byId("say-state").textContent = "";
  show("over", ending || why);
  transcript.note(ending || why);
  if (typing) callButton.focus({ preventScroll: true });
}

/** @param {"on" | "denied" | "missing"} found */
function microphone(found) {
  meters.caller.element.classList.toggle("on", found === "on");
  if (found === "on") return;
  sayText.focus({ preventScroll: true });
  complain(
    found === "denied"
      ? "The microphone is not allowed. Type instead of talking, or allow it beside the address and call again."
      : "There is no microphone here. Type instead of talking.",
  );
}

/**
 * @param {string} name
 * @param {string} text
 */
function show(name, text) {
  document.body.dataset.state = name;
  if (state.textContent !== text) state.textContent = text;
  const label = call ? "Hang up" : "Call";
  byId("call-label").textContent = label;
}

/** @param {string} text */
function complain(text) {
  trouble.hidden = false;
  trouble.textContent = text;
}

function tick() {
  const seconds = Math.floor((performance.now() - startedAt) / 1000);
  elapsed.textContent = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
  ticking = setTimeout(tick, 1000 - (performance.now() - startedAt) % 1000);
}

/**
 * The loudest of the last tenth of a second.
 * @param {"caller" | "agent"} side
 * @param {number} db
 */
function meter(side, db) {
  const one = meters[side];
  one.peak = Math.max(one.peak, db);
  const now = performance.now();
  if (now - one.drawnAt < METER_EVERY_MS) return;
  one.drawnAt = now;
  const level = Math.round(Math.max(-60, one.peak));
  one.peak = -100;
  one.element.setAttribute("aria-valuenow", String(level));
  one.element.setAttribute("aria-valuetext", level <= -60 ? "silent" : `${level} decibels`);
  one.element.style.setProperty("--level", String((level + 60) / 60));
}

/** @param {{rehearsal: boolean, engine: string, version: string, status: string}} house */
function showHouse({ rehearsal, engine, version, status }) {
  byId("house").textContent = [rehearsal ? "rehearsal" : "live", `${engine} engine`, version].join(" · ");
  byId("rehearsal").hidden = !rehearsal;
  if (status === "draining") complain("The server is stopping and takes no new calls.");
}

function ideas() {
  return /** @type {HTMLButtonElement[]} */ ([...byId("ideas").querySelectorAll("button")]);
}

/** @param {string} id */
function button(id) {
  return /** @type {HTMLButtonElement} */ (byId(id));
}

/** @param {string} id */
function byId(id) {
  const found = document.getElementById(id);
  if (!found) throw new Error(`The page has no #${id}.`);
  return found;
}
