/** Whether Twilio takes our account, and whether its numbers send their calls here; `fix` makes them. Twilio reference, section 5.4. */

import { isLoopbackHost } from "../base/url.ts";
import type { Config } from "../config.ts";
import { type NumberHooks, type PhoneNumber, type TwilioRest, twilioRest } from "../phone/twilio_rest.ts";
import { attempt, faultItem, isUnauthorised, type Reach } from "./attempt.ts";
import { type CheckItem, fine, standIn, warn, wrong } from "./item.ts";

const TOKEN = "TWILIO_AUTH_TOKEN";
const SID = "TWILIO_ACCOUNT_SID";

/** Everything about Twilio. `fix`: point the numbers that are ours here. */
export async function checkTwilio(
  reach: Reach,
  config: Config,
  { offline, fix }: { offline: boolean; fix: boolean },
): Promise<CheckItem[]> {
  const { twilioAccountSid: accountSid, twilioAuthToken: authToken } = config.keys;
  if (!authToken || !accountSid) return missing(config);
  if (offline) return [fine(SID, "set, not tried"), fine(TOKEN, "set, not tried")];
  return await attempt(reach, SID, async (signal) => {
    const rest = twilioRest({ ...reach, accountSid, authToken, baseUrl: config.urls.twilioApi });
    const listed = await rest.numbers(signal);
    if (!listed.ok) return [accountItem(listed.fault)];
    const account = [fine(SID, "Twilio knows it"), fine(TOKEN, "Twilio takes it")];
    return [...account, ...await checkNumbers(rest, config, { numbers: listed.value, fix, signal })];
  });
}

function missing(config: Config): CheckItem[] {
  const { twilioAccountSid: accountSid, twilioAuthToken: authToken } = config.keys;
  if (!authToken && config.rehearsal) {
    return [standIn(TOKEN, "not set: the softphone plays Twilio", "Set it with PUBLIC_HOST to answer real calls.")];
  }
  const items: CheckItem[] = [];
  if (!authToken) {
    const finding = "not set: anybody can pose as Twilio, so 3 calls at once and 60 minutes a day are taken";
    items.push(warn(TOKEN, finding, "Copy the Auth Token from Twilio's console."));
  }
  if (!accountSid) {
    items.push(
      warn(SID, "not set: calls cannot be transferred or looked up", "Copy the Account SID from Twilio's console."),
    );
  }
  return items;
}

function accountItem(fault: Parameters<typeof faultItem>[1]): CheckItem {
  if (!isUnauthorised(fault)) return faultItem(SID, fault);
  const remedy = `Copy both from Twilio's console: ${SID} and the primary ${TOKEN} of the same account.`;
  return wrong(TOKEN, "Twilio refuses it for this TWILIO_ACCOUNT_SID", remedy);
}

interface Numbers {
  numbers: readonly PhoneNumber[];
  fix: boolean;
  signal: AbortSignal;
}

async function checkNumbers(rest: TwilioRest, config: Config, { numbers, fix, signal }: Numbers): Promise<CheckItem[]> {
  const host = config.server.publicHost;
  if (!host) return [];
  const hooks = hooksAt(host);
  const ours = oursAmong(numbers, config, hooks);
  const absent = Object.keys(config.numbers).filter((e164) => !numbers.some((number) => number.e164 === e164));
  const strangers = absent.map((e164) =>
    warn(`numbers.${e164}`, "is no number of this Twilio account", "Correct the number, or remove its settings.")
  );
  if (ours.length === 0) return [...strangers, nothingOurs(numbers, hooks)];
  const checked = await Promise.all(ours.map(async (number) => {
    if (!fix || pointsHere(number, hooks)) return numberItems(number, hooks);
    const updated = await rest.updateNumber(number.e164, hooks, signal);
    if (!updated.ok) return [faultItem(number.e164, updated.fault)];
    const items = numberItems(updated.value, hooks);
    return items.map((item) => item.state === "ok" ? fine(item.name, "points here now") : item);
  }));
  return [...strangers, ...checked.flat()];
}

