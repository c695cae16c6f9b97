import assert from "node:assert/strict";
import { testWith } from "../case.ts";
import { CHROMIUM, openBrowser, type Page } from "./chromium.ts";
import { talkingWav } from "./microphone.ts";
import { startServer } from "./server.ts";

/** How long an answer may take on a busy machine. */
const PATIENT_MS = 30_000;

const inState = (state: string) => `document.body.dataset.state === '${state}'`;
const lineOf = (who: string, text: string) =>
  `[...document.querySelectorAll('.line.${who} .words')].some((line) => line.textContent.includes(${
    JSON.stringify(text)
  }))`;

/** Open the page and wait until its script is there. */
async function openPhone(page: Page, origin: string): Promise<void> {
  await page.open(`${origin}/`);
  await page.until("document.querySelector('#house').textContent.includes('rehearsal')");
}

/** Open the phone, press the button and wait for the greeting to end. */
async function ring(page: Page, origin: string): Promise<void> {
  await openPhone(page, origin);
  await page.click("#call");
  await page.until(inState("speaking"), PATIENT_MS);
  await page.until(inState("listening"), PATIENT_MS);
}

async function say(page: Page, text: string): Promise<void> {
  await page.eval("document.querySelector('#say-text').focus()");
  await page.type(text);
  await page.key("Enter");
}

function clean(page: Page, origin: string): void {
  assert.deepEqual(page.record.errors, []);
  const host = new URL(origin).host;
  const elsewhere = page.record.requests.filter((url) => /^(https?|wss?):/.test(url) && new URL(url).host !== host);
  assert.deepEqual(elsewhere, []);
  assert.ok(page.record.requests.length > 10);
}

const counts = async (page: Page) => JSON.parse(await page.eval("JSON.stringify(offhookCall.counts)") as string);

testWith(CHROMIUM, "a call from click to transcript: typed, interrupted by speech, a key, hung up", async () => {
  await using server = await startServer();
  const wav = await talkingWav(server.origin);
  await using browser = await openBrowser({ microphoneWav: wav });
  const page = await browser.page();
  await openPhone(page, server.origin);
  await page.click("#mute");
  await page.click("#call");
  await page.until(lineOf("agent", "Green Street Clinic"), PATIENT_MS);
  await page.until(inState("listening"), PATIENT_MS);

  await say(page, "who are you");
  await page.until(lineOf("caller", "who are you"), PATIENT_MS);
  await page.until(lineOf("agent", "I am the AI assistant of Green Street Clinic"), PATIENT_MS);
  await page.until("document.querySelectorAll('.fall .bar').length > 0", PATIENT_MS);
  await page.until(inState("listening"), PATIENT_MS);

  await say(page, "tell me a long story");
  await page.until(lineOf("agent", "Once upon a time"), PATIENT_MS);
  await page.until("document.querySelector('#meter-agent').getAttribute('aria-valuenow') > -60", PATIENT_MS);
  await page.click("#mute"); // the microphone, which never stops, is heard now
  await page.until("document.querySelector('#meter-caller').getAttribute('aria-valuenow') > -60", PATIENT_MS);
  await page.until("document.querySelector('.line.agent del') !== null", PATIENT_MS);
  await page.click("#mute");
  const cut = JSON.parse(
    await page.eval(`(() => {
      const struck = document.querySelector('.line.agent del');
      const line = struck.closest('.words').textContent;
      return JSON.stringify({ line, struck: struck.textContent, title: struck.title });
    })()`) as string,
  );
  assert.match(cut.line, /^Once/, "what was heard stands first");
  assert.ok(cut.struck.length > 0 && !cut.line.startsWith(cut.struck));
  assert.equal(cut.title, "Not heard", "known to the word, not estimated");
  assert.ok((await counts(page)).clears >= 1);

  await page.click("#keypad-toggle");
  await page.click("[data-digit='5']");
  await page.until("document.querySelector('#transcript').textContent.includes('You pressed 5')", PATIENT_MS);

  const { marksReceived, marksEchoed, framesUp, framesDown } = await counts(page);
  assert.ok(marksReceived > 10 && marksReceived - marksEchoed < 15, `${marksEchoed} of ${marksReceived} marks echoed`);
  assert.ok(framesUp > 300 && framesDown > 300);
  await page.click("#call");
  await page.until(inState("over"));
  assert.equal(await page.eval("document.querySelector('#state').textContent"), "You hung up.");
  assert.equal(await page.eval("document.querySelector('#say-text').disabled"), true);
  clean(page, server.origin);
  await Deno.remove(wav);
});

