/** The two kinds of placeholder in a configuration's texts: `{{call variables}}` and `${SECRET_X}`. Pure. */

import { dateFormat } from "../base/dates.ts";

export interface CallVariables {
  now: Date;
  /** IANA name. */
  timezone: string;
  caller?: string;
  called?: string;
  /** What `beforeCall` learned. */
  vars?: Record<string, string>;
}

/** The call variables that exist, `vars.*` apart. */
export const VARIABLES: readonly string[] = ["now", "today", "caller", "called"];

const PLACEHOLDER = /\{\{\s*([A-Za-z0-9_.-]+)\s*\}\}/g;

/** Fill `{{now}} {{today}} {{caller}} {{called}} {{vars.x}}`; an unknown one becomes empty. Values are not filled again. */
export function fillVariables(text: string, variables: CallVariables): string {
  return text.replace(PLACEHOLDER, (_, name: string) => valueOf(name, variables));
}

function valueOf(name: string, { now, timezone, caller, called, vars }: CallVariables): string {
  if (name === "caller") return addressOf(caller);
  if (name === "called") return addressOf(called);
  if (name === "today") return format(now, { timeZone: timezone, dateStyle: "full" });
  if (name === "now") return format(now, { timeZone: timezone, dateStyle: "full", timeStyle: "short" });
  const own = name.startsWith("vars.") ? name.slice("vars.".length) : "";
  return vars !== undefined && Object.hasOwn(vars, own) ? vars[own]! : "";
}

/** A number or a short SIP address as it is; anything else is text that a stranger chose, and must not get into a prompt. */
function addressOf(party = ""): string {
  return /^(\+?\d{2,20}|(sips?:|client:)[\w.+-]{1,40}(@[\w.-]{1,60})?)$/.test(party) ? party : "";
}

/** Newer ICU data puts narrow no-break spaces into times; a voice and a model want plain ones. */
function format(date: Date, options: Intl.DateTimeFormatOptions): string {
  return dateFormat("en-US", options).format(date).replace(/[\u202f\u00a0]/g, " ");
}

/** The names in the `{{ }}` of a text. */
export function placeholders(text: string): string[] {
  return [...text.matchAll(PLACEHOLDER)].map((match) => match[1]!);
}

const SECRET = /\$\{([^}]*)\}/g;

/** The names in the `${ }` of a text. */
export function secretNames(text: string): string[] {
  return [...text.matchAll(SECRET)].map((match) => match[1]!);
}

/** Put the secrets in; one that does not exist becomes empty (`parseConfig` has refused it). */
export function fillSecrets(text: string, secrets: Readonly<Record<string, string>>): string {
  return text.replace(SECRET, (_, name: string) => Object.hasOwn(secrets, name) ? secrets[name]! : "");
}
