import assert from "node:assert/strict";
import { FRAME_BYTES, FRAME_MS } from "../../lib/audio/frame.ts";
import { seeded, test } from "../case.ts";
import { callOnce } from "./rig.ts";
import type { ServerLine } from "./server.ts";

const STORY = "once upon a time there was a telephone that nobody answered quickly enough until somebody finally did";

test("60 interruptions at random moments over a jittery line: what was heard is what was played, nothing is blamed", async () => {
  for (let seed = 1; seed <= 60; seed++) {
    const random = seeded(seed);
    const reactionMs = 40 + Math.floor(random() * 400);
    const played: { atMs: number; bytes: number }[] = [];
    let calling: ServerLine | undefined;
    const rig = await callOnce({
      started: (line) => void (calling = line, line.say("hello")),
      heard: (line, text) => void line.say(text.includes("stop") ? "yes" : STORY),
      spoke: (line, utterance) => utterance === 2 && line.clock.after(reactionMs, () => line.clear()),
    }, {
      random,
      weather: { delayMs: 10, jitterMs: 15, random },
      markEcho: seed % 2 ? "immediate" : "end-of-slot",
      echoDelayMs: [5, 40],
      steps: [
        { kind: "say", text: "go" },
        { kind: "interrupt", text: "stop it", afterMs: Math.floor(random() * 3000) },
        { kind: "expect", text: "yes" },
      ],
      onSlot: (slot, atMs) => played.push({ atMs, bytes: slot.playedBytes }),
    });
    const { report } = rig;
    assert.deepEqual(
      [report.offences, report.staleFrames, report.lostFrames, report.underruns],
      [[], 0, 0, 0],
      `${seed}`,
    );
    assert.equal(report.ok, true);
    assert.deepEqual(report.turns.map(({ interrupted }) => interrupted), [false, true, false]);
    assert.equal(report.marks.sent, 3);
    assert.deepEqual(calling!.of("mark").map(({ body }) => body.mark.name), ["hello", STORY, "yes"]);
    const story = report.turns[1]!;
    assert.ok(STORY.startsWith(story.heard!.split(" ").slice(0, -1).join(" ")), `${story.heard}`);
    const cut = rig.events.find((event) => event.kind === "cleared");
    assert.ok(cut?.kind === "cleared");
    // What the event says was heard is what the speaker played of that reply: the run of full slots before the clear.
    assert.equal(cut.heardMs, story.heardMs);
    const total = played.reduce((sum, { bytes }) => sum + bytes, 0);
    assert.equal(total, report.turns.reduce((sum, { heardMs }) => sum + heardMs * FRAME_BYTES / FRAME_MS, 0));
  }
});

test("random garbage from a server ends nothing but its own call, and every wait has a way out", async () => {
  for (let seed = 1; seed <= 30; seed++) {
    const random = seeded(seed);
    const garble = (line: ServerLine) => {
      const pick = Math.floor(random() * 8);
      if (pick === 0) line.send("{".repeat(1 + Math.floor(random() * 50)));
      if (pick === 1) line.wire.send(new Uint8Array(Math.floor(random() * 500)));
      if (pick === 2) line.mark(String(random()));
      if (pick === 3) line.clear();
      if (pick === 4) line.media(Uint8Array.from({ length: Math.floor(random() * 1000) }, () => random() * 256));
      if (pick === 5) line.send({ event: "media", streamSid: line.streamSid, media: { payload: "x", extra: {} } });
      if (pick === 6) line.send([null, 1, {}]);
      if (pick === 7 && random() < 0.05) line.wire.terminate();
      if (!line.closed) line.clock.after(random() * 100, () => garble(line));
    };
    const { report } = await callOnce({ started: garble }, {
      steps: [{ kind: "say", text: "hi" }, { kind: "interrupt", text: "no", afterMs: 100 }, {
        kind: "expect",
        text: "a",
      }],
    });
    assert.ok(report.durationMs < 120_000);
    assert.ok(report.marks.echoed <= report.marks.sent);
    assert.ok(report.offences.length > 0 && report.offences.length <= 100);
  }
});
