import assert from "node:assert/strict";
import fc from "fast-check";
import { Chunker } from "../../lib/engine/chunker.ts";
import { symbolsIn } from "../../lib/engine/symbols.ts";
import { seeded, test } from "../case.ts";

function cut(text: string, chunker = new Chunker()): string[] {
  return [...chunker.push(text), ...chunker.flush()];
}

function speakable(text: string): string {
  return cut(text).join("").trimEnd();
}

const SENTENCES: [name: string, text: string, chunks: string[]][] = [
  ["nothing", "", []],
  ["white space", " \n\t ", []],
  ["one sentence", "Hello there.", ["Hello there."]],
  ["no end mark", "Hello there", ["Hello there"]],
  ["two sentences", "We are open today. Come and see us.", ["We are open today. ", "Come and see us."]],
  ["a short first one", "Sure! What is your name, please?", ["Sure! ", "What is your name, please?"]],
  ["question and call", "Really?! That is very kind of you.", ["Really?! ", "That is very kind of you."]],
  ["short later ones join", "Good. Yes. No. All of that.", ["Good. ", "Yes. No. All of that."]],
  ["a quote's end", 'She said "come at six." Then she left us.', ['She said "come at six." ', "Then she left us."]],
  ["brackets", "Come at six (or seven.) We are waiting for you.", [
    "Come at six (or seven.) ",
    "We are waiting for you.",
  ]],
  ["a first clause", "If you come after six o'clock, the side door is open.", [
    "If you come after six o'clock, ",
    "the side door is open.",
  ]],
  ["a first clause that is too short", "Well, I think that we can do it.", ["Well, I think that we can do it."]],
  ["a dash", "The table by the window — number four — is free.", [
    "The table by the window — ",
    "number four — is free.",
  ]],
  ["a numbered list", "1. Turn left. Then go straight on.\n2. Stop at the door. Ring twice.", [
    "1. Turn left. ",
    "Then go straight on. ",
    "2. Stop at the door. ",
    "Ring twice.",
  ]],
  ["a colon", "These are our opening hours: nine to five.", ["These are our opening hours: ", "nine to five."]],
  ["later clauses stay", "Yes. If you come after six o'clock, the side door is open.", [
    "Yes. ",
    "If you come after six o'clock, the side door is open.",
  ]],
  ["a long start without any mark", "I would be very happy to help you find a table for the whole family tonight", [
    "I would be very happy to help you find a table for the whole ",
    "family tonight",
  ]],
  ["decimals", "It is 3.5 miles from here. Take the bus.", ["It is 3.5 miles from here. ", "Take the bus."]],
  ["thousands", "We have 1,200,000 of them in store. Really.", ["We have 1,200,000 of them in store. ", "Really."]],
  ["prices", "That is $90.50 in all. Shall I book it?", ["That is $90.50 in all. ", "Shall I book it?"]],
  ["a price at the end", "That is $90. Shall I book it now?", ["That is $90. ", "Shall I book it now?"]],
  ["times", "Come at 5:30 p.m. or at 7 a.m. tomorrow. Fine?", ["Come at 5:30 p.m. or at 7 a.m. tomorrow. ", "Fine?"]],
  ["times without a space", "Come at 5p.m. or later. Is that fine?", ["Come at 5p.m. or later. ", "Is that fine?"]],
  ["dates", "The 1.5.2026 is free. So is Jan. 5 and Mon. the 7th.", [
    "The 1.5.2026 is free. ",
    "So is Jan. 5 and Mon. the 7th.",
  ]],
  ["titles", "Dr. Smith and Mrs. Jones are in. Who is calling?", [
    "Dr. Smith and Mrs. Jones are in. ",
    "Who is calling?",
  ]],
  ["latin", "Bring a coat, i.e. something warm, e.g. wool etc. for the night.", [
    "Bring a coat, i.e. something warm, ",
    "e.g. wool etc. for the night.",
  ]],
  ["initials", "J. R. R. Tolkien wrote it. He did.", ["J. R. R. Tolkien wrote it. ", "He did."]],
  ["acronyms", "The U.S. Army is here. Who else is there?", ["The U.S. Army is here. ", "Who else is there?"]],
  ["the word I", "So am I. What can I do for you?", ["So am I. ", "What can I do for you?"]],
  ["companies", "Acme Inc. and Sons Ltd. are closed. Sorry for that.", [
    "Acme Inc. and Sons Ltd. are closed. ",
    "Sorry for that.",
  ]],
  ["streets", "We are at 5 St. James Blvd. near the river. See you there.", [
    "We are at 5 St. James Blvd. near the river. ",
    "See you there.",
  ]],
  ["the word no", "No. We do not have that here.", ["No. ", "We do not have that here."]],
  ["number no", "Take No. 5 to the station. It is quick.", ["Take No. 5 to the station. ", "It is quick."]],
  ["ordinary words that look like months", "The dog sat. The cat ran to the door.", [
    "The dog sat. ",
    "The cat ran to the door.",
  ]],
  ["versus", "It is you vs. me tonight. Get ready for it.", ["It is you vs. me tonight. ", "Get ready for it."]],
  ["e-mail", "Write to john.doe@acme.co.uk today. We answer.", ["Write to john.doe@acme.co.uk today. ", "We answer."]],
  ["an address of the web", "See https://acme.com/a.b?c=1,2 for more. Thanks a lot.", [
    "See https://acme.com/a.b?c=1,2 for more. ",
    "Thanks a lot.",
  ]],
  ["a bare domain", "Visit www.acme.com for that. We are glad.", ["Visit www.acme.com for that. ", "We are glad."]],
  ["versions", "We run version 2.0.1 now. It works well.", ["We run version 2.0.1 now. ", "It works well."]],
  ["ellipsis", "Well... let me see. Yes, there it is.", ["Well... let me see. ", "Yes, there it is."]],
  ["ellipsis character", "Hmm… let me see. Yes, there it is.", ["Hmm… let me see. ", "Yes, there it is."]],
  ["a phone number in groups", "You can reach us all day and all night on the number 555 123 4567 if you like", [
    "You can reach us all day and all night on the number 555 123 4567 if ",
    "you like",
  ]],
  ["a script without spaces", "今日は。元気ですか？とても元気です、ありがとう。", [
    "今日は。",
    "元気ですか？とても元気です、ありがとう。",
  ]],
  [
    "a first clause without spaces",
    "申し訳ございませんが、その日は予約がいっぱいですので、別の日はいかがでしょうか。",
    [
      "申し訳ございませんが、",
      "その日は予約がいっぱいですので、別の日はいかがでしょうか。",
    ],
  ],
  ["marks behind the end of a sentence without spaces", "本当ですか！？「はい。」と言いました。", [
    "本当ですか！？",
    "「はい。」と言いました。",
  ]],
  ["stops of other scripts", "आप कैसे हैं। हम आज खुले हैं॥ ठीक है। مرحبا بكم؟ نعم، نحن مفتوحون۔ شكرا", [
    "आप कैसे हैं। ",
    "हम आज खुले हैं॥ ",
    "ठीक है। مرحبا بكم؟ ",
    "نعم، نحن مفتوحون۔ ",
    "شكرا",
  ]],
  ["abbreviations of two letters", "Wir haben z. B. am Montag oder d. h. Freitag auf. Gut?", [
    "Wir haben z. B. am Montag oder d. h. Freitag auf. ",
    "Gut?",
  ]],
  ["abbreviations before small letters", "Hay citas p. ej. el lunes aprox. a las dos. Bien.", [
    "Hay citas p. ej. el lunes aprox. a las dos. ",
    "Bien.",
  ]],
  ["abbreviations before capitals", "Dr. med. Müller ist da, inkl. Str. und Fr. Schmidt. Gut.", [
    "Dr. med. Müller ist da, ",
    "inkl. Str. und Fr. Schmidt. ",
    "Gut.",
  ]],
  ["numbers in other digits", "हमें किसी भी समय इस नंबर पर फोन कर सकते हैं जो कि है यह ९८७६ ५४३ २१० आज", [
    "हमें किसी भी समय इस नंबर पर फोन कर सकते हैं जो कि है यह ९८७६ ५४३ २१० आज",
  ]],
  ["streets of other countries", "In der Hauptstr. 5, Av. Juárez 7, Bd. Voltaire 9 y Avda. Sur. Bien.", [
    "In der Hauptstr. 5, Av. Juárez 7, ",
    "Bd. Voltaire 9 y Avda. Sur. ",
    "Bien.",
  ]],
  ["titles of other countries", "L'Ing. Rossi, Lic. Pérez, Avv. Bianchi e Drs. Bakker. Bene.", [
    "L'Ing. Rossi, Lic. Pérez, ",
    "Avv. Bianchi e Drs. Bakker. ",
    "Bene.",
  ]],
  ["a country's letters, doubled", "EE. UU. es grande. Bien, gracias.", ["EE. UU. es grande. ", "Bien, gracias."]],
  ["Russian abbreviations", "Это ул. Мира, д. 5, и т. д. для всех. Да.", [
    "Это ул. Мира, д. 5, и т. д. для всех. ",
    "Да.",
  ]],
  ["one syllable", "네. 알겠습니다, 감사합니다.", ["네. ", "알겠습니다, 감사합니다."]],
  ["a year behind its day", "You can come on May 3, 2026 at ten, or on May 4, if you like.", [
    "You can come on May 3, 2026 at ten, ",
    "or on May 4, if you like.",
  ]],
  [
    "a number whose first part stands in brackets",
    "You can reach every one of us at any time of the day on (555) 123 4567 today and later",
    [
      "You can reach every one of us at any time of the day on (555) 123 4567 today ",
      "and later",
    ],
  ],
  ["a range", "We are open each day of the week 9 – 17, and deliver within 3 - 5 days.", [
    "We are open each day of the week 9 – 17, ",
    "and deliver within 3 - 5 days.",
  ]],
  ["marks beside something left out", "😀! Hello there, my friend. 😀! ... That was all! 😀.", [
    "! Hello there, my friend. ",
    "! ... That was all! ",
  ]],
  ["marks alone", "...", []],
  ["other letters", "Grüß Gott! Wir haben ab neun geöffnet.", ["Grüß Gott! ", "Wir haben ab neun geöffnet."]],
];

