/** Short hands for tests of the configuration. */

import assert from "node:assert/strict";
import {
  type Config,
  type ConfigNote,
  describeNotes,
  type Loaded,
  parseConfig,
  type ParseInput,
} from "../../lib/config.ts";

type Parts = Partial<Omit<ParseInput, "text">> & { prompts?: Record<string, string> };

/** Parse an object (or text) as config.json; no prompt file exists unless given. */
export function parse(file: unknown, { prompts = {}, ...parts }: Parts = {}): ReturnType<typeof parseConfig> {
  return parseConfig({
    text: typeof file === "string" || file === undefined ? file : JSON.stringify(file),
    file: "config.json",
    env: {},
    readAsset: (path) => prompts[path],
    ...parts,
  });
}

export function load(file: unknown, parts: Parts = {}): Loaded {
  const result = parse(file, parts);
  if (!result.ok) assert.fail(describeNotes(result.fault));
  return result.value;
}

export function config(file: unknown, parts: Parts = {}): Config {
  return load(file, parts).config;
}

export function faults(file: unknown, parts: Parts = {}): ConfigNote[] {
  const result = parse(file, parts);
  assert.equal(result.ok, false, "this configuration must be refused");
  return result.ok ? [] : result.fault;
}

/** The note of that key. */
export function noteOf(notes: readonly ConfigNote[], key: string): ConfigNote {
  const note = notes.find((one) => one.key === key);
  if (!note) assert.fail(`no note on ${key} among:\n${describeNotes(notes)}`);
  return note;
}

/** The environment of a server that answers real callers. */
export const LIVE = {
  PUBLIC_HOST: "agent.example.com",
  TWILIO_AUTH_TOKEN: "0123456789abcdef0123456789abcdef",
  DEEPGRAM_API_KEY: "dg-key",
};
