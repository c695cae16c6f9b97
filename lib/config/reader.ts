/** Reads environment variables one by one, gathering what is wrong and where each value goes. Pure. */

import { type ConfigNote, nearest, quote } from "./notes.ts";

export type Environment = Readonly<Record<string, string | undefined>>;

const FILE = "environment";
/** How names of ours begin. */
export const PREFIXES = [
  "DEEPGRAM_",
  "TWILIO_",
  "CARTESIA_",
  "GROQ_",
  "OPENAI_",
  "LLM_",
  "PUBLIC_",
  "CALL_WEBHOOK_",
  "SILENCE_",
  "ADMIN_",
];

/** Every variable we know, `SECRET_*` apart. Tests keep `.env.example` to this list. */
export const VARIABLE_NAMES = [
  "PUBLIC_HOST",
  "PORT",
  "BIND",
  "TRUST_PROXY",
  "DEEPGRAM_API_KEY",
  "TWILIO_ACCOUNT_SID",
  "TWILIO_AUTH_TOKEN",
  "CARTESIA_API_KEY",
  "CARTESIA_VOICE_ID",
  "GROQ_API_KEY",
  "GROQ_MODEL",
  "OPENAI_API_KEY",
  "LLM_API_KEY",
  "ROUTER_ENABLED",
  "MAX_HISTORY_TURNS",
  "SILENCE_TIMEOUT_SECONDS",
  "MIN_INTERRUPTION_WORDS",
  "USE_DEEPGRAM_FLUX",
  "MAX_CALLS",
  "DRAIN_SECONDS",
  "PACER_LEAD_MS",
  "UPLINK_MS",
  "VENDOR_SOCKET",
  "DATA_DIR",
  "ADMIN_TOKEN",
  "CALL_WEBHOOK_URL",
  "CALL_WEBHOOK_SECRET",
  "LOG_LEVEL",
  "LOG_FORMAT",
  "DEEPGRAM_AGENT_URL",
  "DEEPGRAM_LISTEN_URL",
  "DEEPGRAM_FLUX_URL",
  "DEEPGRAM_SPEAK_URL",
  "CARTESIA_URL",
  "LLM_BASE_URL",
  "TWILIO_API_URL",
] as const;

/** Usual names that Twilio's other programs read: not ours, but where one is set there is a real line. */
export const TWILIO_NAMES = ["TWILIO_PHONE_NUMBER", "TWILIO_API_KEY", "TWILIO_API_SECRET"];

export type VariableName = (typeof VARIABLE_NAMES)[number];

/** What became of a variable's text. */
export type Read<T> = { value: T } | { problem: string; remedy: string };

/** Reads variables by name, gathering faults and origins. */
export class Reader {
  readonly faults: ConfigNote[] = [];
  readonly warnings: ConfigNote[] = [];
  readonly origins: Record<string, string> = {};
  constructor(readonly env: Environment) {}

  read<T>(name: VariableName, path: string | undefined, parse: (text: string) => Read<T>): T | undefined {
    const text = this.env[name]?.trim();
    if (text === undefined || text === "") return undefined;
    const result = parse(text);
    if ("problem" in result) return void this.faults.push({ file: FILE, key: name, ...result });
    if (path !== undefined) this.origins[path] = `environment ${name}`;
    return result.value;
  }

  text(name: VariableName, path: string | undefined): string | undefined {
    return this.read(name, path, (value) => ({ value }));
  }

  whole(name: VariableName, path: string | undefined, { min, max }: { min: number; max: number }): number | undefined {
    return this.read(name, path, (text) => {
      const value = Number(text);
      if (/^-?\d+$/.test(text) && value >= min && value <= max) return { value };
      return { problem: `is ${quote(text)}`, remedy: `Write a whole number from ${min} to ${max}.` };
    });
  }

  bool(name: VariableName, path: string | undefined): boolean | undefined {
    return this.read(name, path, (text) => {
      if (/^(true|1|yes|on)$/i.test(text)) return { value: true };
      if (/^(false|0|no|off)$/i.test(text)) return { value: false };
      return { problem: `is ${quote(text)}`, remedy: "Write true or false." };
    });
  }

  oneOf<T extends string>(name: VariableName, path: string, options: readonly T[]): T | undefined {
    return this.read(name, path, (text) => {
      const value = options.find((option) => option === text.toLowerCase());
      if (value !== undefined) return { value };
      const near = nearest(text, options);
      return {
        problem: `is ${quote(text)}`,
        remedy: `${near ? `Did you mean ${near}? ` : ""}Write ${options.join(", ")}.`,
      };
    });
  }

  /** A key's value is never quoted. */
  key(name: VariableName, path: string): string | undefined {
    return this.read(
      name,
      path,
      (value) =>
        /^[\x21-\x7e]+$/.test(value) ? { value } : {
          problem: "holds a space or a character that no key has",
          remedy: "Copy the key again, without quotes and without a comment behind it.",
        },
    );
  }

  url(name: VariableName, path: string, protocols: readonly string[]): string | undefined {
    return this.read(name, path, (text) => {
      const url = URL.parse(text);
      if (url === null || !protocols.includes(url.protocol)) {
        return {
          problem: `is ${quote(text)}`,
          remedy: `Write an address that begins with ${protocols.map((one) => `${one}//`).join(" or ")}.`,
        };
      }
      if (url.username || url.password) {
        return { problem: "holds a user name or password", remedy: "Remove it from the address." };
      }
      return { value: text.replace(/\/+$/, "") };
    });
  }

  warn(name: string, problem: string, remedy: string): void {
    this.warnings.push({ file: FILE, key: name, problem, remedy });
  }

  /** Variables that look like ours and are not. */
  misspelt(): void {
    for (const name of Object.keys(this.env)) {
      const isKnown = [...VARIABLE_NAMES, ...TWILIO_NAMES].includes(name);
      if (isKnown || !PREFIXES.some((prefix) => name.startsWith(prefix))) continue;
      const near = nearest(name, VARIABLE_NAMES.filter((known) => !this.env[known]));
      if (near) this.warn(name, "is not a variable we read", `Did you mean ${near}?`);
    }
  }
}
