/** The command line of the bench. Pure. */

import { parseArgs } from "node:util";

/** The core that the server runs on, and that of phones and vendors: the same one, if it must be shared. */
export interface Cores {
  server: number;
  rest: number;
}

export interface BenchOptions {
  calls: number[];
  seconds: number;
  /** A running server, instead of a child of ours. */
  url: string | undefined;
  /** Where the agent stand-in waits for a running server. */
  agentPort: number;
  /** The running server's process, for its CPU and memory. */
  pid: number | undefined;
  json: boolean;
  peer: boolean;
  rounds: number;
  tls: boolean;
  /** The cores of the server and of everything else; undefined: 0 and 1 where they are. */
  cores: Cores | undefined;
  stallMs: number;
  stallEverySeconds: number;
  help: boolean;
}

export const HELP = `deno task bench [--calls 1,10,50] [--seconds 30] [--json] [--peer [--rounds 2]] [--tls]
                [--stall-ms 130 [--stall-every 10]] [--url URL [--agent-port 5001] [--pid N]] [--cores 0,1]
deno task bench --table [--loadgen PATH] ...      the whole table of speed; see --table --help

Phones and an agent stand-in, in processes of their own, call a server and count every frame.

  --calls LIST       calls at once, one run for each number
  --seconds S        how long is measured, after a warm-up
  --peer             also a common Node server (tests/bench/peers), in turns with ours, and the ratio; needs node and npm
  --rounds N         turns of ours and the peer (default 2: A B A B)
  --tls              the agent over wss with a certificate made for this run; needs openssl
  --stall-ms MS      hold our server's event loop up for MS, every --stall-every seconds (default 10)
  --cores A,B        pin the server to core A and everything else to B (default 0,1)
  --url URL          a server that runs already; start it with
                     DEEPGRAM_API_KEY=k DEEPGRAM_AGENT_URL=ws://127.0.0.1:5001/v1/agent/converse MAX_CALLS=5000
  --agent-port N     where the stand-in of the agent waits for it (default 5001)
  --pid N            its process, to read CPU and memory
  --json             one JSON document on stdout, everything else on stderr
`;

/** @returns the options, or what is wrong with them. */
export function parseOptions(args: string[]): BenchOptions | string {
  let values: Record<string, string | boolean | undefined>;
  try {
    ({ values } = parseArgs({ args, strict: true, allowPositionals: false, options: OPTIONS }));
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
  const faults: string[] = [];
  const whole = (name: keyof typeof OPTIONS, least: number, most: number) =>
    wholeNumber(name, String(values[name]), { least, most, faults });
  const calls = String(values.calls).split(",").map(Number);
  if (!calls.every((n) => Number.isInteger(n) && n >= 1 && n <= 2000)) {
    faults.push(`--calls takes whole numbers from 1 to 2000, not "${values.calls}"`);
  }
  const cores = coresOf(values.cores as string | undefined, faults);
  const url = values.url as string | undefined;
  if (url !== undefined && !/^(http|ws):\/\//.test(url)) faults.push(`--url takes http://… or ws://…, not "${url}"`);
  if (url !== undefined && (values.peer || values.tls || values["stall-ms"] !== "0")) {
    faults.push("--peer, --tls and --stall-ms are for a server that the bench starts itself, so not with --url");
  }
  const options: BenchOptions = {
    calls,
    seconds: whole("seconds", 1, 3600),
    url,
    agentPort: whole("agent-port", 1, 65_535),
    pid: values.pid === undefined ? undefined : whole("pid", 1, 4_194_304),
    json: values.json === true,
    peer: values.peer === true,
    rounds: whole("rounds", 1, 20),
    tls: values.tls === true,
    cores,
    stallMs: whole("stall-ms", 0, 5000),
    stallEverySeconds: whole("stall-every", 1, 3600),
    help: values.help === true,
  };
  return faults.length > 0 ? faults.join("\n") : options;
}

/** The value of the option `name`; NaN, and a fault, if it is none of those allowed. */
export function wholeNumber(
  name: string,
  text: string,
  { least, most, faults }: { least: number; most: number; faults: string[] },
): number {
  const value = /^\d+$/.test(text) ? Number(text) : NaN;
  if (!(value >= least && value <= most)) {
    faults.push(`--${name} takes a whole number from ${least} to ${most}, not "${text}"`);
  }
  return value;
}

/** `A,B` as cores; undefined, and a fault, if it is not that. */
export function coresOf(text: string | undefined, faults: string[]): Cores | undefined {
  if (text === undefined) return undefined;
  const found = /^(\d+),(\d+)$/.exec(text);
  if (found) return { server: Number(found[1]), rest: Number(found[2]) };
  faults.push(`--cores takes two numbers of cores, as 0,1, not "${text}"`);
  return undefined;
}

const OPTIONS = {
  "calls": { type: "string", default: "1,10,50" },
  "seconds": { type: "string", default: "30" },
  "url": { type: "string" },
  "agent-port": { type: "string", default: "5001" },
  "pid": { type: "string" },
  "json": { type: "boolean" },
  "peer": { type: "boolean" },
  "rounds": { type: "string", default: "2" },
  "cores": { type: "string" },
  "tls": { type: "boolean" },
  "stall-ms": { type: "string", default: "0" },
  "stall-every": { type: "string", default: "10" },
  "help": { type: "boolean", short: "h" },
} as const;
