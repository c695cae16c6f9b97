import assert from "node:assert/strict";
import { type CallConfig, fillVariables } from "../../lib/config.ts";
import { fillSecrets } from "../../lib/config/variables.ts";
import { test } from "../case.ts";
import { config, faults } from "./make.ts";

const CALL = {
  now: new Date("2026-11-21T02:30:00Z"),
  timezone: "America/New_York",
  caller: "+15550199",
  called: "+15550101",
  vars: { name: "Ann {{caller}}", "plan.x": "gold" },
};

test("call variables are filled in the call's time zone", () => {
  assert.equal(fillVariables("{{today}}", CALL), "Friday, November 20, 2026");
  assert.equal(fillVariables("{{now}}", CALL), "Friday, November 20, 2026 at 9:30 PM");
  assert.equal(
    fillVariables("From {{caller}} to {{ called }}: {{vars.plan.x}}.", CALL),
    "From +15550199 to +15550101: gold.",
  );
});

test("an unknown variable becomes empty, a value is not filled again, a prototype is not read", () => {
  assert.equal(fillVariables("[{{nobody}}{{vars.none}}{{vars.constructor}}{{constructor}}]", CALL), "[]");
  assert.equal(fillVariables("{{vars.name}}", CALL), "Ann {{caller}}");
  assert.equal(fillVariables("[{{caller}}{{vars.x}}]", { now: CALL.now, timezone: "UTC" }), "[]");
  assert.equal(fillVariables("{{ }} {x} ${SECRET_A}", CALL), "{{ }} {x} ${SECRET_A}");
});

test("secrets are filled by their full name", () => {
  assert.equal(fillSecrets("Bearer ${SECRET_A}${SECRET_B}${toString}", { SECRET_A: "$&a" }), "Bearer $&a");
});

test("secrets come into prompt and lines, one that is not set is a fault, and the hash tells nothing of them", () => {
  const file = {
    prompt: { file: "p.md" },
    greeting: "The code is ${SECRET_CODE}, ${price}.",
    lines: { goodbye: "Bye ${SECRET_CODE}", fillers: ["Hm ${SECRET_CODE}"] },
    routes: [{ name: "code", utterances: ["what is the code"], text: "It is ${SECRET_CODE}" }],
    numbers: { "+15550101": { greeting: "Here ${SECRET_CODE}" } },
  };
  const prompts = { "p.md": "Their code is ${SECRET_CODE}." };
  const filled = config(file, { prompts, env: { SECRET_CODE: "7$&7" } });
  const { prompt, greeting, lines, routes } = filled.base;
  assert.equal(prompt, "Their code is 7$&7.");
  assert.equal(greeting?.text, "The code is 7$&7, ${price}.");
  assert.deepEqual([lines.goodbye.text, lines.fillers[0]?.text], ["Bye 7$&7", "Hm 7$&7"]);
  assert.equal(routes[0]?.text, "It is 7$&7");
  assert.equal(filled.numbers["+15550101"]?.greeting?.text, "Here 7$&7");
  assert.equal(filled.hash, config(file, { prompts, env: { SECRET_CODE: "8" } }).hash);
  const keys = faults(file, { prompts }).map(({ key }) => key);
  for (const key of ["prompt", "greeting", "lines.goodbye", "lines.fillers[0]", "routes[0].text"]) {
    assert.ok(keys.includes(key), `${key} among ${keys}`);
  }
});

test("secrets come into what the engines' vendors are told", () => {
  const authorization = "Bearer ${SECRET_GATE}";
  const endpoint = { url: "https://models.test/v1", headers: { authorization } };
  const provider = { type: "open_ai", model: "own-model" };
  const file = {
    prompt: "Be kind.",
    agent: { think: [{ provider, endpoint }] },
    pipeline: { think: [{ provider, endpoint }] },
    numbers: { "+15550101": { agent: { think: [{ provider, endpoint }] } } },
  };
  const filled = config(file, { env: { SECRET_GATE: "s3cret" } });
  const headersOf = ({ agent, pipeline }: CallConfig) =>
    [agent.think, pipeline.think].map(([think]) => think?.endpoint?.headers?.authorization);
  assert.deepEqual(headersOf(filled.base), ["Bearer s3cret", "Bearer s3cret"]);
  assert.deepEqual(headersOf(filled.numbers["+15550101"]!), ["Bearer s3cret", "Bearer s3cret"]);
  assert.deepEqual(faults(file).map(({ key }) => key).slice(0, 2), [
    "agent.think[0].endpoint.headers.authorization",
    "pipeline.think[0].endpoint.headers.authorization",
  ]);
});
