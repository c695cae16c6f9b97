/** The functions that a model may call: the four built in, and those that ask a web server. Pure. */

import type * as z from "zod";
import { isObject } from "../base/json.ts";
import { type Add, addTo, choice, nearest, quote } from "./notes.ts";
import { objectOf, type Raw } from "./objects.ts";
import type { Line, ToolHttp, TransferDestination } from "./shape.ts";
import { placeholders, VARIABLES } from "./variables.ts";

/** What every tool may have: a description of its own for the model, and a line for the caller while it runs. */
interface ToolBase {
  name: string;
  description?: string;
  whileWaiting?: Line;
  /** Run only after the details were read back and the caller said yes. */
  confirm: boolean;
}

interface TransferTool extends ToolBase {
  kind: "transfer_call";
  /** By the name that the model, a route or the fallback uses. */
  to: Record<string, TransferDestination>;
  ringSeconds: number;
}

interface HttpTool extends ToolBase {
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

const BUILT_IN_TOOLS = ["end_call", "transfer_call", "collect_digits", "take_message"] as const;
type BuiltIn = (typeof BUILT_IN_TOOLS)[number];

interface RawTool extends ToolBase {
  parameters?: Record<string, unknown>;
  http?: ToolHttp;
  to?: Record<string, TransferDestination>;
  ringSeconds?: number;
}

type Context = z.core.$RefinementCtx<RawTool>;

/** Everything that is wrong with a tool as it stands in the file. */
export function checkTool(raw: RawTool, context: Context): void {
  const add = addTo(context);
  if (isBuiltIn(raw.name)) checkBuiltIn(raw, raw.name, add);
  else checkHttpTool(raw, add);
}

export function isBuiltIn(name: string): name is BuiltIn {
  return (BUILT_IN_TOOLS as readonly string[]).includes(name);
}

function checkBuiltIn({ to, ringSeconds, parameters, http }: RawTool, name: BuiltIn, add: Add): void {
  if (parameters) add("parameters", `stands with the built-in tool ${name}`, "Remove it: the tool brings its own.");
  if (http) add("http", `stands with the built-in tool ${name}`, "Remove it, or give the tool another name.");
  if (name === "transfer_call") {
    if (to !== undefined && Object.keys(to).length > 0) return;
    return add("to", "is missing", `Name who can be reached: "to": { "desk": { "number": "+15550142" } }.`);
  }
  if (to) add("to", `stands with the tool ${name}`, "Remove it: only transfer_call takes it.");
  if (ringSeconds !== undefined) {
    add("ringSeconds", `stands with the tool ${name}`, "Remove it: only transfer_call takes it.");
  }
}

function checkHttpTool({ name, description, parameters, http, to, ringSeconds }: RawTool, add: Add): void {
  if (to) add("to", "stands with a tool that is not transfer_call", "Remove it, or name the tool transfer_call.");
  if (ringSeconds !== undefined) add("ringSeconds", "stands with a tool that is not transfer_call", "Remove it.");
  const near = nearest(name, BUILT_IN_TOOLS);
  if (near !== undefined && http === undefined && parameters === undefined && description === undefined) {
    return add("name", `is ${quote(name)}, which is not built in`, `Did you mean "${near}"?`);
  }
  if (description === undefined) {
    add("description", "is missing", "Say in one sentence what the tool does, for the model.");
  }
  if (http === undefined) {
    add("http", "is missing", `Give it http.url: only ${BUILT_IN_TOOLS.join(", ")} need none.`);
  }
  if (parameters === undefined) {
    return add("parameters", "is missing", `Write a JSON Schema; for none: { "type": "object", "properties": {} }.`);
  }
  const declared = declaredParameters(parameters, add);
  if (http && declared) checkPlaceholders(http, declared, add);
}

/** A tool that `checkTool` has passed, by its kind. */
export function toTool(
  { name, description, whileWaiting, confirm, parameters, http, to, ringSeconds }: RawTool,
): ToolConfig {
  const base = {
    name,
    confirm,
    ...(description !== undefined && { description }),
    ...(whileWaiting !== undefined && { whileWaiting }),
  };
  if (http !== undefined) {
    return { ...base, kind: "http", description: description ?? "", parameters: parameters ?? {}, http };
  }
  if (to !== undefined) return { ...base, kind: "transfer_call", to, ringSeconds: ringSeconds ?? 20 };
  return { ...base, kind: name as Exclude<BuiltIn, "transfer_call"> }; // `checkTool` let no other name come here
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
  if (!isObject(properties)) {
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
    if (isObject(one)) checkTypes(one, `parameters.properties.${name}`, add);
    else add(`parameters.properties.${name}`, "is not a JSON Schema", `Write for example { "type": "string" }.`);
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

const TYPES = ["string", "number", "integer", "boolean", "object", "array", "null"];

/** An unknown type, or an array without `items`, makes the vendors refuse the whole list of tools. */
function checkTypes(schema: Raw, path: string, add: Add): void {
  for (const type of [schema.type ?? []].flat()) {
    if (!TYPES.includes(String(type))) add(`${path}.type`, `is ${quote(type)}`, choice(type, TYPES));
    if (type === "array" && schema.items === undefined) {
      add(`${path}.items`, "is missing", `Say of what: "items": { "type": "string" }.`);
    }
  }
  if (isObject(schema.items)) checkTypes(schema.items, `${path}.items`, add);
  for (const [name, one] of Object.entries(objectOf(schema.properties))) {
    if (isObject(one)) checkTypes(one, `${path}.properties.${name}`, add);
  }
}

function checkPlaceholders(http: ToolHttp, declared: string[], add: Add): void {
  const headers = Object.entries(http.headers).map(([name, value]) => [`http.headers.${name}`, value] as const);
  for (const [key, value] of [["http.url", http.url] as const, ...headers]) {
    for (const name of placeholders(value)) {
      if (declared.includes(name) || VARIABLES.includes(name) || name.startsWith("vars.")) continue;
      add(key, `uses {{${name}}}, which parameters does not declare`, declareRemedy(name, [...declared, ...VARIABLES]));
    }
  }
}

function declareRemedy(name: string, names: string[]): string {
  const near = nearest(name, names);
  return near === undefined ? `Declare it: parameters.properties.${name}.` : `Did you mean "${near}"?`;
}
