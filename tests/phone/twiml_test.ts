import assert from "node:assert/strict";
import fc from "fast-check";
import * as twiml from "../../lib/phone/twiml.ts";
import { test } from "../case.ts";

fc.configureGlobal({ seed: 1 }); // the same cases each time

const URLS = {
  streamUrl: "wss://agent.example.com/media-stream",
  actionUrl: "https://agent.example.com/after-stream?s=7f3a&t=1",
  statusCallbackUrl: "https://agent.example.com/stream-status?s=7f3a&t=1",
};

test("a two-way stream carries its URL, callbacks and parameters", () => {
  const xml = twiml.connectStream({ ...URLS, parameters: { session: "7f3a", token: "abc" }, name: "agent-7f3a" });
  assert.equal(
    xml,
    `<?xml version="1.0" encoding="UTF-8"?><Response>` +
      `<Connect action="https://agent.example.com/after-stream?s=7f3a&amp;t=1" method="POST">` +
      `<Stream url="wss://agent.example.com/media-stream" name="agent-7f3a"` +
      ` statusCallback="https://agent.example.com/stream-status?s=7f3a&amp;t=1" statusCallbackMethod="POST">` +
      `<Parameter name="session" value="7f3a"/><Parameter name="token" value="abc"/>` +
      `</Stream></Connect></Response>`,
  );
});

test("what is not given is not written", () => {
  assert.equal(
    twiml.connectStream({ streamUrl: URLS.streamUrl, parameters: {} }),
    `<?xml version="1.0" encoding="UTF-8"?><Response><Connect>` +
      `<Stream url="wss://agent.example.com/media-stream"/></Connect></Response>`,
  );
});

test("the other documents say what they should", () => {
  const body = (xml: string) => /^<\?xml version="1\.0" encoding="UTF-8"\?><Response>(.*)<\/Response>$/s.exec(xml)?.[1];
  assert.equal(body(twiml.hangUp()), "<Hangup/>");
  assert.equal(body(twiml.sayAndHangUp("Q&A < 5 minutes")), "<Say>Q&amp;A &lt; 5 minutes</Say><Hangup/>");
  assert.equal(body(twiml.sayAndHangUp("Hallo", "de-DE")), `<Say language="de-DE">Hallo</Say><Hangup/>`);
  assert.equal(
    body(twiml.dial({
      from: "+15550100",
      to: "+15550101",
      number: "+15550142",
      ringSeconds: 20,
      timeLimitSeconds: 3600,
      actionUrl: URLS.actionUrl,
    })),
    `<Dial action="https://agent.example.com/after-stream?s=7f3a&amp;t=1" method="POST" timeout="20" timeLimit="3600">` +
      `<Number>+15550142</Number></Dial>`,
  );
});

test("who has no number is put through under the one he called, if that is one", () => {
  const dial = (from: string, to: string) =>
    twiml.dial({ from, to, number: "+15550142", ringSeconds: 20, timeLimitSeconds: 60, actionUrl: URLS.actionUrl });
  for (const from of ["anonymous", "", "client:anna", "sip:+15550100@pbx.example", "+0"]) {
    assert.match(dial(from, "+15550101"), /<Dial [^>]*callerId="\+15550101"/, from);
    assert.doesNotMatch(dial(from, "sip:desk@pbx.example"), /callerId/);
  }
  assert.doesNotMatch(dial("+15550100", "+15550101"), /callerId/);
});

test("a parameter of 500 characters or more is refused by name, one of 499 is not", () => {
  const withToken = (length: number) => () =>
    twiml.connectStream({ streamUrl: URLS.streamUrl, parameters: { token: "x".repeat(length) } });
  assert.doesNotThrow(withToken(494));
  assert.throws(withToken(495), (error) => error instanceof RangeError && /"token" has 500/.test(error.message));
});

test("a stream URL with a query is refused: Twilio drops it", () => {
  for (const tail of ["?a=1", "#x", "/?"]) {
    assert.throws(() => twiml.connectStream({ streamUrl: URLS.streamUrl + tail, parameters: {} }), RangeError);
  }
});

test("times out of range are refused by name", () => {
  const base = {
    from: "+15550100",
    to: "+15550101",
    number: "+15550142",
    ringSeconds: 20,
    timeLimitSeconds: 60,
    actionUrl: URLS.actionUrl,
  };
  for (const value of [0, -1, 601, 1.5, NaN]) {
    assert.throws(() => twiml.dial({ ...base, ringSeconds: value }), /ringSeconds/);
  }
  for (const value of [0, 14401, Infinity]) {
    assert.throws(() => twiml.dial({ ...base, timeLimitSeconds: value }), /timeLimitSeconds/);
  }
});

