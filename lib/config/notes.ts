/** What is wrong with a configuration, for a person to mend: file, key, what is wrong, the nearest right thing. Pure. */

import * as z from "zod";

export interface ConfigNote {
  /** The file, or `environment`. */
  file: string;
  /** Dotted path, for example `routes[2].utterances`, or a variable's name; empty for the file as a whole. */
  key: string;
  problem: string;
  remedy: string;
  /** A file whose appearance would mend it. */
  awaits?: string;
}

type Path = readonly PropertyKey[];
type Issue = z.core.$ZodIssue;

/** The message of our own Zod checks: both halves of a note in one string. `noteOf` takes it apart. */
export function says(problem: string, remedy: string): string {
  return `${problem}\n${remedy}`;
}

/** Adds an issue of ours at a key, or at a dotted path. */
export type Add = (key: string, problem: string, remedy: string) => void;

export function addTo<T>(context: z.core.$RefinementCtx<T>): Add {
  return (key, problem, remedy) =>
    context.addIssue({ code: "custom", path: key.split("."), message: says(problem, remedy) });
}

/** A text that `pattern` fits. */
export function textLike(pattern: RegExp, remedy: string): z.ZodString {
  return z.string().regex(pattern, { error: ({ input }) => says(`is ${quote(input)}`, remedy) });
}

/** An object that takes no other keys; the fault of one that does lists those it knows. */
export function closed<Shape extends z.core.$ZodLooseShape>(shape: Shape): z.ZodObject<Shape, z.core.$strict> {
  return z.strictObject(shape, {
    error: (issue) => issue.code === "unrecognized_keys" ? Object.keys(shape).join("\n") : undefined,
  });
}

const KEEPS_TYPE = ["unrecognized_keys", "custom", "too_small", "too_big", "invalid_format"];

/** For `superRefine`: run it too where other checks failed, as long as every field has its type. */
export const WHILE_TYPED = {
  when: ({ value, issues }: z.core.ParsePayload): boolean =>
    typeof value === "object" && value !== null &&
    issues.every(({ code }) => code !== undefined && KEEPS_TYPE.includes(code)),
};

/** `["routes", 2, "text"]` -> `routes[2].text`. */
export function dotted(path: Path): string {
  return path.map((part) => typeof part === "number" ? `[${part}]` : `.${String(part)}`).join("").replace(/^\./, "");
}

/** `raw` is what was checked, for quoting; `at` is where it stands in the file. */
type Context = { file: string; raw: unknown; at: Path };

/** The notes of failed Zod checks. */
export function notesOf(issues: readonly Issue[], context: Context): ConfigNote[] {
  const notes = issues.flatMap((issue) => notesOfIssue(issue, context, []));
  // A number beyond all whole numbers is too big for its key too: the narrower limit comes last, and is enough.
  return notes.filter((note, i) => !notes.slice(i + 1).some((later) => isSameFault(note, later)));
}

function isSameFault(one: ConfigNote, other: ConfigNote): boolean {
  return one.key === other.key && one.problem === other.problem;
}

function notesOfIssue(issue: Issue, context: Context, base: Path): ConfigNote[] {
  const path = [...base, ...issue.path];
  const value = valueAt(context.raw, path);
  const note = (problem: string, remedy: string, at: Path = path): ConfigNote => ({
    file: context.file,
    key: dotted([...context.at, ...at]),
    problem,
    remedy,
  });
  switch (issue.code) {
    case "unrecognized_keys": {
      const known = issue.message.split("\n");
      return issue.keys.map((key) => note("is not a known key here", unknownKeyRemedy(key, known), [...path, key]));
    }
    case "invalid_union": {
      if (issue.discriminator !== undefined) {
        return [note(found(value, path), choice(value, optionsOf(issue)))];
      }
      const branch = issue.errors.find((errors) => !errors.some(isRootMismatch)) ?? [];
      if (branch.length > 0) return branch.flatMap((inner) => notesOfIssue(inner, context, path));
      const expected = issue.errors.flat().filter(isRootMismatch).map(expectation);
      return [note(found(value, path), `Write ${[...new Set(expected)].join(" or ")}.`)];
    }
    case "invalid_key": {
      const [problem, remedy] = split(issue.issues[0]?.message ?? "is not allowed as a key");
      return [note(problem, remedy ?? "Rename the key.")];
    }
    case "invalid_type":
      return [note(found(value, path), `Write ${article(issue.expected)}.`)];
    case "invalid_value":
      return [note(found(value, path), choice(value, issue.values))];
    case "too_small":
      return [note(sizeProblem(issue.origin, value, path), atLeast(issue))];
    case "too_big":
      return [note(sizeProblem(issue.origin, value, path), atMost(issue))];
    default: {
      const [problem, remedy] = split(issue.message);
      return [note(problem, remedy ?? "Correct this value.")];
    }
  }
}

/** The values a discriminator may have: Zod gives them, its type does not say so. */
function optionsOf(issue: object): unknown[] {
  return "options" in issue && Array.isArray(issue.options) ? issue.options : [];
}

type MismatchIssue = z.core.$ZodIssueInvalidType | z.core.$ZodIssueInvalidValue;

/** Whether a branch of a union was not meant at all: the value as a whole is of another kind. */
function isRootMismatch(issue: Issue): issue is MismatchIssue {
  return (issue.code === "invalid_type" || issue.code === "invalid_value") && issue.path.length === 0;
}