const CLEANED: [name: string, text: string, spoken: string][] = [
  ["bold", "This is **very** important.", "This is very important."],
  ["bold at the start of a line", "**Note** this.", "Note this."],
  ["italic with stars", "This is *very* good.", "This is very good."],
  ["italic with underscores", "This is _very_ good.", "This is very good."],
  ["underscores inside words", "Use my_file_name or john_doe@x.org.", "Use my_file_name or john_doe@x.org."],
  ["an address that does not end", "See [here](https://a.b\nThen call.", "See here Then call."],
  ["strike", "It is ~~nine~~ ten.", "It is nine ten."],
  ["code", "Say `yes` now.", "Say yes now."],
  ["a fence", "Here:\n```js\nlet x\n```\nDone.", "Here: let x. Done."],
  ["heading", "# Opening hours\nWe open at nine.", "Opening hours. We open at nine."],
  ["a heading that is a question", "## Why us?\nBecause.", "Why us? Because."],
  ["list", "We have:\n- soup\n- bread\n* wine", "We have: soup. bread. wine"],
  ["list with marks", "- One.\n- Two!\n", "One. Two!"],
  ["bullets", "• soup\n• bread", "soup. bread"],
  ["nested list", "- soup\n  - hot\n  - cold\n", "soup. hot. cold."],
  ["numbered list", "1. Turn left\n2) Turn right\n", "1. Turn left. 2. Turn right."],
  ["a number at the start of a line is no list", "5 people came.\n1.5 miles.", "5 people came. 1.5 miles."],
  ["a year at the start of a line", "2024. That was it.", "2024. That was it."],
  ["a negative number", "-5 degrees.", "-5 degrees."],
  ["quote", "> Be quick\nand go.", "Be quick and go."],
  ["rules", "One.\n---\nTwo.\n***\nThree.", "One. Two. Three."],
  ["paragraphs", "First part\n\nSecond part", "First part. Second part"],
  ["a soft line break", "First part\nof it", "First part of it"],
  ["windows line ends", "- a\r\n- b\r\n", "a. b."],
  ["link", "See [our page](https://x.org/a_b) now.", "See our page now."],
  ["link with brackets", "See [it](https://x.org/a_(b)), please.", "See it, please."],
  ["image", "Look: ![a cat](cat.png) there.", "Look: a cat there."],
  ["brackets that are no link", "He [the boss] said so (twice).", "He the boss said so (twice)."],
  ["table", "| day | open |\n|---|:--:|\n| Mon | 9 |\n", "day, open. Mon, 9."],
  ["tags", "<p>Hello <b>there</b>, you.</p>", "Hello there, you."],
  ["a break", "One<br/>two", "One two"],
  ["a comment", "One <!-- not this --> two", "One two"],
  ["an address in angle brackets", "Mail <joe@x.org> or <https://x.org>.", "Mail joe@x.org or https://x.org."],
  ["less and greater", "If 3 < 5 and 6 > 2 then.", "If 3 less than 5 and 6 greater than 2 then."],
  ["a stray bracket", "A < b and c<d.", "A less than b and c less than d."],
  [
    "comparisons without spaces",
    "If a<b and c>d then <b>do</b> it.",
    "If a less than b and c greater than d then do it.",
  ],
  ["comparisons with amounts", "It is <$50 (>5 minutes).", "It is less than $50 (greater than 5 minutes)."],
  [
    "at most and at least",
    "If x <= 5, y>=18, a<=b and it is >=$3.",
    "If x at most 5, y at least 18, a at most b and it is at least $3.",
  ],
  ["a tag behind a word", 'Wait<break time="1s"/>and<br />see.', "Waitand see."],
  ["an arrow", "A -> B", "A - B"],
  ["emoji", "Great 😀! See you 👋🏽 soon 👨‍👩‍👧.", "Great! See you soon."],
  ["flags and keycaps", "From 🇩🇪 press 1️⃣ now.", "From press 1 now."],
  ["only emoji", "👍", ""],
  ["times and about", "It is 2*3 or 2 * 3, ~5 minutes.", "It is 2 times 3 or 2 times 3, about 5 minutes."],
  ["about an amount, and a range", "~$30 for 5~10 minutes.", "about $30 for 5-10 minutes."],
  ["the star key", 'Press * to go back, or 0 or *. Or "*".', 'Press star to go back, or 0 or star. Or "star ".'],
  ["the star key, escaped", "Press \\* now.", "Press star now."],
  ["the star key as a keycap", "Press *️⃣ now.", "Press star now."],
  [
    "a code that is dialled",
    "Dial *67 or *82, or (*69). *70 too",
    "Dial star 67 or star 82, or (star 69). star 70 too",
  ],
  ["a code at the end", "Dial *67", "Dial star 67"],
  ["emphasis that begins with a digit", "Open *9 am to 5 pm*, *24/7* or *67*.", "Open 9 am to 5 pm, 24/7 or 67."],
  ["a footnote", "A price* and\n*terms apply.", "A price and terms apply."],
  ["bullets within a line", "We have: * soup", "We have: soup"],
  ["escapes", "Five\\* stars\\.", "Five stars."],
  ["runs of space", "One   two \t three.", "One two three."],
];

