import assert from "node:assert/strict";
import twilio from "twilio";
import { candidateUrls, signatureOf, signedUrl } from "../../lib/phone/signature.ts";
import { signedUrl as signedAddress, twilioSignature } from "../../lib/softphone/sign.ts";
import { seeded, test } from "../case.ts";
import { callOnce } from "../softphone/rig.ts";
import { xml } from "../softphone/server.ts";

const { getExpectedTwilioSignature, validateRequest } = twilio;
const REQUESTS = 1000;

const LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
const ODD = ["é", "ß", "ü", "日本", "🙂", " ", "&", "=", "+", "%", "'", '"', "<", "/", "?", "\n", "\t", "\\", ";", "~"];

interface Signed {
  token: string;
  publicHost: string;
  target: string;
  url: string;
  params: Record<string, string | string[]>;
  fields: [string, string][];
}

/** Random requests as Twilio may make them: with and without a query, a port, empty and repeated fields, any letters. */
function* requests(seed: number): Generator<Signed & { random: () => number }> {
  const random = seeded(seed);
  const upTo = (n: number) => Math.floor(random() * n);
  const pick = <T>(list: ArrayLike<T>): T => list[upTo(list.length)]!;
  const word = (least: number, more: number) =>
    Array.from({ length: least + upTo(more) }, () => pick<string>(LETTERS)).join("");
  const text = () =>
    Array.from({ length: upTo(30) }, () => random() < 0.2 ? pick(ODD) : pick<string>(LETTERS)).join("");
  for (let n = 0; n < REQUESTS; n++) {
    const publicHost = `${word(1, 8).toLowerCase()}.example.com`;
    const path = Array.from({ length: upTo(4) }, () => `/${encodeURIComponent(text())}`).join("") || "/";
    const query = Array.from(
      { length: upTo(4) },
      () => `${word(1, 5)}=${pick([encodeURIComponent(text()), "a'b", ""])}`,
    );
    const target = path + (query.length ? `?${query.join("&")}` : "");
    const params: Record<string, string | string[]> = {};
    for (let left = upTo(25); left > 0; left--) {
      const name = word(1, 12);
      params[name] = random() < 0.1 ? Array.from({ length: 1 + upTo(4) }, text) : text();
    }
    const fields = Object.entries(params).flatMap(([name, value]) =>
      [value].flat().map((one): [string, string] => [name, one])
    );
    fields.sort(() => random() - 0.5); // they come in any order
    const url = `https://${publicHost}${random() < 0.2 ? ":443" : ""}${target}`;
    yield { token: word(32, 1), publicHost, target, url, params, fields, random };
  }
}

/** `text` with one bit of one of its ASCII characters flipped; undefined if it has none. */
function flipped(text: string, random: () => number): string | undefined {
  const places = [...text].flatMap((character, at) => character.charCodeAt(0) < 0x80 ? [at] : []);
  if (places.length === 0) return undefined;
  const at = places[Math.floor(random() * places.length)]!;
  const characters = [...text];
  characters[at] = String.fromCharCode(characters[at]!.charCodeAt(0) ^ (1 << Math.floor(random() * 7)));
  return characters.join("");
}

test("1,000 requests signed by the twilio library pass our check, whatever their order, port and letters", () => {
  for (const { token, publicHost, target, url, params, fields } of requests(1)) {
    const header = getExpectedTwilioSignature(token, url, params);
    const urls = candidateUrls({ publicHost, target, scheme: "https" });
    assert.ok(signedUrl({ authToken: token, header, urls, params: fields }), JSON.stringify({ url, params }));
  }
});

test("each of them with one flipped bit in signature, URL, a value or a name fails", () => {
  let values = 0;
  for (const { token, url, params, fields, random } of requests(2)) {
    const header = getExpectedTwilioSignature(token, url, params);
    const check = (changed: { header?: string; url?: string; fields?: [string, string][] }) =>
      signedUrl({
        authToken: token,
        header: changed.header ?? header,
        urls: [changed.url ?? url],
        params: changed.fields ?? fields,
      });
    assert.ok(check({}), url);
    assert.ok(!check({ header: flipped(header, random)! }), `signature of ${url}`);
    const wrongUrl = flipped(url, random)!;
    assert.ok(!check({ url: wrongUrl }), `${url} and ${wrongUrl}`);
    for (const part of [0, 1] as const) {
      const at = Math.floor(random() * fields.length);
      const wrong = fields[at] && flipped(fields[at][part], random);
      if (wrong === undefined) continue;
      values++;
      const changed = fields.map((field): [string, string] => [...field]);
      changed[at]![part] = wrong;
      assert.ok(!check({ fields: changed }), JSON.stringify({ was: fields[at], is: changed[at] }));
    }
    assert.ok(!signedUrl({ authToken: flipped(token, random)!, header, urls: [url], params: fields }), "another token");
  }
  assert.ok(values > REQUESTS, `${values} fields were changed`);
});

test("the twilio library takes our signatures and the softphone's, and makes the very same", () => {
  for (const { token, url, params, fields } of requests(3)) {
    const expected = getExpectedTwilioSignature(token, url, params);
    assert.equal(signatureOf(token, url, fields), expected);
    assert.equal(twilioSignature(token, url, fields), expected);
    assert.ok(validateRequest(token, signatureOf(token, url, fields), url, params), url);
    // What the softphone signs for an address as it stands in a configuration.
    const written = url.replace("https://", "https://user:secret@").replace(":443", ":8443") + "#part";
    const phone = twilioSignature(token, signedAddress(written), fields);
    assert.ok(validateRequest(token, phone, url, params), written);
    assert.ok(!validateRequest(`${token}x`, expected, url, params));
  }
});

test("sockets: the library and we agree", () => {
  for (const { token, publicHost } of requests(4)) {
    const header = twilioSignature(token, `wss://${publicHost}/media-stream`);
    assert.equal(header, getExpectedTwilioSignature(token, `wss://${publicHost}/media-stream`, {}));
    assert.ok(validateRequest(token, header, `wss://${publicHost}/media-stream`, {}));
    const urls = candidateUrls({ publicHost, target: "/media-stream", scheme: "wss" });
    assert.ok(signedUrl({ authToken: token, header, urls }));
  }
});

test("every request of a call that the softphone signs passes the library", async () => {
  const authToken = "0123456789abcdef0123456789abcdef";
  const origin = "https://test.example.com";
  const { report, server } = await callOnce({
    twiml: `<Response><Connect action="/after?x=%27a"><Stream url="wss://test.example.com/media"` +
      ` statusCallback="/status"/></Connect></Response>`,
    started: (line) => {
      void line.say("hello");
      line.clock.after(3000, () => line.wire.close(1000, ""));
    },
    other: (path) => path === "/after" ? xml("<Response><Hangup/></Response>") : new Response(null, { status: 204 }),
  }, { authToken, callStatusUrl: `${origin}/status`, steps: [{ kind: "wait", ms: 5000 }] });
  assert.deepEqual(report.offences, []);
  assert.equal(server.requests.length, 5); // the call, two stream callbacks, the action, the end of the call
  for (const { path, form, headers } of server.requests) {
    const url = `${origin}${path}${path === "/after" ? "?x=%27a" : ""}`;
    const header = headers.get("x-twilio-signature")!;
    assert.ok(validateRequest(authToken, header, url, Object.fromEntries(form)), path);
    assert.ok(signedUrl({ authToken, header, urls: [url], params: form }), path);
  }
  const [handshake] = server.handshakes;
  assert.ok(validateRequest(authToken, handshake!.headers.get("x-twilio-signature")!, handshake!.url.href, {}));
});
