import assert from "node:assert/strict";
import { type Fields, signedUrl, twilioSignature } from "../../lib/softphone/sign.ts";
import { test } from "../case.ts";

const K1 = "12345";
const K2 = "0123456789abcdef0123456789abcdef";
const P1: Fields = [
  ["Digits", "1234"],
  ["To", "+18005551212"],
  ["From", "+14158675310"],
  ["Caller", "+14158675310"],
  ["CallSid", "CA1234567890ABCDE"],
];
const P2: Fields = Object.entries({
  AccountSid: "AC00000000000000000000000000000001",
  ApiVersion: "2010-04-01",
  CallSid: "CA00000000000000000000000000000001",
  CallStatus: "ringing",
  Called: "+15005550006",
  CalledCity: "",
  CalledCountry: "US",
  CalledState: "CA",
  CalledZip: "",
  Caller: "+14155550100",
  CallerCity: "SAN FRANCISCO",
  CallerCountry: "US",
  CallerState: "CA",
  CallerZip: "94105",
  Direction: "inbound",
  From: "+14155550100",
  FromCity: "SAN FRANCISCO",
  FromCountry: "US",
  FromState: "CA",
  FromZip: "94105",
  To: "+15005550006",
  ToCity: "",
  ToCountry: "US",
  ToState: "CA",
  ToZip: "",
});

test("signatures are those of the reference's vectors", () => {
  const voice = "https://agent.example.com/twilio/voice";
  const vectors: [string, string, Fields, string][] = [
    [K1, "https://example.com/myapp.php?foo=1&bar=2", P1, "L/OH5YylLD5NRKLltdqwSvS0BnU="],
    [K2, voice, P2, "fCjj4Um6PuieJJSd4tYjujUbZcw="],
    [K2, "https://agent.example.com:443/twilio/voice", P2, "jfOgxlZrIL5rFpo4oq7dV1JiFuE="],
    [K2, "wss://agent.example.com/twilio/media", [], "RKzmN/bRK6Uj3CgIlYWOhZDN59U="],
    [K2, "wss://agent.example.com", [], "zZ0ur8W6l2ePaWJo/nrTBoWm2wo="],
    [K2, voice, [...P1, ["CallerName", "Zoë Müller & Söhne"]], "VLseOoBJ1dqAenSZVodnloSrmn4="],
    [
      K2,
      voice,
      [["SidAccount", "AC123"], ["Digits", "5678"], ["Sid", "CA123"], ["Digits", "1234"], ["Digits", "1234"]],
      "4RxzGOYmegDeLqQssxg2atXFfpE=",
    ],
    [K2, voice, [["B", ""], ["a", "z"], ["A", "x y"]], "iwm/8ktNrsYV0XHH21lEAMIhKiY="],
  ];
  for (const [key, url, fields, expected] of vectors) assert.equal(twilioSignature(key, url, fields), expected, url);
});

test("the signed address has no fragment, no credentials, and over TLS no port", () => {
  assert.equal(signedUrl("https://user:pass@h.example:8443/p?q=1#rc=2"), "https://h.example/p?q=1");
  assert.equal(signedUrl("http://localhost:5000/p"), "http://localhost:5000/p");
  assert.equal(signedUrl("wss://h.example:443/p/"), "wss://h.example/p/");
  assert.equal(signedUrl("ws://127.0.0.1:5000/p"), "ws://127.0.0.1:5000/p");
  assert.equal(signedUrl("https://h.example/p@x:1/y"), "https://h.example/p@x:1/y");
});