for (const [name, text, expected] of SENTENCES) {
  test(`chunks: ${name}`, () => assert.deepEqual(cut(text), expected));
}
for (const [name, text, expected] of CLEANED) {
  test(`spoken: ${name}`, () => assert.equal(speakable(text), expected));
}

/** Text as models write it, and as they should not. */
const PIECES = [
  ...[
    "Hello there",
    ". ",
    "! ",
    "? ",
    ", ",
    "...",
    " — ",
    ": ",
    "; ",
    "\n",
    "\n\n",
    " ",
    "  ",
    "\r\n",
    "Dr. ",
    "e.g. ",
    "p.m. ",
  ],
  ...[
    "No. ",
    "5 ",
    "3.5",
    "$90.50 ",
    "1,200 ",
    "I",
    "J. ",
    "a@b.co ",
    "https://x.org/a_b ",
    "**",
    "*",
    "_",
    "__",
    "`",
    "```",
    "~",
    "~~",
  ],
  ...[
    "# ",
    "- ",
    "* ",
    "1. ",
    "> ",
    "---",
    "[text](http://x)",
    "[",
    "](",
    ")",
    "<b>",
    "</b>",
    "<",
    ">",
    "<br>",
    "| a | b |",
    "|",
    "![",
  ],
  ...[
    "😀",
    "👍🏽",
    "👨‍👩‍👧",
    "🇩🇪",
    "日本。",
    "\\",
    "!",
    "(",
    '"',
    "'",
    "word",
    "longerword",
    "Smith",
    "(see) ",
    "7",
    "supercalifragilistic",
  ],
];
const texts = fc.array(
  fc.oneof({ weight: 9, arbitrary: fc.constantFrom(...PIECES) }, fc.string({ unit: "grapheme" })),
  {
    maxLength: 60,
  },
).map((pieces) => pieces.join(""));

