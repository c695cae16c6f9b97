import assert from "node:assert/strict";
import { readWav, writeWav } from "../../lib/audio/wav.ts";
import { type CallCommand, runCallCommand } from "../../lib/softphone/cli.ts";
import { muteVoice, toneVoice } from "../sim/tone_voice.ts";
import type { Script } from "./server.ts";
import { testServer } from "./server.ts";
import { seeded, test } from "../case.ts";
import { VirtualClock } from "../sim/clock.ts";
import { simDial } from "../sim/dial.ts";

const polite: Script = {
  started: (line) => void line.say("hello there"),
  heard: (line, text) => void line.say(`you said ${text}`),
};

/** Run the command to its end in virtual time. */
async function run(args: string[], script: Script = polite, options: Partial<CallCommand> = {}) {
  const clock = new VirtualClock();
  const server = testServer(clock, script);
  const out: string[] = [];
  const errors: string[] = [];
  const files = new Map<string, Uint8Array>();
  const code = await clock.runFor(runCallCommand({
    args,
    env: {},
    clock,
    dial: simDial(clock, server.answer),
    fetch: server.fetch,
    voice: toneVoice(),
    print: (line) => out.push(line),
    printError: (line) => errors.push(line),
    readFile: (path) => files.has(path) ? Promise.resolve(files.get(path)!) : Promise.reject(new Error("not found")),
    writeFile: (path, bytes) => Promise.resolve(void files.set(path, bytes)),
    tryWriting: () => Promise.resolve(),
    isTerminal: false,
    random: seeded(1),
    ...options,
  }));
  await clock.run(2000);
  assert.equal(clock.pending, 0);
  return { code, out: out.join("\n"), errors: errors.join("\n"), files, server };
}

test("a call with steps: progress to stderr, the table to stdout, the recording to its file, exit 0", async () => {
  const { code, out, errors, files, server } = await run(
    [
      "--say",
      "who are you",
      "--expect",
      "you said",
      "--record",
      "out.wav",
    ],
    polite,
    { isTerminal: true },
  );
  assert.equal(code, 0);
  assert.match(errors, /ringing http:\/\/localhost:5000\/incoming-call/);
  assert.match(errors, /agent +300 ms: you said who are you/);
  assert.match(out, /^first audio +20 ms$/m);
  assert.match(out, /^who are you +you said who are you +300 +1200$/m);
  assert.match(out, /^recording +out.wav$/m);
  assert.ok(readWav(files.get("out.wav")!).ok);
  assert.equal(server.requests[0]!.form.get("From"), "+15550100");
  assert.equal(server.requests[0]!.form.get("To"), "+15550101");
});

test("--json: one document on stdout", async () => {
  const { code, out, errors } = await run(["--say", "hi", "--json", "--to", "+15550142"]);
  const report = JSON.parse(out);
  assert.deepEqual([code, report.ok, report.schema, report.turns.length, errors], [0, true, 1, 2, ""]);
});

test("off a terminal there is no progress, only what the report does not say", async () => {
  const { errors } = await run([], { started: (line) => line.media(new Uint8Array(31 * 8000).fill(0x20)) });
  assert.match(errors, /^warning {2}much-queued: Over 31 s of audio wait to be played\nnote .*$/);
});

test("what the voice cannot speak is told: the server only hears silence", async () => {
  assert.match(
    (await run(["--say", "привет"], polite, { voice: muteVoice() })).errors,
    /^note +.*cannot speak "привет"/m,
  );
});

test("exit 1: an unmet expectation, an offence, a refused call", async () => {
  assert.equal((await run(["--expect", "goodbye"])).code, 1);
  assert.equal((await run([], { started: (line) => line.send("rubbish") })).code, 1);
  const rejected = await run([], { twiml: "<Response><Reject/></Response>" });
  assert.equal(rejected.code, 1);
  assert.match(rejected.out, /ended by +refused/);
});

