/** A headless Chromium driven over its DevTools protocol: as much of it as the tests need. */

export const CHROMIUM = findChromium();

function findChromium(): { present: boolean; missing: string; path: string } {
  for (const path of ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"]) {
    try {
      Deno.statSync(path);
      return { present: true, missing: "", path };
    } catch {
      continue;
    }
  }
  return { present: false, missing: "no Chromium is installed: apt-get install -y chromium", path: "" };
}

export interface BrowserOptions {
  /** What the microphone hears, over and over; the browser's own beeps if not said. */
  microphoneWav?: string;
  /** The microphone is refused. */
  denyMicrophone?: boolean;
  width?: number;
  height?: number;
}

/** What a page did: everything it asked for, and everything that went wrong in it. */
export interface PageRecord {
  requests: string[];
  errors: string[];
}

type Event = { method: string; sessionId?: string; params: Record<string, unknown> };
type Answer = { id: number; result?: Record<string, unknown>; error?: { message: string } };

const START_TIMEOUT_MS = 30_000;
const COMMAND_TIMEOUT_MS = 20_000;

/** Starts a Chromium with a profile of its own; disposing ends it and removes the profile. */
export async function openBrowser(options: BrowserOptions = {}): Promise<Browser> {
  const profile = await Deno.makeTempDir({ prefix: "offhook-chromium-" });
  const process = new Deno.Command(CHROMIUM.path, {
    args: [...flags(options), `--user-data-dir=${profile}`, "about:blank"],
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  }).spawn();
  const { endpoint, drained } = await devToolsEndpoint(process.stderr);
  const socket = new WebSocket(endpoint);
  await new Promise((resolve, reject) => {
    socket.onopen = resolve;
    socket.onerror = reject;
  });
  return new Browser(socket, async () => {
    const closed = new Promise((resolve) => socket.onclose = resolve);
    try {
      process.kill("SIGTERM");
    } catch {
      // it has ended already
    }
    await Promise.all([process.status, drained, closed]);
    await Deno.remove(profile, { recursive: true }).catch(() => {}); // its children may still write there
  });
}

function flags({ microphoneWav, denyMicrophone, width = 1200, height = 820 }: BrowserOptions): string[] {
  return [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--autoplay-policy=no-user-gesture-required",
    `--use-fake-ui-for-media-stream${denyMicrophone ? "=deny" : ""}`,
    "--use-fake-device-for-media-stream",
    ...(microphoneWav ? [`--use-file-for-fake-audio-capture=${microphoneWav}`] : []),
    "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1 , EXCLUDE localhost",
    "--remote-debugging-port=0",
    `--window-size=${width},${height}`,
  ];
}

async function devToolsEndpoint(stderr: ReadableStream<Uint8Array>) {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const timeout = setTimeout(() => reject(new Error("Chromium does not start")), START_TIMEOUT_MS);
  let said = "";
  const drained = stderr.pipeThrough(new TextDecoderStream()).pipeTo(
    new WritableStream({
      write(text) {
        said = (said + text).slice(-8000);
        const found = /DevTools listening on (ws:\S+)/.exec(said)?.[1];
        if (found) resolve(found);
      },
    }),
  ).finally(() => reject(new Error(`Chromium ended: ${said}`)));
  try {
    return { endpoint: await promise, drained };
  } finally {
    clearTimeout(timeout);
  }
}

export class Browser implements AsyncDisposable {
  readonly #socket: WebSocket;
  readonly #end: () => Promise<void>;
  readonly #waiting = new Map<number, (answer: Answer) => void>();
  readonly #listeners = new Set<(event: Event) => void>();
  #nextId = 1;

