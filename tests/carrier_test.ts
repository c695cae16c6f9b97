import assert from "node:assert/strict";
import { carrierOf } from "../lib/carrier.ts";
import { test } from "./case.ts";
import { config } from "./config/make.ts";
import { twilioRestStandIn } from "./rehearsal/twilio_rest.ts";
import { VirtualClock } from "./sim/clock.ts";

const ACCOUNT = { accountSid: `AC${"0".repeat(32)}`, authToken: "0123456789abcdef0123456789abcdef" };
const CALL = `CA${"1".repeat(32)}`;

test("a call that we have let go is over at the carrier 2 s later: by itself, or because we end it there", async () => {
  for (const atFirst of ["completed", "in-progress"]) {
    let [status, ended] = [atFirst, 0];
    const control = { status: () => status, endCall: () => void (status = "completed", ended++) };
    const clock = new VirtualClock();
    const standIn = twilioRestStandIn({
      clock,
      ...ACCOUNT,
      control: (callSid) => callSid === CALL ? control : undefined,
    });
    await using server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen: () => {} }, standIn.fetch);
    const env = {
      TWILIO_ACCOUNT_SID: ACCOUNT.accountSid,
      TWILIO_AUTH_TOKEN: ACCOUNT.authToken,
      TWILIO_API_URL: `http://127.0.0.1:${server.addr.port}`,
      DEEPGRAM_API_KEY: "k",
    };
    const { confirmEnded, carrierStatus } = carrierOf(config({ prompt: "x" }, { env }), clock);
    assert.equal(await carrierStatus!(CALL, new AbortController().signal), atFirst);
    const confirmed = confirmEnded!(CALL);
    await clock.run(1900);
    assert.equal(ended, 0, "it gets the time to end by itself");
    await clock.run(100);
    assert.equal(await confirmed, atFirst === "completed" ? "completed" : "ended");
    assert.deepEqual([status, ended], ["completed", atFirst === "completed" ? 0 : 1]);
    assert.equal(await carrierStatus!(CALL.replace("1", "2"), new AbortController().signal), undefined);
  }
  assert.deepEqual(carrierOf(config({ prompt: "x" }), new VirtualClock()), {});
});
