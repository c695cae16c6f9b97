// @ts-check
/** One call from this phone: rings, does what the TwiML says, carries the audio, listens to what the server tells of it. */

import { readMessage, StreamWriter } from "./media_stream.js";
import { TagEar } from "./tags.js";
import { readTwiml } from "./twiml.js";

/** @typedef {import("./twiml.js").Verb} Verb */
/** @typedef {import("./twiml.js").Connect} Connect */

/**
 * What happens on a call. `level`: 20 ms of either side, in dB of full scale. `waited`: an answer began so long after the
 * caller's last sound. `cleared`: the server dropped what was queued; `played` are the words heard until then, if known.
 * @typedef {{kind: "answered"} | {kind: "streaming"} | {kind: "microphone", state: "on" | "denied" | "missing"}
 *   | {kind: "level", side: "caller" | "agent", db: number} | {kind: "waited", ms: number} | {kind: "said"}
 *   | {kind: "cleared", droppedMs: number, played: string[] | undefined} | {kind: "note", text: string}
 *   | {kind: "trouble", text: string} | {kind: "notice", notice: any} | {kind: "utterance", index: number, utterance: any}
 *   | {kind: "ended", why: string}} CallEvent
 */

/** A document may lead to the next so often. */
const DOCUMENTS = 10;
const RING_TIMEOUT_MS = 15_000;
const OPEN_TIMEOUT_MS = 10_000;
/** A socket that holds more than this does not carry speech any more. */
const CLOGGED_BYTES = 500_000;
const NO_ANSWER = "The server does not answer. Is it still running?";
const AUDIBLE_DB = -45;
/** A shorter silence of the agent's is a breath. */
const BETWEEN_ANSWERS_MS = 300;

export class Call {
  callSid = `CA${randomHex(16)}`;
  /** For anyone who looks: marks came and went, frames went up and came down. */
  counts = { marksReceived: 0, marksEchoed: 0, framesUp: 0, framesDown: 0, clears: 0 };
  #from;
  #to;
  #tell;
  #muted;
  /** @type {AudioContext | undefined} */
  #audio;
  /** @type {AudioWorkletNode | undefined} */
  #line;
  /** @type {MediaStream | undefined} */
  #microphone;
  /** @type {EventSource | undefined} */
  #events;
  /** @type {{socket: WebSocket, writer: StreamWriter} | undefined} */
  #stream;
  /** Told when the caller hangs up while a stream runs. @type {string | undefined} */
  #action;
  #over = new AbortController();
  #ear = new TagEar();
  #tagged = false;
  #callerAt = 0;
  #agentAt = 0;

  /** @param {{from: string, to: string, muted: boolean, tell: (event: CallEvent) => void}} options */
  constructor({ from, to, muted, tell }) {
    this.#from = from;
    this.#to = to;
    this.#muted = muted;
    this.#tell = tell;
  }

  get over() {
    return this.#over.signal.aborted;
  }

  /** Run the whole call; call it from a click, so that the browser lets it sound. Never rejects. */
  async run() {
    try {
      await this.#openLine();
      this.#askForMicrophone();
      this.#listen();
      await this.#obey(await this.#fetchTwiml("/incoming-call", { CallStatus: "ringing" }));
      this.#end("The call is over.");
    } catch (error) {
      if (this.over) return;
      this.#tell({ kind: "trouble", text: error instanceof Error ? error.message : String(error) });
      this.#end("The call did not come through.");
    }
  }

  hangUp() {
    this.#end("You hung up.");
  }

  /** @param {boolean} muted */
  mute(muted) {
    this.#muted = muted;
    this.#line?.port.postMessage({ kind: "mute", muted });
    for (const track of this.#microphone?.getAudioTracks() ?? []) track.enabled = !muted;
  }

  /** @param {string} digit */
  press(digit) {
    if (this.#stream?.socket.readyState === WebSocket.OPEN) this.#stream.socket.send(this.#stream.writer.dtmf(digit));
  }

  /**
   * Speak a typed line into the call.
   * @param {string} text
   * @returns {Promise<string | undefined>} why not, or nothing
   */
  async say(text) {
    try {
      const response = await fetch("/phone/say", {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ callSid: this.callSid, text }),
        signal: this.#over.signal,
      });
      if (!response.ok) return (await response.text()).trim();
      this.#line?.port.postMessage({ kind: "say", audio: new Uint8Array(await response.arrayBuffer()) });
      return undefined;
    } catch {
      return this.over ? "The call is over." : "The server does not answer.";
    }
  }