function expectation(issue: MismatchIssue): string {
  return issue.code === "invalid_type"
    ? article(issue.expected)
    : issue.values.map((value) => JSON.stringify(value)).join(" or ");
}

function atLeast(issue: z.core.$ZodIssueTooSmall): string {
  if (issue.origin === "string") return "Write some text.";
  if (issue.origin === "array") {
    return `Write at least ${issue.minimum === 1 ? "one entry" : `${issue.minimum} entries`}.`;
  }
  return `Write ${issue.minimum} or more.`;
}

function atMost(issue: z.core.$ZodIssueTooBig): string {
  if (issue.origin === "string") return `Write at most ${issue.maximum} characters.`;
  if (issue.origin === "array") return `Write at most ${issue.maximum} entries.`;
  return `Write ${issue.maximum} or less.`;
}

function sizeProblem(origin: string, value: unknown, path: Path): string {
  if (origin === "array") return Array.isArray(value) && value.length === 0 ? "is empty" : "has too many entries";
  if (origin === "string") return value === "" ? "is empty" : "has the wrong length";
  return found(value, path);
}

function split(message: string): [problem: string, remedy: string | undefined] {
  const [problem, remedy] = message.split("\n", 2);
  return [problem ?? "", remedy];
}

/** "is 5", "is missing", "is an object": never the value of a header or a credential. */
function found(value: unknown, path: Path): string {
  if (value === undefined) return "is missing";
  if (value === null) return "is null";
  if (Array.isArray(value)) return "is a list";
  if (typeof value === "object") return "is an object";
  if (path.some((part) => part === "headers" || part === "credentials")) return `is a ${typeof value}`;
  return `is ${quote(value)}`;
}

/** A value as it stands in the file, cut short. */
export function quote(value: unknown): string {
  const text = JSON.stringify(value) ?? "nothing";
  return text.length > 60 ? `${text.slice(0, 57)}…` : text;
}

const ARTICLES: Record<string, string> = {
  string: "a text in double quotes",
  number: "a number without quotes",
  int: "a whole number without quotes",
  boolean: "true or false, without quotes",
  object: "an object { … }",
  record: "an object { … }",
  array: "a list [ … ]",
};

function article(expected: string): string {
  return ARTICLES[expected] ?? `a value of type ${expected}`;
}

/** Which of `options` to write instead of `value`. */
export function choice(value: unknown, options: readonly unknown[]): string {
  const near = typeof value === "string" ? nearest(value, options.map(String)) : undefined;
  const all = options.map((option) => JSON.stringify(option)).join(", ");
  if (options.length === 1) return `Write ${all}.`;
  return `${near === undefined ? "" : `Did you mean "${near}"? `}Write one of ${all}.`;
}

/** Names by which other programs know our keys. */
const ALIASES: Record<string, string> = {
  instructions: "prompt",
  system: "prompt",
  systemprompt: "prompt",
  firstmessage: "greeting",
  welcome: "greeting",
  functions: "tools",
  intents: "routes",
  examples: "utterances",
  phrases: "utterances",
  response: "text",
  action: "then",
  maxtokens: "max_completion_tokens",
  baseurl: "endpoint",
};

/** Keys that hold a secret in other programs; here secrets are in the environment. */
const KEY_NAMES = ["apikey", "key", "token", "authtoken"];

/** What to do about a key that is not known where it stands. */
export function unknownKeyRemedy(key: string, known: readonly string[]): string {
  const plain = key.toLowerCase().replace(/[_-]/g, "");
  if (KEY_NAMES.includes(plain)) return "Remove it: keys stand in the environment or in .env, never here.";
  const alias = new Map(Object.entries(ALIASES)).get(plain);
  const near = nearest(key, known) ?? known.find((name) => name === alias);
  return near === undefined ? `Remove it. Known here: ${known.join(", ")}.` : `Did you mean "${near}"?`;
}

/** What stands at `path` in `raw`. */
export function valueAt(raw: unknown, path: Path): unknown {
  return path.reduce<unknown>(
    (value, key) =>
      typeof value === "object" && value !== null ? (value as Record<PropertyKey, unknown>)[key] : undefined,
    raw,
  );
}

/** The name that `word` most probably was meant to be, or undefined if none is near. Case, `_` and `-` do not count. */
export function nearest(word: string, names: readonly string[]): string | undefined {
  const plain = (text: string) => text.toLowerCase().replace(/[_\-\s]/g, "");
  const limit = Math.max(1, Math.floor(word.length / 3));
  let best: { name: string; distance: number } | undefined;
  for (const name of names) {
    const [a, b] = [plain(word), plain(name)];
    const contained = Math.min(a.length, b.length) >= 4 && (a.includes(b) || b.includes(a));
    const distance = contained ? Math.min(limit, editDistance(a, b)) : editDistance(a, b);
    if (distance <= limit && (best === undefined || distance < best.distance)) best = { name, distance };
  }
  return best?.name;
}

/** Insertions, deletions, replacements and swaps of neighbours between two words (optimal string alignment). */
export function editDistance(a: string, b: string): number {
  let before: number[] = [];
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1];
      let least = Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + (same ? 0 : 1));
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) least = Math.min(least, before[j - 2]! + 1);
      next.push(least);
    }
    [before, row] = [row, next];
  }
  return row[b.length]!;
}

/** The notes for a terminal, one paragraph each. */
export function describeNotes(notes: readonly ConfigNote[]): string {
  return notes.map(({ file, key, problem, remedy }) => `${file}: ${key && `${key} `}${problem}.\n  ${remedy}`).join(
    "\n\n",
  );
}
