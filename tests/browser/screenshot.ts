/** Takes the README's picture anew: `deno run -A tests/browser/screenshot.ts`, a call with an interruption in it. */

import { openBrowser } from "./chromium.ts";
import { talkingWav } from "./microphone.ts";
import { startServer } from "./server.ts";

const OUT = new URL("../../assets/phone/screenshot.png", import.meta.url);
const PATIENT_MS = 30_000;

await using server = await startServer();
await using browser = await openBrowser({ microphoneWav: await talkingWav(server.origin) });
const page = await browser.page({ width: 1200, height: 820 });
const inState = (state: string) => page.until(`document.body.dataset.state === '${state}'`, PATIENT_MS);
await page.open(`${server.origin}/`);
await page.until("document.querySelector('#house').textContent !== ''");
await page.click("#mute");
await page.click("#call");
for (const text of ["when are you open", "tell me a long story"]) {
  await inState("speaking");
  await inState("listening");
  await page.eval("document.querySelector('#say-text').focus()");
  await page.type(text);
  await page.key("Enter");
}
await inState("speaking");
await page.until("document.querySelector('#log').textContent.includes('very long road')", PATIENT_MS);
await new Promise((resolve) => setTimeout(resolve, 3000));
await page.click("#mute");
await page.until("document.querySelector('del') !== null", PATIENT_MS);
await page.click("#mute");
await page.until("document.querySelectorAll('.fall').length > 2", PATIENT_MS);
await new Promise((resolve) => setTimeout(resolve, 2500));
await page.eval("document.activeElement.blur()");
await Deno.writeFile(OUT, await page.screenshot());
console.log(`${OUT.pathname}: ${(await Deno.stat(OUT)).size} bytes`);
