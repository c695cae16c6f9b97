import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { createHmac } from "node:crypto";
import {
  candidateUrls,
  deriveKey,
  mintToken,
  parseForm,
  signatureOf,
  signedUrl,
  TOKEN_TTL_MS,
  TokenGate,
} from "../../lib/phone/signature.ts";
import { seeded, test } from "../case.ts";

const K1 = "12345";
const K2 = "0123456789abcdef0123456789abcdef";
const ACCOUNT = "AC00000000000000000000000000000001";
const CALL = "CA00000000000000000000000000000001";
const OTHER_CALL = "CA00000000000000000000000000000002";

const P1 = {
  CallSid: "CA1234567890ABCDE",
  Caller: "+14158675310",
  Digits: "1234",
  From: "+14158675310",
  To: "+18005551212",
};
const P2_BODY = "AccountSid=AC00000000000000000000000000000001&ApiVersion=2010-04-01" +
  "&CallSid=CA00000000000000000000000000000001&CallStatus=ringing&Called=%2B15005550006&CalledCity=&CalledCountry=US" +
  "&CalledState=CA&CalledZip=&Caller=%2B14155550100&CallerCity=SAN+FRANCISCO&CallerCountry=US&CallerState=CA" +
  "&CallerZip=94105&Direction=inbound&From=%2B14155550100&FromCity=SAN+FRANCISCO&FromCountry=US&FromState=CA" +
  "&FromZip=94105&To=%2B15005550006&ToCity=&ToCountry=US&ToState=CA&ToZip=";
const P5 = {
  AccountSid: ACCOUNT,
  CallSid: CALL,
  StreamEvent: "stream-started",
  StreamName: "agent",
  StreamSid: "MZ00000000000000000000000000000001",
  Timestamp: "2026-01-02T03:04:05.678Z",
};
const VOICE = "https://agent.example.com/twilio/voice";

interface Vector {
  id: string;
  key: string;
  url: string;
  params?: [string, string][];
  expected: string;
}

/** Twilio reference, section 4.5. */
const VECTORS: Vector[] = [
  {
    id: "V1",
    key: K1,
    url: "https://example.com/myapp.php?foo=1&bar=2",
    params: Object.entries(P1),
    expected: "L/OH5YylLD5NRKLltdqwSvS0BnU=",
  },
  { id: "V2", key: K2, url: VOICE, params: parseForm(P2_BODY), expected: "fCjj4Um6PuieJJSd4tYjujUbZcw=" },
  {
    id: "V2b",
    key: K2,
    url: "https://agent.example.com:443/twilio/voice",
    params: parseForm(P2_BODY),
    expected: "jfOgxlZrIL5rFpo4oq7dV1JiFuE=",
  },
  {
    id: "V3",
    key: K2,
    url: `${VOICE}?tenant=acme&CallSid=${CALL}&From=%2B14155550100`,
    expected: "xbJYcDjDuiECRsUPszn7H6hWnsY=",
  },
  { id: "V4a", key: K2, url: "wss://agent.example.com/twilio/media", expected: "RKzmN/bRK6Uj3CgIlYWOhZDN59U=" },
  { id: "V4b", key: K2, url: "wss://agent.example.com/twilio/media/", expected: "pZJJ9Is7ZiVCF3dkDcLbqm7ngEY=" },
  { id: "V4c", key: K2, url: "https://agent.example.com/twilio/media", expected: "FpEeZJfWU3gvnWowtLPTvh2pP+s=" },
  { id: "V4d", key: K2, url: "https://agent.example.com/twilio/media/", expected: "GdVNQtCU/+neuNFuqxksxFcn++w=" },
  { id: "V4e", key: K2, url: "wss://agent.example.com", expected: "zZ0ur8W6l2ePaWJo/nrTBoWm2wo=" },
  { id: "V4e/", key: K2, url: "wss://agent.example.com/", expected: "uAnUOy+ZRIDTyjnRmcwU2ZAG1NY=" },
  {
    id: "V5",
    key: K2,
    url: "https://agent.example.com/twilio/stream-status?session=7f3a",
    params: Object.entries(P5),
    expected: "BUqTHCU+eAC8i1rGciCIEtsWwr0=",
  },
  {
    id: "V6",
    key: K2,
    url: VOICE,
    params: Object.entries({ ...P1, CallerName: "Zoë Müller & Söhne" }),
    expected: "VLseOoBJ1dqAenSZVodnloSrmn4=",
  },
  {
    id: "V7",
    key: K2,
    url: VOICE,
    params: parseForm("Digits=5678&Digits=1234&Sid=CA123&Digits=1234&SidAccount=AC123"),
    expected: "4RxzGOYmegDeLqQssxg2atXFfpE=",
  },
  { id: "V8", key: K2, url: VOICE, params: parseForm("a=z&A=x+y&B="), expected: "iwm/8ktNrsYV0XHH21lEAMIhKiY=" },
  {
    id: "V9",
    key: K2,
    url: "https://agent.example.com/twilio/events?" +
      "bodySHA256=33d4432ca6e81f91dd830087718792958fd397abe736d827909639f4a13d9255",
    expected: "6UJ0+HcKxBaT0GxSTPcPiyEGWuc=",
  },
];