  async #openLine() {
    const audio = this.#audio = new AudioContext({ latencyHint: "interactive" });
    await audio.audioWorklet.addModule("/phone/line_worklet.js").catch(() => {
      throw new Error(NO_ANSWER);
    });
    this.#over.signal.throwIfAborted();
    const line = this.#line = new AudioWorkletNode(audio, "line", {
      numberOfInputs: 1,
      numberOfOutputs: 1,
      outputChannelCount: [1],
      channelCount: 1,
      channelCountMode: "explicit",
    });
    line.port.onmessage = ({ data }) => this.#fromLine(data);
    line.connect(audio.destination);
    line.port.postMessage({ kind: "mute", muted: this.#muted });
    audio.resume().catch(() => {}); // the call goes on as soon as the browser lets it sound
  }

  /** The call does not wait for it: whoever has none can type. */
  #askForMicrophone() {
    const media = navigator.mediaDevices;
    if (!media) return this.#tell({ kind: "microphone", state: "missing" });
    media.getUserMedia({ audio: { channelCount: 1, echoCancellation: true, noiseSuppression: true, autoGainControl: true } })
      .then((microphone) => {
        if (this.over || !this.#audio || !this.#line) return microphone.getTracks().forEach((track) => track.stop());
        this.#microphone = microphone;
        this.#audio.createMediaStreamSource(microphone).connect(this.#line);
        this.mute(this.#muted);
        this.#tell({ kind: "microphone", state: "on" });
      })
      .catch((error) => {
        if (this.over) return;
        const denied = error instanceof DOMException && error.name === "NotAllowedError";
        this.#tell({ kind: "microphone", state: denied ? "denied" : "missing" });
      });
  }

  /** What the server tells of this call, from its first moment. */
  #listen() {
    const events = this.#events = new EventSource(`/phone/events?call=${this.callSid}`);
    events.addEventListener("notice", ({ data }) => this.#tell({ kind: "notice", notice: JSON.parse(data) }));
    events.addEventListener("utterance", ({ data }) => this.#tell({ kind: "utterance", ...JSON.parse(data) }));
    events.addEventListener("end", () => events.close());
    events.onerror = () => {
      events.close();
      if (!this.over) this.#tell({ kind: "trouble", text: "The transcript has stopped: its connection broke." });
    };
  }

  /**
   * @param {string} path
   * @param {Record<string, string>} fields
   * @returns {Promise<Verb[]>}
   */
  async #fetchTwiml(path, fields) {
    const body = new URLSearchParams({ CallSid: this.callSid, From: this.#from, To: this.#to, ...fields });
    const signal = AbortSignal.any([this.#over.signal, AbortSignal.timeout(RING_TIMEOUT_MS)]);
    const response = await fetch(path, { method: "POST", body, signal }).catch(() => {
      throw new Error(NO_ANSWER);
    });
    if (response.status === 403) {
      throw new Error("The server only takes calls that Twilio has signed (TWILIO_AUTH_TOKEN is set). Use `offhook call`.");
    }
    if (!response.ok) throw new Error(`The server answered ${response.status}: ${(await response.text()).trim()}`);
    const verbs = readTwiml(await response.text());
    if (!verbs) throw new Error("The server's answer is no TwiML.");
    return verbs;
  }

  /** @param {Verb[]} verbs */
  async #obey(verbs) {
    for (let documents = 1; documents <= DOCUMENTS;) {
      const next = await this.#obeyUntilNext(verbs);
      if (!next || this.over) return;
      verbs = await this.#fetchTwiml(here(next), { CallStatus: "in-progress" });
      documents++;
    }
  }

  /**
   * @param {Verb[]} verbs
   * @returns {Promise<string | undefined>} where the next document is
   */
  async #obeyUntilNext(verbs) {
    for (const verb of verbs) {
      if (this.over) return undefined;
      switch (verb.kind) {
        case "connect":
          this.#action = verb.action ?? undefined;
          await this.#converse(verb);
          if (this.over) return undefined;
          this.#action = undefined;
          if (verb.action !== null) return verb.action;
          break;
        case "say":
          this.#tell({ kind: "note", text: `The carrier says: “${verb.text}”` });
          break;
        case "dial":
          this.#tell({ kind: "note", text: `You would now be put through to ${verb.number}.` });
          break;
        case "redirect":
          return verb.url;
        case "hangup":
          return undefined;
        case "unknown":
          this.#tell({ kind: "note", text: `The phone does not know <${verb.name}>.` });
          break;
      }
    }
    return undefined;
  }

  /**
   * One media stream, from its opening to its end.
   * @param {Connect} connect
   */
  #converse({ url, parameters }) {
    const streamSid = `MZ${randomHex(16)}`;
    const socket = new WebSocket(location.origin.replace(/^http/, "ws") + here(url));
    const writer = new StreamWriter({ callSid: this.callSid, streamSid });
    this.#tell({ kind: "answered" });
    return /** @type {Promise<void>} */ (new Promise((resolve, reject) => {
      const timeout = setTimeout(() => socket.close(), OPEN_TIMEOUT_MS);
      socket.onopen = () => {
        clearTimeout(timeout);
        if (this.over) return socket.close(1000);
        socket.send(writer.connected());
        socket.send(writer.start(parameters));
        this.#stream = { socket, writer };
        this.#line?.port.postMessage({ kind: "open" });
        this.#tell({ kind: "streaming" });
      };
      socket.onmessage = ({ data }) => this.#fromServer(data, streamSid);
      socket.onclose = ({ code, wasClean }) => {
        clearTimeout(timeout);
        const opened = this.#stream?.socket === socket;
        this.#stream = undefined;
        if (this.over) {
          if (this.#action !== undefined) this.#confirmEnd(this.#action);
          return resolve();
        }
        if (!opened) return reject(new Error("The server refused the audio connection (Twilio calls this 31920)."));
        if (!wasClean) return reject(new Error(`The line broke (${code}). Is the server still running?`));
        resolve();
      };
    }));
  }

  /**
   * @param {unknown} data
   * @param {string} streamSid
   */
  #fromServer(data, streamSid) {
    const message = readMessage(data, streamSid);
    switch (message.event) {
      case "media":
        this.counts.framesDown += message.audio.length / 160;
        return this.#line?.port.postMessage({ kind: "media", audio: message.audio });
      case "mark":
        this.counts.marksReceived++;
        return this.#line?.port.postMessage({ kind: "mark", name: message.name });
      case "clear":
        this.counts.clears++;
        return this.#line?.port.postMessage({ kind: "clear" });
      default:
        return this.#tell({ kind: "trouble", text: `The server sent ${message.detail}.` });
    }
  }

  /** @param {any} message of our own worklet */
  #fromLine(message) {
    switch (message.kind) {
      case "up":
        return this.#up(message);
      case "down":
        return this.#down(message);
      case "echo":
        return this.#echo(message.names);
      case "cleared":
        this.#ear.cut();
        this.#tell({
          kind: "cleared",
          droppedMs: message.droppedMs,
          played: this.#tagged ? this.#ear.words.slice(-400) : undefined,
        });
        return this.#echo(message.names);
      case "said":
        return this.#tell({ kind: "said" });
    }
  }

  /** @param {{frame: Uint8Array, level: number}} message */
  #up({ frame, level }) {
    const stream = this.#stream;
    if (stream?.socket.readyState !== WebSocket.OPEN) return;
    if (stream.socket.bufferedAmount > CLOGGED_BYTES) return stream.socket.close(3008, "clogged");
    stream.socket.send(stream.writer.media(frame));
    this.counts.framesUp++;
    if (level > AUDIBLE_DB) this.#callerAt = performance.now();
    this.#tell({ kind: "level", side: "caller", db: level });
  }

  /** @param {{frame: Uint8Array, level: number, playing: boolean, echoes: string[]}} message */
  #down({ frame, level, playing, echoes }) {
    this.#echo(echoes);
    if (playing && this.#ear.heard(frame)) this.#tagged = true;
    this.#tell({ kind: "level", side: "agent", db: level });
    if (!playing || level <= AUDIBLE_DB) return;
    const now = performance.now();
    const wasQuiet = now - this.#agentAt > BETWEEN_ANSWERS_MS;
    if (wasQuiet && this.#callerAt > this.#agentAt) this.#tell({ kind: "waited", ms: now - this.#callerAt });
    this.#agentAt = now;
  }

  /** @param {string[]} names */
  #echo(names) {
    const stream = this.#stream;
    if (stream?.socket.readyState !== WebSocket.OPEN) return;
    for (const name of names) stream.socket.send(stream.writer.mark(name));
    this.counts.marksEchoed += names.length;
  }

  /** The carrier asks for the next document even if nobody is left to hear it. @param {string} action */
  #confirmEnd(action) {
    const fields = { CallSid: this.callSid, From: this.#from, To: this.#to, CallStatus: "completed" };
    fetch(here(action), { method: "POST", body: new URLSearchParams(fields), keepalive: true }).catch(() => {});
  }

  /** @param {string} why */
  #end(why) {
    if (this.over) return;
    this.#over.abort();
    const stream = this.#stream;
    if (stream?.socket.readyState === WebSocket.OPEN) {
      stream.socket.send(stream.writer.stop());
      stream.socket.close(1000);
    }
    for (const track of this.#microphone?.getTracks() ?? []) track.stop();
    this.#line?.port.postMessage({ kind: "close" });
    this.#line?.disconnect();
    this.#audio?.close().catch(() => {}); // it was closed already
    // The last words of the transcript may still be on their way; the server ends the stream by itself.
    const events = this.#events;
    setTimeout(() => events?.close(), 2000);
    this.#tell({ kind: "ended", why });
  }
}

/**
 * The same place on this server. Its public name may lead around the world and back; we are on its machine.
 * @param {string} url
 */
function here(url) {
  const { pathname, search } = new URL(url, location.href);
  return pathname + search;
}

/** @param {number} bytes */
function randomHex(bytes) {
  return [...crypto.getRandomValues(new Uint8Array(bytes))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
