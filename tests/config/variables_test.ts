import assert from "node:assert/strict";
import { fillSecrets, fillVariables } from "../../lib/config.ts";
import { test } from "../case.ts";

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
