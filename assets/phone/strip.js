// @ts-check
/** The last seconds of both sides, drawn: who spoke when, and where one cut the other off. */

const SECONDS = 12;
const FRAMES = SECONDS * 50;
/** What is louder than this is seen. */
const FLOOR_DB = -60;
const STILL_EVERY_MS = 500;

export class Strip {
  #canvas;
  #caller = new Float32Array(FRAMES);
  #agent = new Float32Array(FRAMES);
  #cuts = new Uint8Array(FRAMES);
  #at = 0;
  #moving = false;
  #drawnAt = 0;

  /** @param {HTMLCanvasElement} canvas */
  constructor(canvas) {
    this.#canvas = canvas;
    new ResizeObserver(() => this.#draw()).observe(canvas);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.#draw());
  }

  start() {
    for (const lane of [this.#caller, this.#agent, this.#cuts]) lane.fill(0);
    this.#moving = true;
    this.#run();
  }

  stop() {
    this.#moving = false;
  }

  /**
   * 20 ms of one side. Both sides tell one level each; the agent's moves the time on.
   * @param {"caller" | "agent"} side
   * @param {number} db
   */
  level(side, db) {
    const height = Math.max(0, Math.min(1, 1 - db / FLOOR_DB));
    if (side === "caller") this.#caller[this.#at] = height;
    else {
      this.#agent[this.#at] = height;
      this.#at = (this.#at + 1) % FRAMES;
      this.#caller[this.#at] = this.#agent[this.#at] = this.#cuts[this.#at] = 0;
    }
  }

  /** The agent was cut off here. */
  cut() {
    this.#cuts[this.#at] = 1;
  }

  #run() {
    if (!this.#moving) return this.#draw();
    requestAnimationFrame((now) => {
      const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
      if (!still || now - this.#drawnAt > STILL_EVERY_MS) {
        this.#drawnAt = now;
        this.#draw();
      }
      this.#run();
    });
  }

  #draw() {
    const canvas = this.#canvas;
    const { clientWidth: width, clientHeight: height } = canvas;
    canvas.width = width * devicePixelRatio;
    canvas.height = height * devicePixelRatio;
    const pen = canvas.getContext("2d");
    if (!pen) return;
    pen.scale(devicePixelRatio, devicePixelRatio);
    const style = getComputedStyle(canvas);
    const colour = (/** @type {string} */ name) => style.getPropertyValue(name);
    const middle = height / 2;
    pen.fillStyle = colour("--line");
    pen.fillRect(0, middle - 0.5, width, 1);
    const step = 3;
    const columns = Math.floor(width / step);
    for (let column = 0; column < columns; column++) {
      const from = Math.floor(column * FRAMES / columns);
      const to = Math.floor((column + 1) * FRAMES / columns);
      let [caller, agent, cut] = [0, 0, 0];
      for (let n = from; n < to; n++) {
        const index = (this.#at + 1 + n) % FRAMES;
        caller = Math.max(caller, this.#caller[index] ?? 0);
        agent = Math.max(agent, this.#agent[index] ?? 0);
        cut = Math.max(cut, this.#cuts[index] ?? 0);
      }
      const x = column * step;
      const reach = middle - 4;
      pen.fillStyle = colour("--caller");
      if (caller > 0) pen.fillRect(x, middle - 2 - caller * reach, step - 1, caller * reach);
      pen.fillStyle = colour("--agent");
      if (agent > 0) pen.fillRect(x, middle + 2, step - 1, agent * reach);
      pen.fillStyle = colour("--stop");
      if (cut) pen.fillRect(x, 0, 1.5, height);
    }
  }
}