test("exit 1: a call that is turned away in words, and a plain line of it", async () => {
  const busy = { twiml: "<Response><Say>All our lines are busy.</Say><Hangup/></Response>" };
  for (const args of [["--say", "hello"], ["--wait", "10"]]) {
    const { code, out } = await run(args, busy);
    assert.equal(code, 1);
    assert.match(out, /^REFUSED {2}the server did not take the call$/m);
    const report = JSON.parse((await run([...args, "--json"], busy)).out);
    assert.deepEqual([report.ok, report.endedBy, report.streamSid, report.turns], [false, "refused", null, []]);
  }
  assert.equal((await run([], { twiml: "<Response/>" })).code, 1);
  const later = "<Response><Say>One moment.</Say><Connect><Stream url='wss://localhost/x'/></Connect></Response>";
  assert.equal((await run([], { ...polite, twiml: later })).code, 0);
});

test("whatever a server answers commands no terminal, and of a document without end 64 KiB are read", async () => {
  const refusal = "\x1b]0;you are mine\x07\x9b31mred";
  const refusing = () => new Response(refusal, { status: 403, headers: { "content-type": "text/plain" } });
  const { out, errors } = await run(["--say", "hi"], polite, { fetch: refusing, isTerminal: true });
  assert.match(out, /answered HTTP 403: .*you are mine/);
  assert.doesNotMatch((out + errors).replaceAll("\n", ""), /\p{Cc}/u);

  let pulled = 0;
  const pull = (controller: ReadableStreamDefaultController<Uint8Array>) => {
    if (++pulled > 100) return controller.close();
    controller.enqueue(new Uint8Array(8192).fill(0x41));
  };
  const endless = () => new Response(new ReadableStream({ pull }), { headers: { "content-type": "text/xml" } });
  assert.match((await run(["--say", "hi"], polite, { fetch: endless })).out, /over 64 KiB/);
  assert.ok(pulled < 20, `${pulled} pieces`);
});

test("exit 2: wrong usage, a recording that cannot be read", async () => {
  assert.equal((await run(["--fly"])).code, 2);
  assert.match((await run(["--wav", "none.wav"])).errors, /Cannot read "none.wav"/);
  assert.equal((await run(["localhost:5000"])).code, 2);
});

test("exit 2: a recording that may not be written is told before the call", async () => {
  const why = () => Promise.reject(new Error("there is no such folder. Make it first."));
  const { code, out, errors, server } = await run(["--record", "/nope/x.wav"], polite, { tryWriting: why });
  assert.deepEqual([code, out, server.requests.length], [2, "", 0]);
  assert.match(errors, /^Cannot write "\/nope\/x\.wav": there is no such folder\. Make it first\.$/m);
});

test("exit 1: a recording that cannot be written after all loses nothing of the report", async () => {
  const full = () => Promise.reject(new Error("no space left on device"));
  const { code, out, errors } = await run(["--record", "out.wav", "--json"], polite, { writeFile: full });
  const report = JSON.parse(out);
  assert.deepEqual([code, report.ok, report.wav, report.turns.length], [1, false, null, 1]);
  assert.match(errors, /^Cannot write "out\.wav": no space left on device$/m);
});

test("with --json a call that nobody answers is a document too, and --config is taken", async () => {
  const nobody = { fetch: () => Promise.reject(new TypeError("refused")) };
  const { code, out, errors } = await run(["--json", "--config", "config.json"], polite, nobody);
  assert.equal(code, 3);
  const { ok, schema, error } = JSON.parse(out);
  assert.deepEqual([ok, schema, error], [false, 1, errors]);
});

test("exit 3: nothing answers, and it says what to do", async () => {
  const { code, errors } = await run([], polite, { fetch: () => Promise.reject(new TypeError("refused")) });
  assert.equal(code, 3);
  assert.match(errors, /Nothing answers at http:\/\/localhost:5000. Start it with `deno task dev`\./);
});

test("of another machine, or a name that is not found, it says why nothing answers", async () => {
  const error = "error sending request for url (https://agent.example.com/): client error (Connect): dns error";
  const { code, errors } = await run(["https://agent.example.com"], polite, {
    fetch: () => Promise.reject(new TypeError(error)),
  });
  assert.equal(code, 3);
  assert.match(
    errors,
    /^Nothing answers at https:\/\/agent\.example\.com: client error \(Connect\): dns error\. Check/,
  );
});

