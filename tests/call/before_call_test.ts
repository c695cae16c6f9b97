import assert from "node:assert/strict";
import { describeFault } from "../../lib/base/result.ts";
import { signatureOf } from "../../lib/phone/signature.ts";
import { test } from "../case.ts";
import { simHouse } from "../sim/house.ts";
import { questions, simPipeline } from "../sim/pipeline.ts";

const TOKEN = "0123456789abcdef0123456789abcdef";

/** The prompt that the agent gets when the lookup answers like this. What the record tells as faults is added to `faults`. */
async function promptAfter(
  answer: (request: Request) => Promise<Response>,
  faults: string[] = [],
): Promise<string> {
  await using sim = await simHouse({
    config: {
      prompt: "The caller is {{vars.name}}, a {{vars.tier}} customer.",
      beforeCall: { url: "https://crm.example.com/caller?number={{caller}}", timeoutMs: 800 },
    },
    resolve: () => Promise.resolve(["93.184.216.34"]),
    toolFetch: answer,
  });
  const call = sim.ring({ from: "+15550123", steps: [{ kind: "say", text: "who are you" }] });
  const report = await sim.clock.runFor(call.report);
  assert.match(report.turns.at(-1)!.heard!, /AI/);
  faults.push(...sim.records()[0]!.faults.map(({ fault }) => describeFault(fault)));
  return sim.agent.sessions[0]!.mind.prompt;
}

test("what is known of the caller is in the prompt", async () => {
  const asked: string[] = [];
  const prompt = await promptAfter((request) => {
    asked.push(request.url);
    return Promise.resolve(Response.json({ name: "Ada", tier: "gold" }));
  });
  assert.equal(prompt, "The caller is Ada, a gold customer.");
  assert.deepEqual(asked, ["https://crm.example.com/caller?number=%2B15550123"]);
});

test("an agent is not given up while a slow lookup keeps it waiting for its prompt, and greets", async () => {
  await using sim = await simHouse({
    config: { beforeCall: { url: "https://crm.example.com/caller", timeoutMs: 5000 } },
    resolve: () => Promise.resolve(["93.184.216.34"]),
    toolFetch: () => new Promise((resolve) => void sim.clock.after(4500, () => resolve(Response.json({})))),
  });
  const call = sim.ring({ steps: [{ kind: "wait", ms: 8000 }] });
  const report = await sim.clock.runFor(call.report);
  assert.match(report.turns[0]!.heard!, /Welcome to the clinic today\.$/);
  assert.deepEqual(sim.notices.filter(({ kind }) => kind === "fault"), []);
});

test("the pipeline's prompt and greeting know it too, and the first question waits for it", async () => {
  await using sim = await simPipeline({
    config: {
      prompt: "The caller is {{vars.name}}, a {{vars.tier}} customer.",
      greeting: "Good morning, {{vars.name}}.",
      beforeCall: { url: "https://crm.example.com/caller?number={{caller}}", timeoutMs: 800 },
    },
    intercept: (request) => {
      if (!request.url.startsWith("https://crm.example.com/")) return undefined;
      return new Promise((resolve) => {
        sim.clock.after(300, () => resolve(Response.json({ name: "Ada", tier: "gold" })));
      });
    },
  });
  const call = sim.ring({ from: "+15550123", steps: [{ kind: "say", text: "who are you" }] });
  const report = await sim.clock.runFor(call.report);
  assert.match(report.turns[0]!.heard!, /Good morning, Ada\./);
  assert.match(report.turns.at(-1)!.heard!, /open until six/);
  assert.match(String(questions(sim)[0]![0]!.content), /^The caller is Ada, a gold customer\./);
});

for (
  const [what, answer, fault, prompt = "The caller is , a  customer."] of [
    ["is late", () => new Promise<Response>(() => {}), /Waited 800 ms for the answer to beforeCall/],
    ["fails", () => Promise.resolve(new Response("Ada is down", { status: 500 })), /HTTP 500 \(beforeCall\)/],
    ["is refused", () => Promise.resolve(new Response("", { status: 401 })), /HTTP 401 .*SECRET_/],
    ["finds nobody", () => Promise.reject(new TypeError("to https://crm?Ada")), /Cannot reach .* beforeCall\.url/],
    ["is sent on", () => Promise.resolve(new Response("", { status: 302 })), /beforeCall: .* redirect \(302\)/],
    ["is no JSON", () => Promise.resolve(new Response("Ada")), /no JSON object/],
    [
      "is longer than is read",
      () => Promise.resolve(Response.json({ name: "Ada", orders: "x".repeat(9000) })),
      /longer than 8 KB/,
    ],
    ["is a list", () => Promise.resolve(Response.json(["Ada"])), /no JSON object/],
    [
      "is flat in part",
      () => Promise.resolve(Response.json({ tier: "gold", vip: null, name: { first: "Ada" } })),
      /beforeCall: 1 of the entries/,
      "The caller is , a gold customer.",
    ],
  ] as [string, () => Promise<Response>, RegExp, string?][]
) {
  test(`a lookup that ${what} costs the call nothing, and its record tells why`, async () => {
    const faults: string[] = [];
    assert.equal(await promptAfter(answer, faults), prompt);
    assert.match(faults.join(), fault);
    assert.doesNotMatch(faults.join(), /Ada/);
  });
}

test("what is not known of the caller is no fault", async () => {
  const faults: string[] = [];
  const prompt = await promptAfter(() => Promise.resolve(Response.json({ name: "Ada", tier: null })), faults);
  assert.deepEqual([prompt, faults], ["The caller is Ada, a  customer.", []]);
});

test("an answer without a body tells nothing of the caller", async () => {
  await using sim = await simHouse({
    config: { prompt: "Status {{vars.status}}.", beforeCall: { url: "https://crm.example.com/caller" } },
    resolve: () => Promise.resolve(["93.184.216.34"]),
    toolFetch: () => Promise.resolve(new Response(null, { status: 204 })),
  });
  await sim.clock.runFor(sim.ring({ steps: [{ kind: "wait", ms: 3000 }] }).report);
  assert.equal(sim.agent.sessions[0]!.mind.prompt, "Status .");
  assert.deepEqual(sim.records()[0]!.faults, []);
});

test("a webhook that Twilio repeats counts once for its caller", async () => {
  await using sim = await simHouse({
    config: { limits: { callsPerCallerPerHour: 1 } },
    env: {
      PUBLIC_HOST: "agent.example.com",
      TWILIO_ACCOUNT_SID: "AC00000000000000000000000000000001",
      TWILIO_AUTH_TOKEN: TOKEN,
      DEEPGRAM_API_KEY: "key",
    },
  });
  const fields = { CallSid: "CA1", From: "+15550100", To: "+15550101" };
  const url = "https://agent.example.com/incoming-call";
  const headers = { "x-twilio-signature": signatureOf(TOKEN, url, Object.entries(fields)) };
  const ring = async () =>
    await (await sim.fetch(new Request(url, { method: "POST", body: new URLSearchParams(fields), headers }))).text();
  const documents = [await ring(), await ring()];
  await sim.clock.runFor(sim.house.reception.drain(0));
  assert.deepEqual(
    documents.map((document) => document.includes("<Connect")),
    [true, true],
    `refused: ${sim.refusals}`,
  );
});
