/** What becomes of a call's notices: facts found in them, the store, the webhook. */

import { CallWebhook } from "./call_webhook.ts";
import type { Clock } from "./base/clock.ts";
import type { CallNotice } from "./call/notice.ts";
import { type Config, forNumber } from "./config.ts";
import { dayOf } from "./extraction/spoken.ts";
import { fieldsOf } from "./extraction/facts.ts";
import { FactFinder, type FactPlan } from "./fact_finder.ts";
import { callModel } from "./pipeline_plan.ts";
import { describeStoreReport, Store } from "./store.ts";
import { CALLS_FILE, keepToOurselves, OWN_FOLDER, recordingFile, RECORDINGS } from "./store/place.ts";
import { withCost } from "./store/prices.ts";
import { withoutWords } from "./store/privacy.ts";
import { CallRecorder } from "./store/recorder.ts";
import { log } from "./telemetry/log.ts";

export interface KeepingParts {
  config: () => Config;
  clock: Clock;
  fetch: (request: Request) => Promise<Response>;
  /** Where records are kept; undefined: in memory. */
  folder: string | undefined;
  /** Tells this run of the program from others. */
  process: string;
  /** Counts notices that could not be kept. */
  lost: (count: number) => void;
  /** Takes our own notices to every observer. */
  report: (notice: CallNotice) => void;
}

export interface Keeping extends AsyncDisposable {
  store: Store;
  /** Opens the recording of a call; undefined where there is no disk. */
  record?: (call: string) => CallRecorder;
  observe: (notice: CallNotice) => void;
}

/** Open all three, closed together: calls that have ended get their last facts and their delivery first. */
export function openKeeping(parts: KeepingParts): Keeping {
  const { config, clock, folder } = parts;
  const owned = new AsyncDisposableStack();
  const privacy = (to: string) => forNumber(config(), to || undefined).privacy;
  if (folder !== undefined) makeRecordings(folder);
  const store = owned.use(
    new Store({
      ...(folder === undefined ? {} : { path: `${folder}/${CALLS_FILE}`, folder }),
      clock,
      privacy,
      process: parts.process,
      lost: parts.lost,
      report: (report) => log(report.kind === "recovered" ? "warning" : "error", describeStoreReport(report)),
    }),
  );
  const facts = owned.use(
    new FactFinder({ clock, report: parts.report, plan: ({ to, from }) => factPlan(parts, to, from) }),
  );
  const { callWebhook } = config().server;
  const webhook = callWebhook && owned.use(
    new CallWebhook({
      ...callWebhook,
      clock,
      fetch: parts.fetch,
      settled: (call) => facts.settled(call),
      keep: (to) => privacy(to).transcripts ? (notice) => notice : withoutWords,
      body: withCost,
      kept: ({ id, to }) => privacy(to).keepDays === 0 || store.has(id),
      undelivered: (call, why) => log("error", `${call} could not be delivered to CALL_WEBHOOK_URL: ${why}`),
    }),
  );
  return {
    store,
    ...(folder === undefined ? {} : {
      record: (call: string) => {
        makeRecordings(folder); // it may have been removed meanwhile
        return new CallRecorder({
          folder,
          file: recordingFile(call),
          clock,
          failed: (error) => log("error", `${call} is NOT being recorded: ${String(error)}`),
        });
      },
    }),
    observe(notice) {
      facts.observe(notice);
      store.observe(notice);
      webhook?.observe(notice);
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

/** What is to be found in a call to `to`, if a language model can be asked. */
function factPlan({ config, clock, fetch }: KeepingParts, to: string, from: string): FactPlan | undefined {
  const call = forNumber(config(), to || undefined);
  const fields = fieldsOf(call.extraction);
  const { summary } = call.extraction;
  const llm = callModel({ config: config(), call, clock, fetch });
  if (!llm || (Object.keys(fields).length === 0 && !summary)) return undefined;
  const context = { today: dayOf(clock.wallTime(), call.timezone), language: call.language, caller: from };
  return { llm, fields, summary, context };
}

/** Make the folders that do not exist. If that fails, the store will say what is wrong. */
function makeRecordings(folder: string): void {
  const path = `${folder}/${RECORDINGS}`;
  try {
    Deno.mkdirSync(path, { recursive: true, mode: OWN_FOLDER });
    keepToOurselves(path, OWN_FOLDER);
  } catch (error) {
    log("error", `Cannot make ${path}: ${String(error)}`);
  }
}