test("without steps and without a terminal, the greeting is heard to its end", async () => {
  const { code, out } = await run([]);
  assert.equal(code, 0);
  assert.match(out, /^\(greeting\) +hello there +20 +660$/m);
});

test("on a terminal typed lines are spoken, and their end hangs up", async () => {
  async function* lines() {
    yield "who are you";
    yield "";
    yield "thanks";
  }
  const { code, out } = await run([], polite, { isTerminal: true, stdin: lines() });
  assert.equal(code, 0);
  assert.match(out, /^thanks/m);
});

test("a server that hangs up ends a call that waits for a line", async () => {
  const never: AsyncIterable<string> = { [Symbol.asyncIterator]: () => ({ next: () => new Promise(() => {}) }) };
  const script: Script = { started: (line) => void line.clock.after(1000, () => line.wire.close(1000)) };
  const { code, out } = await run([], script, { isTerminal: true, stdin: never });
  assert.equal(code, 0);
  assert.match(out, /ended by +server/);
});

test("Ctrl-C hangs up and reports; the second one leaves with 130", async () => {
  const hangUp = new AbortController();
  const script: Script = { started: (line) => void line.clock.after(1000, () => hangUp.abort()) };
  const { code, out } = await run(["--wait", "60000"], script, { hangUp: hangUp.signal });
  assert.equal(code, 0);
  assert.match(out, /ended by +caller, after 1\.\d s/);
  assert.equal((await run(["--help"], polite, { giveUp: AbortSignal.abort() })).code, 0);
  const giveUp = new AbortController();
  const leaving: Script = {
    started: (line) => void line.clock.after(1000, () => (giveUp.abort(), line.wire.close(1000))),
  };
  assert.equal((await run(["--wait", "60000"], leaving, { giveUp: giveUp.signal })).code, 130);
});

test("a recording without any audio is wrong usage: it would test nothing", async () => {
  const silent = () => Promise.resolve(writeWav({ rateHz: 8000, channels: [new Int16Array(0)] }));
  const { code, errors } = await run(["--wav", "a.wav", "--expect", "hello"], polite, { readFile: silent });
  assert.equal(code, 2);
  assert.match(errors, /^Cannot read "a\.wav": It holds no audio\. Record it again\.$/m);
});

test("recorded speech of any rate is sent as the telephone carries it", async () => {
  const tone = Int16Array.from({ length: 44_100 }, (_, n) => 8000 * Math.sin(2 * Math.PI * 440 * n / 44_100));
  const wav = writeWav({ rateHz: 44_100, channels: [tone, tone] });
  const { code, out, server } = await run(["--wav", "voices/tone.wav", "--wait", "10"], polite, {
    readFile: () => Promise.resolve(wav),
  });
  assert.equal(code, 0);
  assert.match(out, /^\[tone.wav\]/m);
  const silence = "/".repeat(20);
  const loud = server.lines[0]!.of("media").filter(({ body }) => !body.media.payload.startsWith(silence));
  assert.ok(Math.abs(loud.length - 50) <= 1, `${loud.length} frames`);
});

test("TWILIO_AUTH_TOKEN signs", async () => {
  const { server } = await run([], polite, { env: { TWILIO_AUTH_TOKEN: "12345", PORT: "8080" } });
  assert.ok(server.requests[0]!.headers.get("x-twilio-signature"));
  assert.equal(server.requests[0]!.path, "/incoming-call");
});

test("the server's own record is asked of the server that was rung, an empty PORT being none", async () => {
  const asked: string[] = [];
  const lookup = (url: string) => Promise.resolve(void asked.push(url));
  await run([], polite, { env: { PORT: "" }, lookup });
  await run(["http://127.0.0.1:8080", "--say", "http://example.com"], polite, { lookup });
  assert.deepEqual(asked, ["http://localhost:5000/incoming-call", "http://127.0.0.1:8080/incoming-call"]);
});

test("--help", async () => {
  const { code, out } = await run(["-h"]);
  assert.equal(code, 0);
  assert.match(out, /--interrupt TEXT\[@MS\]/);
});
