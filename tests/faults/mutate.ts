/** Messages that are nearly right: seeded mutations of valid ones. */

type Random = () => number;

const ODD_VALUES: readonly unknown[] = [
  null,
  true,
  -1,
  0,
  1e308,
  -0.5,
  9007199254740993,
  "",
  "NaN",
  "\u0000\uD800",
  [],
  {},
  [[[[]]]],
  { toString: 1, __proto__: null },
  "A".repeat(5000),
];
const ODD_TEXTS = ["{", "}", '"', ":", ",", "\\", "\u0000", "\uFFFF", "e999", "null", "[", '"type":', "__proto__"];

function pick<T>(random: Random, all: readonly T[]): T {
  return all[Math.floor(random() * all.length)]!;
}

/** One of `messages`, changed in one to three places; sometimes not at all, sometimes beyond recognition. */
export function mutated(random: Random, messages: readonly string[]): string {
  let text = pick(random, messages);
  for (let times = Math.floor(random() * 4); times > 0; times--) {
    text = random() < 0.6 ? mutatedTree(random, text) : mutatedText(random, text, messages);
  }
  return text;
}

function mutatedText(random: Random, text: string, messages: readonly string[]): string {
  const at = Math.floor(random() * (text.length + 1));
  const to = Math.min(text.length, at + Math.floor(random() * 20));
  switch (Math.floor(random() * 6)) {
    case 0:
      return text.slice(0, at);
    case 1:
      return text.slice(0, at) + text.slice(to);
    case 2:
      return text.slice(0, to) + text.slice(at);
    case 3:
      return text.slice(0, at) + pick(random, ODD_TEXTS) + text.slice(at);
    case 4:
      return text.slice(0, at) + pick(random, messages).slice(at);
    default:
      return text.slice(0, at) + String.fromCharCode(Math.floor(random() * 0x10000)) + text.slice(at + 1);
  }
}

function mutatedTree(random: Random, text: string): string {
  let tree: unknown;
  try {
    tree = JSON.parse(text);
  } catch {
    return text;
  }
  const places: { of: Record<string, unknown>; key: string }[] = [];
  const visit = (value: unknown) => {
    if (typeof value !== "object" || value === null) return;
    for (const key of Object.keys(value)) {
      const of = value as Record<string, unknown>;
      places.push({ of, key });
      visit(of[key]);
    }
  };
  visit(tree);
  if (places.length === 0) return JSON.stringify(pick(random, ODD_VALUES));
  const { of, key } = pick(random, places);
  const how = random();
  if (how < 0.2) delete of[key];
  else if (how < 0.4) of[pick(random, places).key] = of[key];
  else of[key] = pick(random, ODD_VALUES);
  return JSON.stringify(tree);
}
