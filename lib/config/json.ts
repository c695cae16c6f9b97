/** JSON for people: the place and the cause of the first fault. Pure. */

import { failed, ok, type Result } from "../base/result.ts";

/** Lines and columns count from 1. `near`: the text around the fault, on one line. */
export interface JsonFault {
  line: number;
  column: number;
  near: string;
  problem: string;
  remedy: string;
}

/** Parse JSON. A byte order mark is skipped; line ends may be CRLF. */
export function parseJson(text: string): Result<unknown, JsonFault> {
  const body = text.replace(/^\uFEFF/, "");
  try {
    new Scanner(body).document(); // it finds more than JSON forbids: what is nested too deeply, and a key twice
  } catch (error) {
    if (!(error instanceof Broken)) throw error;
    return failed(placed(error, body));
  }
  return ok(JSON.parse(body));
}

function placed({ at, problem, remedy }: Broken, text: string): JsonFault {
  const before = text.slice(0, at);
  const line = before.split("\n").length;
  const column = at - before.lastIndexOf("\n");
  const near = text.slice(Math.max(0, at - 25), at + 25).replace(/\s+/g, " ").trim();
  return { line, column, near, problem, remedy };
}

class Broken extends Error {
  constructor(readonly at: number, readonly problem: string, readonly remedy: string) {
    super(problem);
  }
}

const LITERAL = /true|false|null|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
// deno-lint-ignore no-control-regex -- a raw control character is what JSON forbids in a string
const STRING = /"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/y;
const DEEPEST = 500;

/** Reads JSON only to find its first fault. What it passes is JSON. */
class Scanner {
  #at = 0;
  constructor(readonly text: string) {}

  document(): void {
    this.#space();
    if (this.#at >= this.text.length) throw this.#broken("is empty", `Write at least {"prompt": "…"}.`);
    this.#value(0);
    this.#space();
    if (this.#at < this.text.length) {
      throw this.#broken("goes on after its end", "Remove what follows the last closing brace.");
    }
  }

  #value(depth: number): void {
    if (depth > DEEPEST) throw this.#broken("is nested too deeply", "Write it flatter.");
    const char = this.text[this.#at];
    if (char === "{") {
      const keys = new Set<string>();
      return this.#members("}", () => this.#member(depth, keys));
    }
    if (char === "[") return this.#members("]", () => this.#value(depth + 1));
    if (char === '"') return this.#string();
    LITERAL.lastIndex = this.#at;
    const literal = LITERAL.exec(this.text);
    if (!literal) throw this.#strange("a value");
    this.#at += literal[0].length;
  }

  #members(close: "}" | "]", member: () => void): void {
    const opened = this.#at++;
    this.#space();
    if (this.text[this.#at] === close) return void this.#at++;
    while (true) {
      member();
      this.#space();
      const char = this.text[this.#at];
      if (char === close) return void this.#at++;
      if (char !== ",") throw this.#missingComma(close, opened);
      const comma = this.#at++;
      this.#space();
      const next = this.text[this.#at];
      if (next === "}" || next === "]") {
        throw new Broken(
          comma,
          `has a comma before the closing ${next}`,
          "Remove that comma: JSON allows none after the last entry.",
        );
      }
    }
  }

  #member(depth: number, keys: Set<string>): void {
    if (this.text[this.#at] !== '"') throw this.#strange("a key");
    const from = this.#at;
    this.#string();
    const key = JSON.parse(this.text.slice(from, this.#at)) as string; // `#string` has read one
    if (keys.has(key)) {
      const problem = `has the key ${JSON.stringify(key)} twice in one object`;
      throw new Broken(from, problem, "Keep one of them: of two only the last would count.");
    }
    keys.add(key);
    this.#space();
    if (this.text[this.#at] !== ":") throw this.#broken("has no colon after a key", `Write "key": value.`);
    this.#at++;
    this.#space();
    this.#value(depth + 1);
  }

  #string(): void {
    STRING.lastIndex = this.#at;
    const match = STRING.exec(this.text);
    if (match) return void (this.#at += match[0].length);
    const end = this.text.slice(this.#at + 1).search(/["\n]/);
    const lineEnds = end >= 0 && this.text[this.#at + 1 + end] === "\n";
    if (end < 0 || lineEnds) {
      throw this.#broken(
        "has a text without its closing quote",
        `Close it with " on the same line; write \\n for a line break, or a list of lines.`,
      );
    }
    throw this.#broken(
      "has a character in a text that JSON does not allow",
      "Write a backslash as \\\\ and a tab as \\t.",
    );
  }

  #space(): void {
    while (/[ \t\r\n]/.test(this.text[this.#at] ?? "")) this.#at++;
    const two = this.text.slice(this.#at, this.#at + 2);
    if (two === "//" || two === "/*" || two[0] === "#") {
      throw this.#broken("has a comment", "Remove it: JSON has no comments.");
    }
  }

  #missingComma(close: string, opened: number): Broken {
    if (this.#at >= this.text.length) {
      const line = this.text.slice(0, opened).split("\n").length;
      return this.#broken("ends too early", `Write the closing ${close} of what was opened in line ${line}.`);
    }
    const char = this.text[this.#at]!;
    if (char === '"' || char === "{" || char === "[") {
      return this.#broken("lacks a comma between two entries", "Write a comma before this entry.");
    }
    return this.#strange(`a comma or ${close}`);
  }

  #strange(expected: string): Broken {
    const char = this.text[this.#at];
    if (char === undefined) return this.#broken("ends too early", `Write ${expected} here, and close what is open.`);
    if ("'`“”‘’".includes(char)) return this.#broken(`has the quote ${char}`, 'Write straight double quotes: "…".');
    if (expected === "a key" && /[A-Za-z_$]/.test(char)) {
      return this.#broken("has a key without quotes", "Write the key in double quotes.");
    }
    const word = /^[A-Za-z_][\w-]*/.exec(this.text.slice(this.#at))?.[0];
    if (word && /^(True|False|None|undefined|NaN|yes|no|on|off)$/i.test(word)) {
      return this.#broken(`has the word ${word}`, "JSON knows true, false and null, in lower case.");
    }
    if (word) return this.#broken(`has a text without quotes (${word})`, "Write it in double quotes.");
    return this.#broken(`has ${JSON.stringify(char)} where ${expected} belongs`, `Write ${expected} here.`);
  }

  #broken(problem: string, remedy: string): Broken {
    return new Broken(this.#at, problem, remedy);
  }
}
