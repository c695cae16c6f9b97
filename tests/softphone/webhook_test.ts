import assert from "node:assert/strict";
import { twilioSignature } from "../../lib/softphone/sign.ts";
import { Webhooks } from "../../lib/softphone/webhook.ts";
import { seeded, test } from "../case.ts";
import { VirtualClock } from "../sim/clock.ts";

test("the fields of a request are its form, or its query, and are signed with it", async () => {
  const seen: string[] = [];
  const fetch = async (request: Request) => {
    const form = await request.text();
    const fields = request.method === "GET" ? [] : [...new URLSearchParams(form)];
    const { search } = new URL(request.url);
    assert.equal(request.headers.get("x-twilio-signature"), twilioSignature("a-token", request.url, fields));
    seen.push([request.method, search, form, request.headers.get("content-type")?.split(";")[0]].join(" "));
    return new Response("<Response/>", { headers: { "content-type": "text/xml" } });
  };
  const fields = { CallSid: "CA1" };
  const webhooks = new Webhooks({ clock: new VirtualClock(), fetch, random: seeded(1), authToken: "a-token", fields });
  const url = "https://agent.example.com/incoming-call";
  for (const method of ["GET", "POST"] as const) {
    for (const query of ["", "?shop=1"]) {
      const answer = await webhooks.document({ url: `${url}${query}`, method }, { CallStatus: "ringing" });
      assert.equal(answer.ok, true);
    }
  }
  const sent = "CallSid=CA1&CallStatus=ringing";
  assert.deepEqual(seen, [
    `GET ?${sent}  `,
    `GET ?shop=1&${sent}  `,
    `POST  ${sent} application/x-www-form-urlencoded`,
    `POST ?shop=1 ${sent} application/x-www-form-urlencoded`,
  ]);
});