test("the chunks depend on the text alone, not on where the tokens were cut", () => {
  fc.assert(
    fc.property(texts, fc.infiniteStream(fc.integer({ min: 1, max: 9 })), (text, sizes) => {
      const chunker = new Chunker();
      const got: string[] = [];
      for (let from = 0; from < text.length;) {
        const to = from + sizes.next().value!;
        got.push(...chunker.push(text.slice(from, to)));
        from = to;
      }
      got.push(...chunker.flush());
      assert.deepEqual(got, cut(text));
      assert.equal(got.join("").trimEnd(), speakable(text));
    }),
    { numRuns: 1500, seed: 4 },
  );
});

test("no chunk holds what must not be spoken, none is blank, each ends with a space or is the last", () => {
  fc.assert(
    fc.property(texts, (text) => {
      const got = cut(text);
      for (const [index, chunk] of got.entries()) {
        assert.ok(chunk.trim() !== "", JSON.stringify(got));
        assert.ok(
          !/[<`\n\r]|\*\*|\s\s|\p{Extended_Pictographic}|[\uD800-\uDBFF](?![\uDC00-\uDFFF])/u.test(chunk),
          JSON.stringify(got),
        );
        assert.ok(
          index === got.length - 1 || / $|[。！？、，；：][。！？…」』）”’)]*$/u.test(chunk),
          JSON.stringify(got),
        );
      }
    }),
    { numRuns: 1500, seed: 5 },
  );
});

test("every letter and digit outside of markup is spoken, in order", () => {
  const random = seeded(8);
  const words = [
    "alpha",
    "Bravo",
    "3.5",
    "o'clock",
    "(maybe)",
    "Dr. Who",
    "No. 7",
    "$5",
    "a@b.co",
    "end. ",
    "yes, ",
    "why? ",
  ];
  for (let round = 0; round < 400; round++) {
    const text = Array.from({ length: 1 + Math.floor(random() * 80) }, () => words[Math.floor(random() * words.length)])
      .join(" ");
    assert.equal(speakable(text), text.replace(/\s+/g, " ").trim());
  }
});

test("chunks are bounded: text without any mark is cut at words, a word without end is cut too", () => {
  const words = cut("word ".repeat(500));
  assert.ok(words.every((chunk) => chunk.length <= 201), String(Math.max(...words.map(({ length }) => length))));
  assert.ok(words[0]!.length < 70);
  assert.ok(cut("x".repeat(5000)).every(({ length }) => length <= 400));
  assert.ok(cut("12345 ".repeat(500)).every(({ length }) => length <= 210));
  const clauses = cut(`Yes. ${"and then we go on and on, ".repeat(30)}`).slice(1, -1);
  assert.ok(clauses.every((chunk) => chunk.endsWith(", ") && chunk.length <= 201), JSON.stringify(clauses));
});

test("a sentence is complete with the first letter of the next, a question or a call with the space after it", () => {
  const chunker = new Chunker();
  assert.deepEqual(chunker.push("Of course"), []);
  assert.deepEqual(chunker.push("."), []);
  assert.deepEqual(chunker.push(" "), [], "it may have been an abbreviation");
  assert.deepEqual(chunker.push("At"), ["Of course. "]);
  assert.deepEqual(chunker.flush(), ["At"]);
  assert.deepEqual(chunker.push("Again! "), ["Again! "], "and it may be used for another text");
});

test("marks are named in the language that is spoken", () => {
  const inLanguage = (text: string, language: string) =>
    cut(text, new Chunker({ ordinals: false, symbols: symbolsIn(language) })).join("");
  assert.equal(inLanguage("Drücken Sie * (~5 Minuten).", "de-AT"), "Drücken Sie Stern (etwa 5 Minuten).");
  assert.equal(inLanguage("Cuesta <$50, 2*3.", "es"), "Cuesta menos de $50, 2 por 3.");
  assert.equal(inLanguage("Höchstens: <=5.", "de"), "Höchstens: höchstens 5.");
  assert.equal(inLanguage("कृपया * दबाएँ।", "hi"), "कृपया स्टार दबाएँ।", "a word may end with a sign");
  assert.equal(inLanguage("Kosztuje ~5 lub * teraz.", "pl"), "Kosztuje ~ 5 lub * teraz.", "it may know its own");
});

test("a day of the month is not spoken apart from its month, in languages that write it so", () => {
  const text = "Am 3. Mai oder am 14. Juni ist etwas frei. Passt das?";
  const expected = ["Am 3. Mai oder am 14. Juni ist etwas frei. ", "Passt das?"];
  assert.deepEqual(cut(text, new Chunker({ ordinals: true, symbols: symbolsIn("de") })), expected);
  assert.deepEqual(cut("We close at 6. Shall I book a table?"), ["We close at 6. ", "Shall I book a table?"]);
});

test("a quotation is said as it comes", () => {
  const chunker = new Chunker();
  assert.deepEqual(chunker.push("> Yes! No! And"), ["Yes! "]);
});