test("signatures are those of the reference's vectors", () => {
  for (const { id, key, url, params, expected } of VECTORS) {
    assert.equal(signatureOf(key, url, params), expected, id);
    assert.equal(signatureOf(key, `${url}#rc=2&rp=ct`, params), expected, `${id} with a fragment`);
  }
});

test("any other order of fields signs the same", () => {
  for (const { id, key, url, params = [], expected } of VECTORS) {
    assert.equal(signatureOf(key, url, params.toReversed()), expected, id);
  }
});

test("a right signature is accepted, with any flipped bit it is refused", () => {
  for (const { id, key, url, params = [], expected } of VECTORS) {
    const request = { authToken: key, urls: ["https://elsewhere.example", url], params };
    assert.equal(signedUrl({ ...request, header: expected }), url, id);
    for (const altered of flips(expected)) assert.equal(signedUrl({ ...request, header: altered }), undefined, altered);
    for (const [index, [name, value]] of params.entries()) {
      const other = params.with(index, [name, `${value} `]);
      assert.equal(signedUrl({ ...request, header: expected, params: other }), undefined, `${id} ${name}`);
    }
  }
});

test("no signature, an empty one, one of another length, no auth token: refused", () => {
  const url = VOICE;
  for (const header of [undefined, null, "", "=", "x", `${signatureOf(K2, url)}=`, signatureOf(K2, url).slice(0, -1)]) {
    assert.equal(signedUrl({ authToken: K2, header, urls: [url] }), undefined, String(header));
  }
  const withEmptyKey = createHmac("sha1", "").update(url).digest("base64");
  assert.equal(signedUrl({ authToken: "", header: withEmptyKey, urls: [url] }), undefined);
  assert.equal(signedUrl({ authToken: K2, header: signatureOf(K2, url), urls: [] }), undefined);
});

test("a form keeps repeated names, empty values and blanks", () => {
  assert.deepEqual(parseForm("a=1&a=+2+&b=&%63=%C3%A9"), [["a", "1"], ["a", " 2 "], ["b", ""], ["c", "é"]]);
  assert.deepEqual(parseForm(""), []);
});

test("an HTTP request is accepted with and without the port, and under no other address", () => {
  const accepts = (publicHost: string, url: string) =>
    signedUrl({
      authToken: K2,
      header: signatureOf(K2, url),
      urls: candidateUrls({ publicHost, target: "/incoming-call?x=%27&y", scheme: "https" }),
    });
  const path = "/incoming-call?x=%27&y";
  for (const host of ["agent.example.com", "agent.example.com:443"]) {
    assert.ok(accepts(host, `https://agent.example.com${path}`));
    assert.ok(accepts(host, `https://agent.example.com:443${path}`));
    assert.ok(!accepts(host, `https://agent.example.com:8443${path}`));
    assert.ok(!accepts(host, `http://agent.example.com${path}`));
    assert.ok(!accepts(host, `wss://agent.example.com${path}`));
    assert.ok(!accepts(host, `https://agent.example.com${path.replace("%27", "'")}`), "nothing is re-encoded");
    assert.ok(!accepts(host, `https://agent.example.com/incoming-call/?x=%27&y`));
  }
  assert.ok(accepts("agent.example.com:8443", `https://agent.example.com:8443${path}`));
  assert.ok(accepts("agent.example.com:8443", `https://agent.example.com${path}`), "Twilio drops the port");
});

