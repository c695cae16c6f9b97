/** What can be seen without the network: configuration, Deno, recordings, the data folder, the token of the administrator. Pure. */

import { readRecording } from "../audio/recording.ts";
import { type Config, type ConfigNote, linesOf } from "../config.ts";
import { type CheckItem, fine, warn, wrong } from "./item.ts";

/** Faults and warnings of the configuration, or that it has none. `file` is its name, `text` what it says, if there is one. */
export function configItems(
  { file, text, isOurs = false, faults, warnings }: {
    file: string;
    text: string | undefined;
    /** Whether the program brings it along. */
    isOurs?: boolean;
    faults: readonly ConfigNote[];
    warnings: readonly ConfigNote[];
  },
): CheckItem[] {
  const told = warnings.filter((note) => !isMissingRecording(note));
  const own = [...faults, ...told].some((note) => note.file !== "environment");
  const whole = text !== undefined
    ? fine(file, isOurs ? "the program's own: none is in this folder" : "read")
    : warn(file, "is not there: a built-in minimum answers", 'Write one: {"prompt": "…"} is enough.');
  return [
    ...(own ? [] : [whole]),
    ...faults.map((note) => wrong(nameOf(note), note.problem, note.remedy)),
    ...told.map((note) => warn(nameOf(note), note.problem, note.remedy)),
  ];
}

/** A line that is spoken instead: all of them are told together, by `recordingItems`. */
function isMissingRecording({ key, remedy }: ConfigNote): boolean {
  return key.endsWith(".audio") && remedy.startsWith("The text will be spoken");
}

function nameOf({ file, key }: ConfigNote): string {
  return file === "environment" ? key : key ? `${file} ${key}` : file;
}

/** Deno Deploy documents 2.5; 2.6.8 and 2.9.6 are the ones we test. */
const OLDEST = [2, 5] as const;

export function denoItem(version: string): CheckItem {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  if (major > OLDEST[0] || (major === OLDEST[0] && minor >= OLDEST[1])) return fine("Deno", version);
  return wrong("Deno", `${version} is too old`, `Install ${OLDEST.join(".")} or later: deno upgrade`);
}

export function adminItem({ server }: Config): CheckItem {
  const finding = server.adminToken
    ? "set: /calls and /metrics are open to its bearer"
    : "not set: /calls is off, /metrics for this machine only";
  return fine("ADMIN_TOKEN", finding);
}

/** `problem`: why records cannot be kept in `folder`; `memory`: why they are kept in memory. */
export function dataItem(folder: string, { problem, memory }: { problem?: string; memory?: string }): CheckItem {
  if (problem) {
    const [finding = "", remedy = "Name a folder that this user may write."] = problem.split(/(?<=\.) /, 2);
    return wrong("DATA_DIR", finding.replace(/\.$/, ""), remedy);
  }
  if (memory) {
    return warn(
      "DATA_DIR",
      `records are kept in memory and lost at the end: ${memory}`,
      "Start Deno with --allow-write=./data",
    );
  }
  return fine("DATA_DIR", `${folder} can be written`);
}

/** The recordings that the configuration names: which are missing, and whether the others are what they should be. */
export function recordingItems(config: Config, read: (path: string) => Uint8Array | undefined): CheckItem[] {
  const lines = [config.base, ...Object.values(config.numbers)].flatMap(linesOf);
  const names = [...new Set(lines.flatMap(({ audio }) => audio ?? []))];
  const missing: string[] = [];
  const odd = names.flatMap((name) => {
    const path = `assets/audio/${name}.mulaw`;
    const bytes = read(path);
    if (bytes) return recordingNotes(path, bytes);
    missing.push(name);
    return [];
  });
  if (names.length === 0) return [];
  if (missing.length === 0) return [...odd, fine("recordings", `all ${names.length} are there`)];
  const finding = `${missing.length} of ${names.length} are missing, and their text is spoken instead: ${
    missing.join(", ")
  }`;
  return [...odd, warn("recordings", finding, "To record them, run: offhook audio build")];
}

/** A sentence of `readRecording` begins with the path, and its last part is the remedy. */
function recordingNotes(path: string, bytes: Uint8Array): CheckItem[] {
  const recording = readRecording(bytes, path);
  const notes = recording.ok ? recording.value.warnings : [recording.fault];
  return notes.map((note) => {
    const [finding = "", ...remedy] = note.replace(`${path} `, "").split(/(?<=\.) /);
    return (recording.ok ? warn : wrong)(path, finding.replace(/\.$/, ""), remedy.join(" "));
  });
}