  constructor(socket: WebSocket, end: () => Promise<void>) {
    this.#socket = socket;
    this.#end = end;
    socket.onmessage = ({ data }) => {
      const message = JSON.parse(data as string) as Answer | Event;
      if ("id" in message) this.#waiting.get(message.id)?.(message);
      else for (const listener of this.#listeners) listener(message);
    };
  }

  async command(method: string, params: object = {}, sessionId?: string): Promise<Record<string, unknown>> {
    const id = this.#nextId++;
    const { promise, resolve, reject } = Promise.withResolvers<Answer>();
    this.#waiting.set(id, resolve);
    const timeout = setTimeout(() => reject(new Error(`${method} is not answered`)), COMMAND_TIMEOUT_MS);
    this.#socket.send(JSON.stringify({ id, method, params, ...(sessionId ? { sessionId } : {}) }));
    try {
      const { result, error } = await promise;
      if (error) throw new Error(`${method}: ${error.message}`);
      return result ?? {};
    } finally {
      clearTimeout(timeout);
      this.#waiting.delete(id);
    }
  }

  /** A fresh page with nothing in it; `emulate` sets its size and colours. */
  async page({ width = 1200, height = 820, dark = false, mobile = false } = {}): Promise<Page> {
    const { targetId } = await this.command("Target.createTarget", { url: "about:blank" });
    const { sessionId } = await this.command("Target.attachToTarget", { targetId, flatten: true });
    const page = new Page(this, sessionId as string, this.#listeners);
    for (const domain of ["Page", "Runtime", "Network", "Log", "Accessibility"]) await page.command(`${domain}.enable`);
    await page.command("Emulation.setDeviceMetricsOverride", { width, height, deviceScaleFactor: 1, mobile });
    await page.colours(dark ? "dark" : "light");
    return page;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#end();
  }
}

export class Page {
  readonly record: PageRecord = { requests: [], errors: [] };
  readonly #browser: Browser;
  readonly #sessionId: string;

  constructor(browser: Browser, sessionId: string, listeners: Set<(event: Event) => void>) {
    this.#browser = browser;
    this.#sessionId = sessionId;
    listeners.add((event) => event.sessionId === sessionId && this.#note(event));
  }

  command(method: string, params: object = {}): Promise<Record<string, unknown>> {
    return this.#browser.command(method, params, this.#sessionId);
  }

  colours(scheme: "light" | "dark"): Promise<unknown> {
    return this.command("Emulation.setEmulatedMedia", { features: [{ name: "prefers-color-scheme", value: scheme }] });
  }

  async open(url: string): Promise<void> {
    await this.command("Page.bringToFront"); // or no click arrives
    await this.command("Page.navigate", { url });
    await this.until("document.readyState === 'complete'");
  }

  /** The value of a JavaScript expression in the page. */
  async eval(expression: string): Promise<unknown> {
    const { result, exceptionDetails } = await this.command("Runtime.evaluate", {
      expression,
      awaitPromise: true,
      returnByValue: true,
      userGesture: true,
    }) as { result: { value?: unknown }; exceptionDetails?: { exception?: { description?: string }; text: string } };
    if (exceptionDetails) throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
    return result.value;
  }

  /** Wait until an expression is true in the page. @throws with what the page shows if it takes longer than `limitMs`. */
  async until(expression: string, limitMs = 20_000): Promise<void> {
    const poll = `new Promise((resolve) => {
      const end = performance.now() + ${Math.min(limitMs, COMMAND_TIMEOUT_MS - 2000)};
      const look = () => (${expression}) ? resolve(true) : performance.now() > end ? resolve(false) : setTimeout(look, 30);
      look();
    })`;
    for (let leftMs = limitMs; leftMs > 0; leftMs -= COMMAND_TIMEOUT_MS - 2000) {
      if (await this.eval(poll) === true) return;
    }
    const shown = await this.eval("document.body.innerText");
    throw new Error(`Not in ${limitMs} ms: ${expression}\nThe page shows:\n${shown}\n${this.record.errors.join("\n")}`);
  }

  /** A real mouse click in the middle of an element. */
  async click(selector: string): Promise<void> {
    const [x, y] = await this.eval(`(() => {
      const element = document.querySelector(${JSON.stringify(selector)});
      element.scrollIntoView({ block: "nearest" });
      const box = element.getBoundingClientRect();
      return [box.x + box.width / 2, box.y + box.height / 2];
    })()`) as [number, number];
    for (const type of ["mousePressed", "mouseReleased"]) {
      await this.command("Input.dispatchMouseEvent", { type, x, y, button: "left", clickCount: 1 });
    }
  }

  /** Type into what has the focus. */
  async type(text: string): Promise<void> {
    await this.command("Input.insertText", { text });
  }

  /** Press one key, for example `Tab` or `Enter`. */
  async key(key: string): Promise<void> {
    const codes: Record<string, number> = { Tab: 9, Enter: 13, " ": 32, Escape: 27 };
    const named = key.length > 1;
    const base = { key, windowsVirtualKeyCode: codes[key] ?? key.charCodeAt(0) };
    const text = key === "Enter" ? "\r" : named ? undefined : key;
    await this.command("Input.dispatchKeyEvent", {
      type: text ? "keyDown" : "rawKeyDown",
      ...base,
      ...(text ? { text } : {}),
    });
    await this.command("Input.dispatchKeyEvent", { type: "keyUp", ...base });
  }

  async screenshot(): Promise<Uint8Array> {
    const { data } = await this.command("Page.captureScreenshot", { format: "png" });
    return Uint8Array.from(atob(data as string), (character) => character.charCodeAt(0));
  }

  #note({ method, params }: Event): void {
    const { requests, errors } = this.record;
    switch (method) {
      case "Network.requestWillBeSent":
        return void requests.push((params.request as { url: string }).url);
      case "Network.webSocketCreated":
        return void requests.push(params.url as string);
      case "Runtime.exceptionThrown":
        return void errors.push(`exception: ${JSON.stringify(params.exceptionDetails)}`);
      case "Runtime.consoleAPICalled":
        if (params.type === "error" || params.type === "warning") {
          errors.push(`console: ${JSON.stringify(params.args)}`);
        }
        return;
      case "Log.entryAdded": {
        const { level, text, url } = params.entry as { level: string; text: string; url?: string };
        if (level === "error" || level === "warning") errors.push(`log: ${text} ${url ?? ""}`);
      }
    }
  }
}
