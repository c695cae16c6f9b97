import assert from "node:assert/strict";
import { explainStreamError, STREAM_ERRORS } from "../../lib/phone/stream_errors.ts";
import { test } from "../case.ts";

const ALL = Object.entries(STREAM_ERRORS);

test("every stream error of the reference has a meaning and a remedy", () => {
  const codes = [31901, 31902, 31903, 31910, 31920, 31921, 31922, 31923, 31924, 31941, 31950, 31951];
  for (const code of codes) assert.ok(STREAM_ERRORS[code], `${code} is missing`);
  for (const [code, { title, meaning, remedy }] of ALL) {
    assert.ok(title.length > 5, code);
    assert.match(meaning, /\.$/, code);
    assert.match(remedy, /\.$/, code);
  }
});

test("an error is recognised by its title, however it is spelled", () => {
  for (const [code, { title }] of ALL) {
    for (const text of [title, title.toUpperCase(), title.replaceAll(" - ", ": "), `Error: ${title}!`]) {
      assert.equal(explainStreamError(text).code, Number(code), text);
    }
  }
  assert.equal(explainStreamError("Stream - Websocket - Protocol Error").code, 31924);
  assert.equal(explainStreamError("handshake error").code, 31920);
  assert.equal(explainStreamError("Stream - WebSocket - SSL Protocol Error").code, 31910);
});

test("an error is recognised by its code", () => {
  assert.equal(explainStreamError("31903").code, 31903);
  assert.equal(explainStreamError("see https://www.twilio.com/docs/errors/31902 for more").code, 31902);
  assert.equal(explainStreamError("call 99999, error 31951").code, 31951);
  assert.equal(explainStreamError("id 1319200").code, undefined, "a longer number is no code");
  assert.match(explainStreamError("31920").remedy, /PUBLIC_HOST|proxy/);
});

test("an unknown error is quoted, shortened, and still has a remedy", () => {
  const odd = explainStreamError(`Stream - Something\r\n new ${"x".repeat(500)}`);
  assert.equal(odd.code, undefined);
  assert.match(odd.meaning, /"Stream - Something new x+"/);
  assert.ok(odd.meaning.length < 260);
  assert.match(odd.remedy, /console/);
  for (const nothing of ["", "  ", "-", "error", "websocket", "stream websocket"]) {
    assert.equal(explainStreamError(nothing).code, undefined, nothing);
  }
  assert.match(explainStreamError("").meaning, /without a text/);
});
