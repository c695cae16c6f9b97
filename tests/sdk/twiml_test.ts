import assert from "node:assert/strict";
import { SaxesParser } from "saxes";
import twilio from "twilio";
import * as twiml from "../../lib/phone/twiml.ts";
import { readTwiml } from "../../lib/softphone/twiml.ts";
import { seeded, test } from "../case.ts";

interface Node {
  name: string;
  attributes: Record<string, string>;
  text: string;
  children: Node[];
}

/** What a strict XML parser that knows nothing of us makes of a document. @throws {Error} where it is not well formed. */
function tree(xml: string): Node {
  const root: Node = { name: "", attributes: {}, text: "", children: [] };
  const open = [root];
  const parser = new SaxesParser({ xmlns: false });
  parser.on("error", (error) => {
    throw error;
  });
  parser.on("opentag", ({ name, attributes }) => {
    const node: Node = { name, attributes: { ...attributes }, text: "", children: [] };
    open.at(-1)!.children.push(node);
    open.push(node);
  });
  parser.on("text", (text) => void (open.at(-1)!.text += text));
  parser.on("closetag", () => void open.pop());
  parser.write(xml).close();
  return root.children[0]!;
}

type Builder = InstanceType<typeof twilio.twiml.VoiceResponse>;

/** Each of our documents beside what the vendor's builder makes for the same wish, `text` wherever text may stand. */
function pairs(text: string): [name: string, ours: string, build: (response: Builder) => unknown][] {
  const url = `https://agent.example.com/after?s=7f3a&t=${encodeURIComponent(text)}`;
  return [
    ["hang up", twiml.hangUp(), (response) => response.hangup()],
    ["say", twiml.sayAndHangUp(`a${text}`, "de-DE"), (response) => {
      response.say({ language: "de-DE" }, `a${text}`);
      response.hangup();
    }],
    [
      "dial",
      twiml.dial({
        ...{ from: "anonymous", to: "+15550101", number: "+15550142" },
        ...{ ringSeconds: 20, timeLimitSeconds: 60, actionUrl: url },
      }),
      (response) =>
        response.dial({ action: url, method: "POST", callerId: "+15550101", timeout: 20, timeLimit: 60 })
          .number("+15550142"),
    ],
    [
      "connect",
      twiml.connectStream({
        ...{ streamUrl: "wss://agent.example.com/media-stream", name: "agent", actionUrl: url, statusCallbackUrl: url },
        parameters: { token: "abc.def-_", note: text },
      }),
      (response) => {
        const stream = response.connect({ action: url, method: "POST" }).stream({
          ...{ url: "wss://agent.example.com/media-stream", name: "agent" },
          ...{ statusCallback: url, statusCallbackMethod: "POST" },
        });
        stream.parameter({ name: "token", value: "abc.def-_" });
        stream.parameter({ name: "note", value: text });
      },
    ],
  ];
}

function built(build: (response: Builder) => unknown): string {
  const response = new twilio.twiml.VoiceResponse();
  build(response);
  return response.toString();
}

test("our TwiML is what the vendor's builder makes, as a strict XML parser reads both", () => {
  const random = seeded(5);
  const signs = ["&", "<", ">", '"', "'", "é", "日", "🙂", " ", "]]>", "&amp;", "--", "a", "Z", "0", "\n", "\t", "\r"];
  const texts = ["", "plain", `Q&A <5> "x" 'y' ]]> &amp;`, "Zoë 🙂"];
  for (let n = 0; n < 200; n++) {
    texts.push(Array.from({ length: random() * 20 }, () => signs[Math.floor(random() * signs.length)]).join(""));
  }
  for (const text of texts) {
    for (const [name, ours, build] of pairs(text)) {
      assert.deepEqual(tree(ours), tree(built(build)), `${name} of ${JSON.stringify(text)}`);
    }
  }
});

test("the softphone reads the vendor's documents as it reads ours, and finds nothing wrong with either", () => {
  for (const [name, ours, build] of pairs(`Q&A <5> "x" 'y'`)) {
    const read = (xml: string) => readTwiml(xml, "https://agent.example.com/incoming-call");
    assert.deepEqual(read(ours), read(built(build)), name);
    assert.deepEqual(read(ours).offences, [], name);
  }
});

test("text that XML cannot hold still gives a document that parses", () => {
  for (const text of ["a\u0000b", "\u0007", "\uD800", "\uFFFF\uFFFE", "\u000Bc\u001F"]) {
    tree(twiml.sayAndHangUp(text));
    tree(twiml.connectStream({ streamUrl: "wss://a.example/m", parameters: { note: text } }));
  }
});
