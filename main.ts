/** Offhook answers the phone with an AI agent. The command line: each command is loaded when it is asked for. */

import { readArgs, wrongUsage } from "./lib/base/usage.ts";

const HELP = `offhook [COMMAND] [OPTIONS]

  serve     answer calls (this is what happens without a command)
  call      ring a running server with the built-in softphone
  check     say what is missing or wrong, and how to mend it
  routes    why an utterance is routed or not; how well the router does on a data set
  audio     make recordings of texts or WAV files, and look at them
  health    whether a server takes calls: 0 yes, 1 no, 3 nothing answers
  calls     list the calls that are kept
  show      tell one call: what was said and heard, and who was waited for
  forget    remove every call from a number
  help      this text; COMMAND --help for one command

Common options: --config FILE  --json  -h, --help  --version
`;

const SERVE_HELP = `offhook serve [--port N] [--host ADDR] [--rehearse] [--drain SECONDS] [--config FILE] [--json]
              [--watched]

Answers calls. Without any account set it rehearses: built-in stand-ins play the vendors.
--json: the log in JSON, as LOG_FORMAT=json has it.
--watched: the code is watched, as by the task dev: the first signal ends it at once.
`;

const HEALTH_HELP = `offhook health [--url URL] [--json]

Asks a server for its health, the one that PORT and BIND tell of if not said. Exit code 0 if it takes calls, 1 if it
does not, 3 if nothing answers.
`;

type Command = (args: string[]) => Promise<number>;

const print = (line: string) => console.log(line);
/** What cannot be told, as on a full disk below the log, ends nothing. */
const printError = (line: string) => {
  try {
    console.error(line.trimEnd());
  } catch {
    // nobody can be told of it
  }
};

/** What Deno Deploy takes for the log is what the console is told. */
const toConsole = (bytes: Uint8Array) => {
  printError(new TextDecoder().decode(bytes));
  return Promise.resolve(bytes.length);
};

const COMMANDS: Record<string, Command> = {
  async serve(args) {
    const read = readArgs({
      args,
      options: {
        port: { type: "string" },
        host: { type: "string" },
        rehearse: { type: "boolean" },
        drain: { type: "string" },
        config: { type: "string" },
        json: { type: "boolean" },
        watched: { type: "boolean" },
        help: { type: "boolean", short: "h" },
      },
    });
    if (!read.ok) return usage(read.fault);
    const { port, host, rehearse, drain, config, json, watched = false, help } = read.value.values;
    if (help) {
      print(SERVE_HELP);
      return 0;
    }
    const { RANGES } = await import("./lib/config.ts");
    for (const [name, value] of [["port", port], ["drain", drain]] as const) {
      const { min, max } = RANGES[name];
      if (value === undefined || (/^\d+$/.test(value) && Number(value) <= max)) continue;
      return usage(`--${name} takes a whole number from ${min} to ${max}, not "${value}"`);
    }
    if (config === "") return usage("--config takes a file");
    const { serve } = await import("./lib/serve.ts");
    const { LineWriter } = await import("./lib/line_writer.ts");
    const { systemClock } = await import("./lib/base/clock.ts");
    const { variable } = await import("./lib/permissions.ts");
    const write = variable("DENO_DEPLOYMENT_ID") ? toConsole : (bytes: Uint8Array) => Deno.stderr.write(bytes);
    await using lines = new LineWriter({ write, clock: systemClock });
    return await serve({
      lines,
      watched,
      file: config,
      flags: { rehearse, json, host, port: numberOf(port), drain: numberOf(drain) },
    });
  },

  async call(args) {
    const { call } = await import("./lib/ring.ts");
    return await call(args, { print, printError });
  },

  async check(args) {
    const { check } = await import("./lib/check.ts");
    return await check(args, { print, printError });
  },

  async routes(args) {
    const { routes } = await import("./lib/routes_command.ts");
    return await routes(args, { print, printError });
  },

  async audio(args) {
    const { audio } = await import("./lib/audio_command.ts");
    return await audio(args, { print, printError });
  },

  async health(args) {
    const read = readArgs({
      args,
      options: {
        url: { type: "string" },
        json: { type: "boolean" },
        config: { type: "string" }, // common to all commands; nothing of it is asked for here
        help: { type: "boolean", short: "h" },
      },
    });
    if (!read.ok) return usage(read.fault);
    const { url, json = false, help } = read.value.values;
    if (help) {
      print(HEALTH_HELP);
      return 0;
    }
    const { health, localUrl } = await import("./lib/health_command.ts");
    return await health(url ?? localUrl(printError), { print, printError, json });
  },

  calls: (args) => record("calls", args),
  show: (args) => record("show", args),
  forget: (args) => record("forget", args),

  help() {
    print(HELP);
    return Promise.resolve(0);
  },
};

function numberOf(text: string | undefined): number | undefined {
  return text === undefined ? undefined : Number(text);
}

async function record(name: "calls" | "show" | "forget", args: string[]): Promise<number> {
  const { records } = await import("./lib/records.ts");
  return await records(name, args, { print, printError });
}

function usage(why: string): number {
  return wrongUsage(why, { help: "See offhook --help.", json: Deno.args.includes("--json"), print, printError });
}

async function main(args: string[]): Promise<number> {
  const [first, ...rest] = args;
  if (first === "-h" || first === "--help") return await COMMANDS.help!(rest);
  const name = first === undefined || first.startsWith("-") ? "serve" : first;
  const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (!command) return usage(`There is no command "${name}".`);
  if (args.includes("--version")) {
    const { ownVersion } = await import("./lib/files.ts");
    print(ownVersion());
    return 0;
  }
  return await command(name === first ? rest : args);
}

/** The command's exit code; an error is printed and is a failure, although `serve` keeps stray errors from ending the process. */
async function codeOf(args: string[]): Promise<number> {
  try {
    return await main(args);
  } catch (error) {
    printError(error instanceof Error ? error.stack ?? error.message : String(error));
    return 1;
  }
}

if (import.meta.main) Deno.exit(await codeOf(Deno.args));