function hooksAt(host: string): Required<NumberHooks> {
  const base = `${isLoopbackHost(host) ? "http" : "https"}://${host}`;
  const voiceUrl = `${base}/incoming-call`;
  return { voiceUrl, fallbackUrl: voiceUrl, statusCallbackUrl: `${base}/call-status` };
}

/** The numbers that the configuration names, those that point here, and the only one there is. */
function oursAmong(numbers: readonly PhoneNumber[], config: Config, hooks: NumberHooks): PhoneNumber[] {
  const ours = numbers.filter((number) =>
    Object.hasOwn(config.numbers, number.e164) || isOurVoiceUrl(number.voiceUrl, hooks)
  );
  return ours.length > 0 || numbers.length !== 1 ? ours : [...numbers];
}

function nothingOurs(numbers: readonly PhoneNumber[], { voiceUrl }: NumberHooks): CheckItem {
  if (numbers.length === 0) {
    return wrong("numbers", "this Twilio account has no phone number", "Buy one in Twilio's console.");
  }
  const finding = `none of the account's ${numbers.length} numbers points here`;
  const remedy =
    `Set the voice URL of one to ${voiceUrl} in Twilio's console, or name it under "numbers" in the configuration and run: offhook check --fix`;
  return wrong("numbers", finding, remedy);
}

function numberItems(number: PhoneNumber, hooks: Required<NumberHooks>): CheckItem[] {
  const { e164, trunkSid, applicationSid, voiceUrl } = number;
  const byHand = "Or run: offhook check --fix";
  if (trunkSid) {
    return [
      wrong(
        e164,
        "its calls go to a SIP trunk, not to our webhook",
        "Remove the trunk from the number in Twilio's console.",
      ),
    ];
  }
  if (applicationSid) {
    const remedy = `Set its voice URL to ${hooks.voiceUrl} instead of the application. ${byHand}`;
    return [wrong(e164, "its calls go to a TwiML application, not to our webhook", remedy)];
  }
  if (!isOurVoiceUrl(number.voiceUrl, hooks)) {
    const finding = voiceUrl ? `its calls go to ${withoutQuery(voiceUrl)}` : "it has no voice URL";
    return [wrong(e164, finding, `Set its voice URL to ${hooks.voiceUrl} (POST). ${byHand}`)];
  }
  const here = {
    voice: true,
    fallback: isOurVoiceUrl(number.fallbackUrl, hooks),
    status: number.statusCallbackUrl === hooks.statusCallbackUrl,
  };
  const lacks = (["fallback", "status"] as const).filter((url) => !here[url]).map((url) => `${url} URL`);
  const byGet = number.byGet.filter((url) => here[url]).map((url) => `${url} URL`);
  const buts = [
    ...(lacks.length > 0 ? [`its ${together(lacks)} ${lacks.length === 1 ? "does" : "do"} not`] : []),
    ...(byGet.length > 0
      ? [`its ${together(byGet)} ${byGet.length === 1 ? "is" : "are"} asked with GET, not POST`]
      : []),
  ];
  if (buts.length === 0) return [fine(e164, "its calls come here")];
  return [warn(e164, `its calls come here, but ${buts.join(", and ")}`, "To set them, run: offhook check --fix")];
}

function together(names: string[]): string {
  return names.join(", ").replace(/, (?=[^,]*$)/, " and ");
}

function isOurVoiceUrl(url: string, { voiceUrl: own }: NumberHooks): boolean {
  return [own, own.replace(/\/incoming-call$/, "/twiml")].includes(withoutQuery(url));
}

/** Nothing is left for `fix` to do. */
function pointsHere(number: PhoneNumber, hooks: Required<NumberHooks>): boolean {
  return numberItems(number, hooks).every(({ state }) => state === "ok");
}

/** Without what may be a password in it. */
function withoutQuery(url: string): string {
  return url.replace(/[?#].*$/s, "").replace(/\/\/[^/@]*@/, "//");
}