test("a long line is cut, never in the middle of a character", () => {
  const xml = twiml.sayAndHangUp("x".repeat(4095) + "😀".repeat(10));
  assert.match(xml, /<Say>x{4095}<\/Say>/);
});

test("characters that XML does not allow are removed, all others arrive", () => {
  const text = "a\u0000\u0008\u000B\u001F\uD800b\uDC00\uFFFE\uFFFFc\u007F\u0085é😀\t\n\r\"'<>&]]>";
  const kept = "abc\u007F\u0085é😀\t\n\r\"'<>&]]>";
  const xml = twiml.connectStream({ streamUrl: URLS.streamUrl, parameters: { p: text } });
  assert.equal(readXml(xml).find(({ name }) => name === "Parameter")?.attributes["value"], kept);
  assert.equal(readXml(twiml.sayAndHangUp(text)).find(({ name }) => name === "Say")?.text, kept);
});

test("any value comes back from a strict reader, and nothing can break out of its place", () => {
  const value = fc.string({ unit: "binary", maxLength: 200 });
  fc.assert(fc.property(value, value, (name, text) => {
    const xml = twiml.connectStream({ ...URLS, parameters: { [name]: text }, name: text });
    assert.ok(xml.startsWith("<?xml "));
    const elements = readXml(xml);
    assert.deepEqual(elements.map(({ name }) => name), ["Response", "Connect", "Stream", "Parameter"]);
    assert.equal(elements[3]!.attributes["name"], legal(name));
    assert.equal(elements[3]!.attributes["value"], legal(text));
    const said = readXml(twiml.sayAndHangUp(text));
    assert.deepEqual(said.map(({ name }) => name), ["Response", "Say", "Hangup"]);
    assert.equal(said[1]!.text, legal(text));
    const bytes = new TextEncoder().encode(xml);
    assert.equal(new TextDecoder("utf-8", { fatal: true }).decode(bytes), xml, "no lone surrogate is left");
  }));
});

/** Written apart from the code: the characters of XML 1.0, section 2.2, code point by code point. */
function legal(text: string): string {
  return [...text].filter((character) => {
    const code = character.codePointAt(0)!;
    if (code === 0x9 || code === 0xA || code === 0xD) return true;
    return (code >= 0x20 && code <= 0xD7FF) || (code >= 0xE000 && code <= 0xFFFD) || code >= 0x10000;
  }).join("");
}

interface Element {
  name: string;
  attributes: Record<string, string>;
  text: string;
}

/** A small strict reader: throws on anything that is not well-formed, normalises white space as XML 1.0 says. */
function readXml(xml: string): Element[] {
  const elements: Element[] = [];
  const open: Element[] = [];
  const pattern = /<(\/?)([A-Za-z]+)((?: [A-Za-z]+="[^"<]*")*)(\/?)>|([^<]+)/gsy;
  const head = `<?xml version="1.0" encoding="UTF-8"?>`;
  assert.ok(xml.startsWith(head));
  pattern.lastIndex = head.length;
  while (pattern.lastIndex < xml.length) {
    const at = pattern.lastIndex;
    const match = pattern.exec(xml);
    if (!match) throw new Error(`not well-formed at ${at}: ${xml.slice(at, at + 40)}`);
    const [, closing, name = "", attributes = "", empty, text] = match;
    if (text !== undefined) {
      assert.ok(!text.includes("]]>"), "]]> stands in text");
      open.at(-1)!.text += unescape(text.replace(/\r\n?/g, "\n"));
    } else if (closing) {
      assert.equal(open.pop()?.name, name);
    } else {
      const pairs = [...attributes.matchAll(/ ([A-Za-z]+)="([^"<]*)"/g)];
      const element: Element = {
        name,
        attributes: Object.fromEntries(
          pairs.map(([, key, value]) => [key, unescape(value!.replace(/[\t\n\r]/g, " "))]),
        ),
        text: "",
      };
      elements.push(element);
      if (!empty) open.push(element);
    }
  }
  assert.equal(open.length, 0);
  return elements;
}

function unescape(text: string): string {
  const names: Record<string, string> = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'" };
  return text.replace(/&(?:([a-z]+);|#(\d+);)?/g, (whole, name?: string, code?: string) => {
    const character = name ? names[name] : code && String.fromCodePoint(Number(code));
    if (!character) throw new Error(`not a reference: ${whole}`);
    return character;
  });
}