test("a socket is accepted under both schemes, with and without a last slash and the port", () => {
  const variants = ["wss", "https"].flatMap((scheme) =>
    ["", ":443"].flatMap((port) =>
      ["", "/"].map((slash) => `${scheme}://agent.example.com${port}/media-stream${slash}`)
    )
  );
  for (const target of ["/media-stream", "/media-stream/"]) {
    const urls = candidateUrls({ publicHost: "agent.example.com", target, scheme: "wss" });
    assert.deepEqual(urls.toSorted(), variants.toSorted());
    assert.equal(urls[0], `wss://agent.example.com${target}`, "the likeliest comes first");
  }
  const root = candidateUrls({ publicHost: "agent.example.com", target: "/", scheme: "wss" });
  assert.equal(
    signedUrl({ authToken: K2, header: "zZ0ur8W6l2ePaWJo/nrTBoWm2wo=", urls: root }),
    "wss://agent.example.com",
  );
  assert.equal(
    signedUrl({ authToken: K2, header: "uAnUOy+ZRIDTyjnRmcwU2ZAG1NY=", urls: root }),
    "wss://agent.example.com/",
  );
  assert.deepEqual(
    candidateUrls({ publicHost: "h", target: "/m?a=1/", scheme: "wss" }).filter((url) => !url.includes(":443")),
    ["wss://h/m?a=1/", "wss://h/m/?a=1/", "https://h/m?a=1/", "https://h/m/?a=1/"],
  );
});

const KEY = deriveKey(K2);
const NOW_MS = Date.UTC(2026, 0, 1, 12);
const mint = (changes: Partial<Parameters<typeof mintToken>[0]> = {}) =>
  mintToken({ key: KEY, callSid: CALL, nowMs: NOW_MS, nonce: "abcdefghijklmnopqrstuv", ...changes });

test("a fresh token of this call is admitted, once", () => {
  const gate = new TokenGate({ key: KEY });
  const token = mint();
  assert.ok(token.length < 200 && /^[\w-]+$/.test(token), token);
  assert.equal(gate.admit(token, CALL, NOW_MS + 1), "ok");
  assert.equal(gate.admit(token, CALL, NOW_MS + 2), "replayed");
  assert.equal(gate.admit(mint({ nonce: "another" }), CALL, NOW_MS + 3), "ok");
});

test("a token lives 60 s and is refused for another call, which does not use it up", () => {
  const gate = new TokenGate({ key: KEY });
  const token = mint();
  assert.equal(gate.admit(token, OTHER_CALL, NOW_MS), "wrong-call");
  assert.equal(gate.admit(token, CALL.toLowerCase(), NOW_MS), "wrong-call");
  assert.equal(gate.admit(token, CALL, NOW_MS + TOKEN_TTL_MS), "expired");
  assert.equal(gate.admit(token, CALL, NOW_MS + TOKEN_TTL_MS - 1), "ok");
  assert.equal(TOKEN_TTL_MS, 60_000);
});

test("what is no token of ours is refused and takes no room", () => {
  const gate = new TokenGate({ key: KEY, limit: 1 });
  assert.equal(gate.admit(undefined, CALL, NOW_MS), "missing");
  assert.equal(gate.admit("", CALL, NOW_MS), "missing");
  for (const text of ["x", "not a token", `${mint()}=`, ` ${mint()}`, `${mint()}\n`, "a".repeat(40), "é".repeat(99)]) {
    assert.equal(gate.admit(text, CALL, NOW_MS), "malformed", JSON.stringify(text));
  }
  assert.equal(gate.admit("a".repeat(100_000), CALL, NOW_MS), "malformed");
  for (let length = 44; length < 100; length++) {
    assert.match(gate.admit("a".repeat(length), CALL, NOW_MS), /^(malformed|forged)$/);
  }
  assert.equal(gate.admit(mint({ key: deriveKey("another secret") }), CALL, NOW_MS), "forged");
  const signedNonsense = Buffer.from("no claim");
  const mac = createHmac("sha256", KEY).update(signedNonsense).digest();
  assert.equal(
    gate.admit(Buffer.concat([signedNonsense, mac]).toString("base64url"), CALL, NOW_MS),
    "malformed",
  );
  assert.equal(gate.admit(mint(), CALL, NOW_MS), "ok");
});

