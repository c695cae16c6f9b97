import assert from "node:assert/strict";
import fc from "fast-check";
import { readTwiml } from "../../lib/softphone/twiml.ts";
import { readXml, XmlError } from "../../lib/softphone/xml.ts";
import { test } from "../case.ts";

const BASE = "https://test.example.com/incoming-call";

function stream(attributes: string, inside = ""): string {
  return `<Response><Connect><Stream ${attributes}>${inside}</Stream></Connect></Response>`;
}

test("the document of the reference is read without a fault", () => {
  const { verbs, offences, warnings, fatal } = readTwiml(
    `<?xml version="1.0" encoding="UTF-8"?>
<Response>
  <Connect action="https://agent.example.com/twilio/after-stream?s=7f3a&amp;t=1" method="POST">
    <Stream url="wss://agent.example.com/twilio/media" name="agent-7f3a"
            statusCallback="/twilio/stream-status" statusCallbackMethod="GET">
      <Parameter name="session" value="7f3a"/>
      <Parameter name="token" value="a &quot;b&quot; &#x263A;"/>
    </Stream>
  </Connect>
  <Say>We lost the connection &amp; more.</Say>
  <Hangup/>
</Response>`,
    BASE,
  );
  assert.deepEqual([offences, warnings, fatal], [[], [], false]);
  assert.deepEqual(verbs, [
    {
      kind: "connect",
      stream: {
        url: "wss://agent.example.com/twilio/media",
        name: "agent-7f3a",
        statusCallback: { url: "https://test.example.com/twilio/stream-status", method: "GET" },
        parameters: { session: "7f3a", token: 'a "b" ☺' },
      },
      action: { url: "https://agent.example.com/twilio/after-stream?s=7f3a&t=1", method: "POST" },
    },
    { kind: "say", text: "We lost the connection & more." },
    { kind: "hangup" },
  ]);
});

test("every fault of a document is named, and nothing else", () => {
  const cases: [string, string, boolean][] = [
    ["", "empty-twiml", true],
    [" <Response/>", "leading-whitespace", true],
    ["\uFEFF<Response/>", "leading-whitespace", true],
    [`<Response><Say>${"x".repeat(70_000)}</Say></Response>`, "large-twiml", true],
    ["<Response><Say>a & b</Say></Response>", "malformed-xml", true],
    ["<Response>", "malformed-xml", true],
    ["<response/>", "wrong-root", true],
    ["<Response><Speak>a</Speak></Response>", "unknown-verb", false],
    ['<Response><Say colour="red">a</Say></Response>', "unknown-attribute", false],
    ["<Response><Say>a</Say><Reject/></Response>", "misplaced-verb", false],
    ["<Response><Connect/></Response>", "missing-attribute", false],
    ["<Response><Redirect>http://[</Redirect></Response>", "malformed-url", false],
    [stream(""), "missing-attribute", false],
    [stream('url="ws://agent.example.com/m"'), "insecure-url", false],
    [stream('url="https://agent.example.com/m"'), "insecure-url", false],
    [stream('url="wss://["'), "malformed-url", false],
    [stream('url="wss://agent.example.com/m?token=1"'), "query-string", false],
    [stream('url="wss://agent.example.com/m" track="both_tracks"'), "wrong-track", false],
    [stream('url="wss://agent.example.com/m" audioFormat="x"'), "unknown-attribute", false],
    [
      stream('url="wss://agent.example.com/m"', `<Parameter name="a" value="${"x".repeat(499)}"/>`),
      "parameter-too-long",
      false,
    ],
    [stream('url="wss://agent.example.com/m"', '<Parameter name="a"/>'), "missing-attribute", false],
    [
      '<Response><Connect><Stream url="wss://h/a"/><Stream url="wss://h/b"/></Connect></Response>',
      "two-streams",
      false,
    ],
  ];
  for (const [document, code, fatal] of cases) {
    const read = readTwiml(document, BASE);
    assert.deepEqual(
      [read.offences.map((offence) => offence.code), read.fatal],
      [[code], fatal],
      document.slice(0, 90),
    );
  }
});

test("what is legal is not blamed: loopback without TLS, a relative stream, 498 characters, other verbs", () => {
  for (const host of ["localhost:5000", "127.0.0.1:5000", "[::1]:5000"]) {
    assert.deepEqual(readTwiml(stream(`url="ws://${host}/m"`), BASE).offences, [], host);
  }
  const relative = readTwiml(stream('url="/media"'), BASE).verbs[0];
  assert.ok(relative?.kind === "connect" && relative.stream.url === "wss://test.example.com/media");
  const long = `<Parameter name="a" value="${"x".repeat(498)}"/>`;
  assert.deepEqual(readTwiml(stream('url="wss://h/m"', long), BASE).offences, []);
  const gather = readTwiml("<Response><Gather/><Say><prosody>a</prosody></Say></Response>", BASE);
  assert.deepEqual([gather.offences, gather.warnings.map(({ code }) => code)], [[], ["unsupported-verb"]]);
});

test("a query is dropped from the stream's address, as Twilio drops it", () => {
  const verb = readTwiml(stream('url="wss://h.example/m?a=1"'), BASE).verbs[0];
  assert.ok(verb?.kind === "connect" && verb.stream.url === "wss://h.example/m");
});

test("XML: what is not well formed is refused with its place", () => {
  const broken = [
    "<a><b></a></b>",
    '<a b="1" b="2"/>',
    "<a b=1/>",
    '<a b="<"/>',
    "<a>&nope;</a>",
    "<a>&#0;</a>",
    "<a>\u0001</a>",
    "<a>\uD800</a>",
    "<a/><b/>",
    "<a><!-- -- --></a>",
    "<!DOCTYPE a><a/>",
    "<a>]]></a>",
    '<a b="1"c="2"/>',
    "<a".repeat(40),
    "text",
  ];
  for (const source of broken) assert.throws(() => readXml(source), XmlError, source);
  assert.throws(() => readXml("<a>\n<b x></b></a>"), /line 2, column 5/);
  const good = readXml("<?xml version='1.0'?><!-- c --><a b='&#65;'>x<![CDATA[<&]]><c/>y</a>\n");
  assert.deepEqual([good.attributes.get("b"), good.text, good.children.length], ["A", "x<&y", 1]);
});

test("no text makes the reader throw", () => {
  const piece = fc.constantFrom(
    "<Response>",
    "</Response>",
    "<Stream ",
    'url="',
    "wss://h/",
    '"',
    "/>",
    "&amp;",
    "&",
    "<!--",
    " ",
  );
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.array(piece).map((pieces) => pieces.join(""))), (source) => {
      const { offences, fatal } = readTwiml(source, BASE);
      assert.ok(!fatal || offences.length > 0);
    }),
    { numRuns: 500, seed: 1 },
  );
});

test("a number stands in its own element or alone, and a pause without a length is a second", () => {
  for (const number of ["<Number>+15550142</Number>", "+15550142"]) {
    const { verbs, offences } = readTwiml(`<Response><Dial>${number}</Dial><Pause/></Response>`, BASE);
    assert.deepEqual(offences, []);
    assert.deepEqual(verbs.map(({ kind }) => kind), ["dial", "pause"]);
    assert.deepEqual(verbs[1], { kind: "pause", seconds: 1 });
  }
});
