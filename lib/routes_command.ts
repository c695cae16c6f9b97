/** `offhook routes`: why an utterance is routed or not, and how well the router does on a public data set. */

import { failure, readArgs, type Terminal, wrongUsage } from "./base/usage.ts";
import { describeNotes } from "./config.ts";
import { loadConfig } from "./load.ts";
import { isForbidden, whyNotRead } from "./permissions.ts";
import { Routers } from "./routers.ts";
import { runEval } from "./routing/eval.ts";
import { runFewShot } from "./routing/few_shot.ts";
import { explain } from "./routing/router.ts";

const ROUTES_HELP = `offhook routes test TEXT [--config FILE] [--json]
offhook routes eval --data FILE [--threshold-on val] [--few-shot] [--json]

test    what the routes of config.json make of TEXT: score, threshold, nearest example. Exit code 0 if a route answers,
        1 if none does
eval    trains on a data set (CLINC150's JSON, or a folder with train.csv and test.csv) and prints accuracy, rejection
        and times. --few-shot: 200 draws of 3 intents with 5 examples each, as configurations have them
`;

/** Run it. @returns the exit code: 0 routed or evaluated, 1 no route or no data, 2 wrong usage. */
export async function routes(args: string[], { print, printError }: Terminal): Promise<number> {
  const usage = (why: string) =>
    wrongUsage(why, { help: "See offhook routes --help.", json: args.includes("--json"), print, printError });
  const read = readArgs({
    args,
    options: {
      "data": { type: "string" },
      "threshold-on": { type: "string" },
      "few-shot": { type: "boolean" },
      "config": { type: "string" },
      "json": { type: "boolean" },
      "help": { type: "boolean", short: "h" },
    },
    allowPositionals: true,
  });
  if (!read.ok) return usage(read.fault);
  const { values, positionals: [command, ...words] } = read.value;
  const { data, "threshold-on": thresholdOn, "few-shot": fewShot, config: file, json = false, help } = values;
  const fail = (error: string) => failure(error, { json, print, printError });
  if (help) {
    print(ROUTES_HELP);
    return 0;
  }
  if (command === "test") {
    if (words.length === 0) return usage('Say what to test, for example: routes test "how much is it"');
    return await testRoutes(words.join(" "), { file, json, print, fail });
  }
  if (command === undefined) return usage("routes takes a command: test or eval.");
  if (command !== "eval") return usage(`There is no command "routes ${command}".`);
  if (data === undefined || words.length > 0) return usage("routes eval takes the data set as --data FILE");
  try {
    if (fewShot) await runFewShot({ file: data, json, print });
    else await runEval({ file: data, json, print, ...(thresholdOn === undefined ? {} : { thresholdOn }) });
    return 0;
  } catch (error) {
    const { message, cause } = error instanceof Error ? error : new Error(String(error));
    return fail(isForbidden(cause) ? `Cannot read ${data}: ${whyNotRead(cause)}` : message);
  }
}

async function testRoutes(
  text: string,
  { file, json, print, fail }: Pick<Terminal, "print"> & {
    fail: (why: string) => number;
    file: string | undefined;
    json: boolean;
  },
): Promise<number> {
  const loaded = loadConfig({ file, flags: { rehearse: true } }); // routes need no account
  if (!loaded.ok) return fail(describeNotes(loaded.fault));
  const { config } = loaded.value;
  if (!config.base.routerEnabled) {
    return fail("Routes are off. Remove ROUTER_ENABLED from the environment, or set it to true.");
  }
  const routers = new Routers();
  await routers.train(config);
  const router = routers.of(config.base);
  if (!router) return fail(`${file ?? "config.json"} has no routes.`);
  const decision = router.decide(text);
  const { route = null, score, threshold, nearest = null, ranked } = decision;
  print(json ? JSON.stringify({ schema: 1, text, route, score, threshold, nearest, ranked }) : explain(decision));
  return route === null ? 1 : 0;
}
