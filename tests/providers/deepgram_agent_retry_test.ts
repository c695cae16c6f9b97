import assert from "node:assert/strict";
import type { Fault } from "../../lib/base/result.ts";
import { agentRetryMs } from "../../lib/providers/deepgram_agent.ts";
import { test } from "../case.ts";

const refused = (status: number, retryAfterMs?: number): Fault => ({
  kind: "refused",
  peer: "deepgram-agent",
  status,
  detail: "",
  ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
});
const lost: Fault = { kind: "lost", peer: "deepgram-agent", closeCode: 1006, reason: "", openMs: 5000 };

test("too many sessions: one more attempt, after the time that was asked for; none if that is long", () => {
  assert.equal(agentRetryMs(refused(429, 1000), 0), 1000);
  assert.equal(agentRetryMs(refused(429), 0), 500);
  assert.equal(agentRetryMs(refused(429, 1000), 1), undefined);
  assert.equal(agentRetryMs(refused(429, 30_000), 0), undefined);
});

test("a vendor that is down is asked again at once, then twice more, later each time", () => {
  assert.deepEqual([0, 1, 2, 3].map((refusals) => agentRetryMs(refused(503), refusals)), [0, 400, 1200, undefined]);
  assert.equal(agentRetryMs(refused(500), 0), 0);
});

test("a key, an account or a permission that is not good is not tried again; a lost socket is, at once", () => {
  for (const status of [400, 401, 402, 403, 404]) assert.equal(agentRetryMs(refused(status), 0), undefined);
  assert.equal(agentRetryMs(lost, 0), 0);
  assert.equal(agentRetryMs({ ...lost, kind: "clogged", bytes: 1e6 }, 0), 0);
});
