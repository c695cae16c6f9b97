/** The command line of `deno task bench --table`. Pure. */

import { parseArgs } from "node:util";
import { type Cores, coresOf, wholeNumber } from "./options.ts";
import { ROWS } from "./rows.ts";

export interface TableOptions {
  /** The built load generator; without it, phones in TypeScript, up to `PHONES_LIMIT`. */
  loadgen: string | undefined;
  /** An executable to measure, instead of the sources. */
  server: string | undefined;
  rounds: number;
  /** How long calls run before they are measured, s. */
  warm: number;
  seconds: number;
  rows: string[];
  /** For the search of how many calls a core carries: the first guess, and how finely. */
  first: number;
  step: number;
  /** The common Node server, a bare bridge on Deno, or nothing beside ours. */
  peer: "node" | "bare" | undefined;
  cores: Cores | undefined;
  json: boolean;
  help: boolean;
}

/** More calls than these are too many for phones in TypeScript on one core. */
export const PHONES_LIMIT = 100;

export const TABLE_HELP =
  `deno task bench --table [--loadgen PATH] [--server dist/offhook] [--rounds 5] [--warm 4] [--seconds 8] [--only ROW,ROW]
                        [--first 300] [--step 50] [--no-peer | --bare] [--cores 0,1] [--json]

Fills the table of speed: each figure is the median of the rounds, ours and the peer's in turns.

  --loadgen PATH   the load generator in C, built; without it rows of more than ${PHONES_LIMIT} calls are left out
  --server PATH    the executable to measure, instead of main.ts (deno task compile)
  --rounds N       how often each figure is taken
  --warm S         how long the calls of a run are up before it is measured: V8 compiles in the first 15 s
  --seconds S      how long it is measured
  --only ROWS      these rows: ${ROWS.map(({ name }) => name).join(", ")}
  --first N        calls on one core: the first guess
  --step N         and how finely it is looked for
  --no-peer        without the common Node server (needs node and npm)
  --bare           in the peer's place the bridge alone on Deno (tests/bench/bare_bridge.ts): what the runtime costs
  --cores A,B      the server on core A, everything else on B
  --json           one JSON document on stdout, everything else on stderr
`;

/** @returns the options, or what is wrong with them. */
export function parseTableOptions(args: string[]): TableOptions | string {
  let values: Record<string, string | boolean | undefined>;
  try {
    ({ values } = parseArgs({ args, strict: true, allowPositionals: false, options: OPTIONS }));
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
  const faults: string[] = [];
  const whole = (name: "rounds" | "warm" | "seconds" | "first" | "step", most: number) =>
    wholeNumber(name, String(values[name]), { least: 1, most, faults });
  const known = ROWS.map(({ name }) => name);
  const rows = values.only === undefined ? known : String(values.only).split(",");
  for (const row of rows) {
    if (!known.includes(row)) faults.push(`--only does not know "${row}". Rows: ${known.join(", ")}`);
  }
  const cores = coresOf(values.cores as string | undefined, faults);
  const options: TableOptions = {
    loadgen: values.loadgen as string | undefined,
    server: values.server as string | undefined,
    rounds: whole("rounds", 99),
    warm: whole("warm", 600),
    seconds: whole("seconds", 600),
    rows,
    first: whole("first", 2000),
    step: whole("step", 500),
    peer: values.bare ? "bare" : values["no-peer"] ? undefined : "node",
    cores,
    json: values.json === true,
    help: values.help === true,
  };
  return faults.length > 0 ? faults.join("\n") : options;
}

const OPTIONS = {
  "table": { type: "boolean" },
  "loadgen": { type: "string" },
  "server": { type: "string" },
  "rounds": { type: "string", default: "5" },
  "warm": { type: "string", default: "4" },
  "seconds": { type: "string", default: "8" },
  "first": { type: "string", default: "300" },
  "step": { type: "string", default: "50" },
  "only": { type: "string" },
  "no-peer": { type: "boolean" },
  "bare": { type: "boolean" },
  "cores": { type: "string" },
  "json": { type: "boolean" },
  "help": { type: "boolean", short: "h" },
} as const;
