/** `deno task faults`: the table of faults, then the seeded runs. `deno task faults table` or `runs`: one of the two; any other WORD: the rows that hold it. */

import { CEILING_MS, tryFault, type Verdict } from "./lab.ts";
import { drops } from "./drops.ts";
import { FAULTS } from "./faults.ts";
import { schedules, sttKills, ttsKills } from "./runs.ts";

const [only = ""] = Deno.args;
const label = ({ edge, phase, engine, name }: Verdict["fault"]) => `${edge} ${phase} ${engine} ${name}`;

let bad = 0;
console.log(
  "edge      engine    phase            fault                                             outcome      silence",
);
for (const fault of FAULTS) {
  if (only !== "table" && !label(fault).includes(only)) continue;
  const verdict = await tryFault(fault).catch((error: unknown): Verdict => ({
    fault,
    outcome: "broken",
    silenceMs: 0,
    wrong: [String(error)],
    record: undefined,
    heard: "",
  }));
  if (verdict.wrong.length > 0) bad++;
  console.log(row(verdict));
}
console.log(`${FAULTS.length} faults, ${bad} not as expected; ceiling ${CEILING_MS} ms`);

function row({ fault, outcome, silenceMs, wrong, record, heard }: Verdict): string {
  const cells = [
    fault.edge.padEnd(9),
    fault.engine.padEnd(9),
    fault.phase.padEnd(16),
    fault.name.padEnd(49),
    outcome.padEnd(12),
    String(silenceMs).padStart(7),
  ];
  const blames = record?.faults.map((each) => each.fault.kind).join(",") ?? "";
  return cells.join(" ") + (wrong.length > 0 ? `  WRONG: ${wrong.join("; ")} [${blames}] ${heard.slice(0, 400)}` : "");
}

if (only === "" || only === "runs") {
  const figures = {
    "STT killed in mid-utterance": await sttKills(200),
    "TTS killed in mid-sentence, a voice that tells its words": await ttsKills(200, "cartesia"),
    "TTS killed in mid-sentence, a voice that does not": await ttsKills(200, "deepgram"),
    "random schedules": await schedules(500),
    "stream drops": await drops(1000),
  };
  for (const [name, figure] of Object.entries(figures)) console.log(`${name}: ${JSON.stringify(figure)}`);
}
if (bad > 0) Deno.exitCode = 1;
