/** What `serve` says first: where it is reached, what is real, what is not, and what turns it on. Pure. */

import { DEFAULT_PORT } from "./base/port.ts";
import { isLoopbackHost, urlHere } from "./base/url.ts";
import { type Config, type VendorKey, vendorKeys } from "./config.ts";
import { limitsOf } from "./unsigned.ts";

export interface BannerFacts {
  port: number;
  version: string;
  /** Whether we run as the executable: it has no tasks. */
  standalone?: boolean;
}

export function banner(config: Config, facts: BannerFacts): string {
  const { port, version, standalone = Deno.build.standalone } = facts;
  const { server, base, keys, rehearsal, rehearsalAsked } = config;
  const host = server.publicHost;
  const here = urlHere(server.bind, port);
  const lines = [
    `Offhook ${version} answers for ${base.name}, ${base.engine} engine.`,
    `  here      ${here}`,
    host
      ? `  webhook   https://${host}/incoming-call (POST): set it for your number in Twilio's console`
      : `  webhook   set PUBLIC_HOST to your public host name to take real calls`,
  ];
  const numbers = Object.keys(config.numbers);
  if (numbers.length > 0) lines.push(`  numbers   ${numbers.join(", ")} have settings of their own`);
  if (!base.greeting) {
    lines.push('  greeting  none, so the caller has to speak first; set "greeting" in the configuration');
  }
  if (rehearsal) {
    const why = rehearsalAsked ? "as --rehearse asks" : "as neither PUBLIC_HOST nor any TWILIO_ variable is set";
    lines.push("", `REHEARSAL, ${why}: built-in stand-ins play the vendors that have no key.`);
    for (const { vendor, variable, missing } of vendorsOf(config)) {
      lines.push(
        missing
          ? `  ${vendor} is a stand-in; ${variable} in .env turns the real one on`
          : `  ${vendor} is the real one, and its calls may cost money`,
      );
    }
    const tools = idleTools(config);
    if (tools.length > 0) lines.push(`  No stand-in calls tools of your own: ${tools.join(", ")}`);
    const call = `${standalone ? "offhook" : "deno task"} call${
      here === `http://localhost:${DEFAULT_PORT}` ? "" : ` ${here}`
    }`;
    lines.push(`  Ring it from another terminal: ${call} --say "who are you"`);
    if (isLoopbackHost(new URL(here).host)) lines.push(`  Or talk to it in a browser: ${here}`);
  }
  if (!keys.twilioAuthToken) {
    const { callsAtOnce, minutesPerDay } = limitsOf(config, { strangers: true });
    lines.push(
      "",
      "NOT PROTECTED: without TWILIO_AUTH_TOKEN anybody can pose as Twilio.",
      rehearsalAsked
        ? "  --rehearse takes all calls, wherever they come from."
        : `  Once another machine rings, at most ${callsAtOnce} calls at once and ${minutesPerDay} minutes a day are taken.`,
    );
  }
  return lines.join("\n");
}

/** Tools of the user's own that no real model could call, for a stand-in thinks. */
function idleTools(config: Config): string[] {
  const names = [config.base, ...Object.values(config.numbers)].flatMap((call) => {
    const thinking = vendorKeys(config, call).filter(({ path }) =>
      path === "agent" || path.startsWith("pipeline.think")
    );
    if (!thinking.every(({ missing }) => missing)) return [];
    return call.tools.filter(({ kind }) => kind === "http").map(({ name }) => name);
  });
  return [...new Set(names)];
}

/** The vendors of all calls, each once; a model that only finds facts counts where it is a real one. */
function vendorsOf(config: Config): VendorKey[] {
  const keys = [config.base, ...Object.values(config.numbers)].flatMap((call) => {
    const { summary, fields } = call.extraction;
    const models = summary || Object.keys(fields).length > 0
      ? vendorKeys(config, { ...call, engine: "pipeline" })
        .filter(({ path, missing }) => path.startsWith("pipeline.think") && !missing)
      : [];
    return [...vendorKeys(config, call), ...models];
  });
  return [...new Map(keys.map((key) => [key.variable, key])).values()];
}