test("any one flipped bit is refused, in the letters and in the bytes they stand for", () => {
  const random = seeded(7);
  for (let round = 0; round < 20; round++) {
    const nonce = Array.from({ length: 1 + Math.floor(random() * 30) }, () => "aZ0-_"[Math.floor(random() * 5)]).join(
      "",
    );
    const gate = new TokenGate({ key: KEY });
    const token = mint({ nonce });
    for (const altered of flips(token)) {
      assert.ok(["malformed", "forged"].includes(gate.admit(altered, CALL, NOW_MS)), altered);
    }
    const bytes = Buffer.from(token, "base64url");
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const altered = Buffer.from(bytes);
      altered[bit >> 3]! ^= 1 << (bit & 7);
      assert.equal(gate.admit(altered.toString("base64url"), CALL, NOW_MS), "forged", `bit ${bit}`);
    }
    assert.equal(gate.admit(token, CALL, NOW_MS), "ok");
  }
});

test("a full gate refuses rather than forgets, and has room again when tokens expire", () => {
  const gate = new TokenGate({ key: KEY, limit: 3 });
  const at = (nowMs: number, nonce: string) => gate.admit(mint({ nonce, nowMs }), CALL, nowMs);
  assert.deepEqual([at(NOW_MS, "a"), at(NOW_MS + 10, "b"), at(NOW_MS + 20, "c")], ["ok", "ok", "ok"]);
  assert.equal(at(NOW_MS + 30, "d"), "busy");
  assert.equal(gate.admit(mint({ nonce: "a" }), CALL, NOW_MS + 31), "replayed");
  assert.equal(at(NOW_MS + TOKEN_TTL_MS, "e"), "ok");
  assert.equal(at(NOW_MS + TOKEN_TTL_MS, "f"), "busy");
});

test("a gate whose clock was ahead, and was set right, does not fill up", () => {
  const gate = new TokenGate({ key: KEY, limit: 3 });
  const at = (nowMs: number, nonce: string) => gate.admit(mint({ nonce, nowMs }), CALL, nowMs);
  assert.equal(at(NOW_MS + 86_400_000, "ahead"), "ok");
  for (let call = 0; call < 10; call++) assert.equal(at(NOW_MS + call * TOKEN_TTL_MS, `call-${call}`), "ok");
});

test("10,000 nonces are remembered, none twice", () => {
  const gate = new TokenGate({ key: KEY });
  for (let count = 0; count < 10_000; count++) {
    assert.equal(gate.admit(mint({ nonce: `n${count}` }), CALL, NOW_MS), "ok");
  }
  assert.equal(gate.admit(mint({ nonce: "n10000" }), CALL, NOW_MS), "busy");
  assert.equal(gate.admit(mint({ nonce: "n0" }), CALL, NOW_MS), "replayed");
});

test("a key comes from a secret, always the same, and never from nothing", () => {
  assert.deepEqual(deriveKey(K2), deriveKey(K2));
  assert.notDeepEqual(deriveKey(K2), deriveKey(K1));
  assert.equal(deriveKey(K2).length, 32);
  assert.throws(() => deriveKey(""), RangeError);
});

test("a token is not made of parts that could be read another way", () => {
  for (const bad of ["", "a|b", "a b", "é", "x".repeat(65)]) {
    assert.throws(() => mint({ callSid: bad }), RangeError, bad);
    assert.throws(() => mint({ nonce: bad }), RangeError, bad);
  }
  assert.throws(() => mint({ nowMs: NaN }), RangeError);
});

/** `text` with each single bit of its UTF-16 code units' lower byte flipped in turn. */
function* flips(text: string): Generator<string> {
  for (let at = 0; at < text.length; at++) {
    for (let bit = 0; bit < 8; bit++) {
      yield text.slice(0, at) + String.fromCharCode(text.charCodeAt(at) ^ (1 << bit)) + text.slice(at + 1);
    }
  }
}
