/** A small strict reader of XML 1.0 without document types: what TwiML needs, and not a construct more. Pure. */

export interface XmlElement {
  name: string;
  attributes: ReadonlyMap<string, string>;
  children: readonly XmlElement[];
  /** The character data directly inside, joined. */
  text: string;
}

/** Where and why a text is not XML. */
export class XmlError extends Error {
  override readonly name = "XmlError";
}

const NAME = /[A-Za-z_:][\w:.\-]*/y;
/** Control characters that XML 1.0 section 2.2 forbids, and the two non-characters. Lone surrogates are asked for apart. */
const FORBIDDEN = /[^\P{Cc}\t\n\r\u007F-\u009F]|[\uFFFE\uFFFF]/u;
const ENTITIES: Readonly<Record<string, string>> = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'" };
const MAX_DEPTH = 32;

/** The root element of `source`. @throws {XmlError} where the document is not well formed. */
export function readXml(source: string): XmlElement {
  if (FORBIDDEN.test(source) || !source.isWellFormed()) throw new XmlError("a character that XML 1.0 forbids");
  return new Reader(source).document();
}

class Reader {
  #at = 0;
  readonly #source: string;

  constructor(source: string) {
    this.#source = source;
  }

  document(): XmlElement {
    if (this.#source.startsWith("<?xml")) this.#until("?>", "the XML declaration");
    this.#misc();
    const root = this.#element(0);
    this.#misc();
    if (this.#at < this.#source.length) this.#fail("something follows the root element");
    return root;
  }

  /** Comments, processing instructions and white space between elements. */
  #misc(): void {
    while (true) {
      this.#space();
      if (this.#source.startsWith("<!--", this.#at)) this.#comment();
      else if (this.#source.startsWith("<?", this.#at)) this.#until("?>", "a processing instruction");
      else return;
    }
  }

  #element(depth: number): XmlElement {
    if (depth > MAX_DEPTH) this.#fail("elements are nested too deeply");
    this.#expect("<");
    const name = this.#name("an element's name");
    const attributes = this.#attributes();
    if (this.#take("/>")) return { name, attributes, children: [], text: "" };
    this.#expect(">");
    const children: XmlElement[] = [];
    let text = "";
    while (!this.#take("</")) {
      if (this.#at >= this.#source.length) this.#fail(`<${name}> is not closed`);
      if (this.#source.startsWith("<!--", this.#at)) this.#comment();
      else if (this.#take("<![CDATA[")) text += this.#until("]]>", "a CDATA section");
      else if (this.#source.startsWith("<?", this.#at)) this.#until("?>", "a processing instruction");
      else if (this.#source[this.#at] === "<") children.push(this.#element(depth + 1));
      else text += this.#characters("<");
    }
    if (this.#name("an element's name") !== name) this.#fail(`<${name}> is closed by another name`);
    this.#space();
    this.#expect(">");
    return { name, attributes, children, text };
  }

  #attributes(): Map<string, string> {
    const attributes = new Map<string, string>();
    while (true) {
      const spaced = this.#space();
      const next = this.#source[this.#at];
      if (next === ">" || next === "/" || next === undefined) return attributes;
      if (!spaced) this.#fail("white space is missing before an attribute");
      const name = this.#name("an attribute's name");
      this.#space();
      this.#expect("=");
      this.#space();
      const quote = this.#source[this.#at++];
      if (quote !== '"' && quote !== "'") this.#fail(`the value of "${name}" is not quoted`);
      const value = this.#characters(quote);
      this.#expect(quote);
      if (attributes.has(name)) this.#fail(`the attribute "${name}" comes twice`);
      attributes.set(name, value);
    }
  }

  /** Character data up to `end`, with its references resolved. */
  #characters(end: string): string {
    const from = this.#at;
    let to = this.#source.indexOf(end, from);
    if (to < 0) to = this.#source.length;
    this.#at = to;
    const raw = this.#source.slice(from, to);
    if (end !== "<" && raw.includes("<")) this.#fail('"<" stands in an attribute value');
    if (end === "<" && raw.includes("]]>")) this.#fail('"]]>" stands in text');
    return raw.replace(/&([^;&\s]*)(;?)/g, (_, reference: string, closed: string) => {
      const resolved = closed ? resolve(reference) : undefined;
      if (resolved === undefined) this.#fail(`"&${reference}" is no reference; a plain "&" is written "&amp;"`);
      return resolved;
    });
  }

  #comment(): void {
    this.#at += 4;
    if (this.#until("-->", "a comment").includes("--")) this.#fail('"--" stands in a comment');
  }

  /** Everything up to `end`, which is passed over. */
  #until(end: string, what: string): string {
    const from = this.#at;
    const to = this.#source.indexOf(end, from);
    if (to < 0) this.#fail(`${what} is not closed`);
    this.#at = to + end.length;
    return this.#source.slice(from, to);
  }

  #name(what: string): string {
    NAME.lastIndex = this.#at;
    const found = NAME.exec(this.#source);
    if (!found) this.#fail(`${what} is missing`);
    this.#at += found[0].length;
    return found[0];
  }

  #space(): boolean {
    const from = this.#at;
    while (/[ \t\r\n]/.test(this.#source[this.#at] ?? "")) this.#at++;
    return this.#at > from;
  }

  #take(text: string): boolean {
    if (!this.#source.startsWith(text, this.#at)) return false;
    this.#at += text.length;
    return true;
  }

  #expect(text: string): void {
    if (!this.#take(text)) this.#fail(`"${text}" is missing`);
  }

  #fail(why: string): never {
    const before = this.#source.slice(0, this.#at);
    const line = before.split("\n").length;
    throw new XmlError(`${why}, line ${line}, column ${before.length - before.lastIndexOf("\n")}`);
  }
}

function resolve(reference: string): string | undefined {
  const code = /^#x([0-9a-f]{1,6})$/i.exec(reference) ?? /^#(\d{1,7})$/.exec(reference);
  if (!code) return Object.hasOwn(ENTITIES, reference) ? ENTITIES[reference] : undefined;
  const point = parseInt(code[1]!, reference[1] === "x" ? 16 : 10);
  if (point > 0x10FFFF || (point >= 0xD800 && point < 0xE000)) return undefined;
  const text = String.fromCodePoint(point);
  return FORBIDDEN.test(text) ? undefined : text;
}
