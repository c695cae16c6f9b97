/** The functions that a model may call: the four built in, and those that ask a web server. Pure. */

import { z } from "zod";
import { nearest, says } from "./notes.ts";
import type { Line, ToolHttp, TransferDestination } from "./shape.ts";
import { placeholders, VARIABLES } from "./variables.ts";

/** What every tool may say for itself: a description of its own for the model, and a line for the caller meanwhile. */
interface ToolBase {
  name: string;
  description?: string;
  whileWaiting?: Line;
}

export interface TransferTool extends ToolBase {
  kind: "transfer_call";
  /** By the name that the model, a route or the fallback uses. */
  to: Record<string, TransferDestination>;
  ringSeconds: number;
}

export interface HttpTool extends ToolBase {
  kind: "http";
  description: string;
  /** JSON Schema of an object. */
  parameters: Record<string, unknown>;
  /** `GET` and `DELETE` carry the arguments in the address only, the others also as a JSON body. */
  http: ToolHttp;
}

export type ToolConfig =
  | (ToolBase & { kind: "end_call" | "collect_digits" | "take_message" })
  | TransferTool
  | HttpTool;

export const BUILT_IN_TOOLS = ["end_call", "transfer_call", "collect_digits", "take_message"] as const;
type BuiltIn = (typeof BUILT_IN_TOOLS)[number];

interface RawTool extends ToolBase {
  parameters?: Record<string, unknown>;
  http?: ToolHttp;
  to?: Record<string, TransferDestination>;
  ringSeconds?: number;
}

type Context = z.core.$RefinementCtx<RawTool>;
type Add = (key: string, problem: string, remedy: string) => void;

/** A tool as it stands in the file -> its kind. All its faults are added to `context`. */
export function toTool(raw: RawTool, context: Context): ToolConfig {
  let faults = 0;
  const add: Add = (key, problem, remedy) => {
    faults++;
    context.addIssue({ code: "custom", path: key === "" ? [] : key.split("."), message: says(problem, remedy) });
  };
  const tool = isBuiltIn(raw.name) ? builtIn(raw, raw.name, add) : httpTool(raw, add);
  return faults === 0 && tool !== undefined ? tool : z.NEVER;
}

function isBuiltIn(name: string): name is BuiltIn {
  return (BUILT_IN_TOOLS as readonly string[]).includes(name);
}

function builtIn(raw: RawTool, name: BuiltIn, add: Add): ToolConfig | undefined {
  const { to, ringSeconds, parameters, http, ...base } = raw;
  if (parameters) add("parameters", `stands with the built-in tool ${name}`, "Remove it: the tool brings its own.");
  if (http) add("http", `stands with the built-in tool ${name}`, "Remove it, or give the tool another name.");
  if (name !== "transfer_call") {
    if (to) add("to", `stands with the tool ${name}`, "Only transfer_call takes it.");
    if (ringSeconds !== undefined) add("ringSeconds", `stands with the tool ${name}`, "Only transfer_call takes it.");
    return { ...base, kind: name };
  }
  if (to === undefined || Object.keys(to).length === 0) {
    add("to", "is missing", `Name who can be reached: "to": { "desk": { "number": "+15550142" } }.`);
    return undefined;
  }
  return { ...base, kind: name, to, ringSeconds: ringSeconds ?? 20 };
}

function httpTool(raw: RawTool, add: Add): HttpTool | undefined {
  const { description, parameters, http, to, ringSeconds, ...base } = raw;
  if (to) add("to", "stands with a tool that is not transfer_call", "Remove it, or name the tool transfer_call.");
  if (ringSeconds !== undefined) add("ringSeconds", "stands with a tool that is not transfer_call", "Remove it.");
  if (description === undefined) {
    add("description", "is missing", "Say in one sentence what the tool does, for the model.");
  }
  if (http === undefined) {
    const near = nearest(raw.name, BUILT_IN_TOOLS);
    const meant = near === undefined ? "" : `Did you mean the built-in "${near}"? `;
    add("http", "is missing", `${meant}Give it http.url: only ${BUILT_IN_TOOLS.join(", ")} need none.`);
  }
  const declared = parameters === undefined ? undefined : declaredParameters(parameters, add);
  if (parameters === undefined) {
    add("parameters", "is missing", `Write a JSON Schema; for none: { "type": "object", "properties": {} }.`);
  }
  if (http && declared) checkPlaceholders(http, declared, add);
  if (description === undefined || parameters === undefined || http === undefined) return undefined;
  return { ...base, kind: "http", description, parameters, http };
}

/** The names that a JSON Schema declares, or undefined if it is not one of an object. */
function declaredParameters(schema: Record<string, unknown>, add: Add): string[] | undefined {
  if (schema.type !== "object") {
    add(
      "parameters.type",
      schema.type === undefined ? "is missing" : `is ${JSON.stringify(schema.type)}`,
      `Write "object": a model calls a tool with named arguments.`,
    );
    return undefined;
  }
  const properties = schema.properties ?? {};
  if (typeof properties !== "object" || properties === null || Array.isArray(properties)) {
    add(
      "parameters.properties",
      "is not an object",
      `Write one JSON Schema per argument: { "day": { "type": "string" } }.`,
    );
    return undefined;
  }
  const names = Object.keys(properties);
  for (const name of names) {
    const one: unknown = (properties as Record<string, unknown>)[name];
    if (typeof one === "object" && one !== null && !Array.isArray(one)) continue;
    add(`parameters.properties.${name}`, "is not a JSON Schema", `Write for example { "type": "string" }.`);
  }
  const required: unknown = schema.required ?? [];
  if (!Array.isArray(required)) {
    add(
      "parameters.required",
      "is not a list",
      `Write a list of names: [${names.map((name) => `"${name}"`).join(", ")}].`,
    );
  } else {
    for (const name of required) {
      if (names.includes(String(name))) continue;
      add(
        "parameters.required",
        `names ${JSON.stringify(name)}, which properties does not declare`,
        declareRemedy(String(name), names),
      );
    }
  }
  return names;
}

function checkPlaceholders(http: ToolHttp, declared: string[], add: Add): void {
  const places: [string, string][] = [
    ["http.url", http.url],
    ...Object.entries(http.headers).map(([name, value]): [string, string] => [`http.headers.${name}`, value]),
  ];
  for (const [key, value] of places) {
    for (const name of placeholders(value)) {
      if (declared.includes(name) || (VARIABLES as readonly string[]).includes(name) || name.startsWith("vars.")) {
        continue;
      }
      add(key, `uses {{${name}}}, which parameters does not declare`, declareRemedy(name, [...declared, ...VARIABLES]));
    }
  }
}

function declareRemedy(name: string, names: string[]): string {
  const near = nearest(name, names);
  return near === undefined ? `Declare it: parameters.properties.${name}.` : `Did you mean "${near}"?`;
}
