import assert from "node:assert/strict";
import type { CallNotice } from "../../lib/call/notice.ts";
import { DEFAULT_FIELDS } from "../../lib/extraction/facts.ts";
import { FactFinder } from "../../lib/fact_finder.ts";
import { chatLlm } from "../../lib/providers/chat_llm.ts";
import { chatStandIn } from "../../lib/rehearsal/chat.ts";
import { asksForFacts, factBrain } from "../../lib/rehearsal/fact_brain.ts";
import { seeded, test } from "../case.ts";
import { conversation } from "../store/make.ts";
import { VirtualClock } from "../sim/clock.ts";

const MODELS = [
  { type: "open_ai", model: "gpt-4.1-mini" }, // asked with a strict schema,
  { type: "groq", model: "llama-3.3-70b-versatile" }, // by a forced call,
  { type: "llm", model: "one-of-mine" }, // with the schema in the prompt
];

for (const provider of MODELS) {
  test(`in rehearsal the facts of a call are found over the protocol of ${provider.type}, and told as notices`, async () => {
    const clock = new VirtualClock();
    const chat = chatStandIn({
      clock,
      random: seeded(1),
      models: [provider.model],
      answer: (messages, _tools, schema) => asksForFacts(messages) ? factBrain(messages, schema ?? {}) : { text: "hm" },
    });
    const notices: CallNotice[] = [];
    const llm = chatLlm({
      fetch: chat.fetch,
      clock,
      baseUrl: "http://model.test/v1",
      key: "k",
      provider,
    });
    const finder = new FactFinder({
      clock,
      plan: ({ from }) => ({
        llm,
        fields: DEFAULT_FIELDS,
        summary: true,
        context: { today: "2026-11-18", language: "en", caller: from },
      }),
      report: (notice) => notices.push(notice),
    });
    const said =
      "Hi, my name is Ada Byron. I would like to book a visit. Reach me at five five five oh one four two, " +
      "you can call me any time. Please send me an offer.";
    conversation({ id: "call-a", said }).slice(0, -1).forEach(finder.observe);
    await clock.run(5000);
    const early = notices.filter(({ kind }) => kind === "fact").length;
    assert.ok(early >= 4, "facts are there before the end");
    conversation({ id: "call-a" }).slice(-1).forEach(finder.observe);
    await clock.runFor(finder.settled("call-a"));
    const facts = Object.fromEntries(
      notices.flatMap((notice) => notice.kind === "fact" ? [[notice.field, notice.value]] : []),
    );
    assert.deepEqual(facts, {
      name: "Ada Byron",
      intent: "book a visit",
      phone: "5550142",
      next_step: "send me an offer",
      consent_to_follow_up: true,
    });
    assert.equal(notices.filter(({ kind }) => kind === "summary").length, 1);
    assert.ok(notices.some((notice) => notice.kind === "usage" && (notice.usage.promptTokens ?? 0) > 50));
    assert.deepEqual(notices.filter(({ kind }) => kind === "fault"), []);
    await finder[Symbol.asyncDispose]();
    assert.equal(clock.pending, 0);
  });
}