testWith(CHROMIUM, "without a microphone the phone says so and is used by typing", async () => {
  await using server = await startServer();
  await using browser = await openBrowser({ denyMicrophone: true });
  const page = await browser.page();
  await ring(page, server.origin);
  assert.match(await page.eval("document.querySelector('#trouble').textContent") as string, /Type instead/);
  assert.equal(await page.eval("document.activeElement.id"), "say-text");
  await say(page, "when are you open");
  await page.until(lineOf("agent", "Monday to Friday"), PATIENT_MS);
  clean(page, server.origin);
});

testWith(CHROMIUM, "with the keyboard alone: call, type, hang up; everything has a name", async () => {
  await using server = await startServer();
  await using browser = await openBrowser();
  const page = await browser.page({ width: 360, height: 740, mobile: true });
  await openPhone(page, server.origin);
  await tabTo(page, "call");
  await page.key("Enter");
  await page.until(inState("speaking"), PATIENT_MS);
  assert.equal(await page.eval("document.documentElement.scrollWidth"), 360, "nothing is wider than the screen");
  await page.until(inState("listening"), PATIENT_MS);
  await tabTo(page, "say-text");
  await page.type("who are you");
  await page.key("Enter");
  await page.until(lineOf("agent", "AI assistant"), PATIENT_MS);
  assert.deepEqual(await namelessControls(page), []);
  await tabTo(page, "call");
  await page.key("Enter");
  await page.until(inState("over"));
  clean(page, server.origin);
});

testWith(CHROMIUM, "a server that goes away, or takes no calls, is named", async () => {
  const server = await startServer();
  await using browser = await openBrowser();
  const page = await browser.page();
  try {
    await ring(page, server.origin);
  } finally {
    await server.stop();
  }
  await page.until(inState("over"), PATIENT_MS);
  await page.click("#call");
  await page.until("document.querySelector('#trouble').textContent.includes('does not answer')", PATIENT_MS);
  await page.until(inState("over"));

  await using full = await startServer({ MAX_CALLS: "1" });
  const [first, second] = [await browser.page(), await browser.page()];
  await ring(first, full.origin);
  await openPhone(second, full.origin);
  await second.eval("document.querySelector('#call').click()"); // the mouse belongs to the first page
  await second.until("document.querySelector('#transcript').textContent.includes('lines are busy')", PATIENT_MS);
  await second.until(inState("over"));
  assert.deepEqual(second.record.errors, []);
});

testWith(
  CHROMIUM,
  "a call that is given up before its audio connects, or by leaving the page, is over at once",
  async () => {
    await using server = await startServer();
    await using browser = await openBrowser();
    const page = await browser.page();
    const active = async () =>
      (await (await fetch(`${server.origin}/health`)).json() as { activeCalls: number }).activeCalls;
    await openPhone(page, server.origin);
    await page.eval(`{
    const fetched = fetch;
    globalThis.asked = [];
    globalThis.fetch = (path, ...more) => (asked.push(path), fetched(path, ...more));
  }`);
    await page.eval(`new MutationObserver(([{ target }]) => {
    if (target.textContent === "Connecting…") offhookCall.hangUp();
  }).observe(document.querySelector("#state"), { childList: true })`);
    await page.click("#call");
    await page.until(inState("over"));
    await page.until("asked.includes('/after-stream')", PATIENT_MS);
    assert.equal(await page.eval("document.querySelector('#say-text').disabled"), true);
    assert.equal(await page.eval("document.querySelector('#elapsed').textContent"), "0:00");
    assert.equal(await active(), 0);

    await ring(page, server.origin);
    assert.equal(await active(), 1);
    await openPhone(page, server.origin);
    assert.equal(await active(), 0);
    clean(page, server.origin);
  },
);

async function tabTo(page: Page, id: string): Promise<void> {
  for (let n = 0; n < 40; n++) {
    await page.key("Tab");
    if (await page.eval("document.activeElement.id") === id) return;
  }
  assert.fail(`#${id} cannot be reached with the Tab key`);
}

/** Controls that a screen reader could only call "button". */
async function namelessControls(page: Page): Promise<string[]> {
  const { nodes } = await page.command("Accessibility.getFullAXTree") as {
    nodes: { ignored: boolean; role?: { value: string }; name?: { value: string } }[];
  };
  const controls = nodes.filter(({ ignored, role }) =>
    !ignored && ["button", "textbox", "meter", "log", "status", "timer"].includes(role?.value ?? "")
  );
  assert.ok(controls.length >= 8, `only ${controls.length} controls are seen`);
  const unnamed = ["status", "timer"]; // they are read by their content
  return controls.filter(({ role, name }) => !name?.value && !unnamed.includes(role?.value ?? "")).map(({ role }) =>
    role!.value
  );
}
