/** `deno task faults`: the table of faults, then the seeded runs. `deno task faults WORD` runs what holds the word. */

import { CEILING_MS, tryFault, type Verdict } from "./lab.ts";
import { FAULTS } from "./faults.ts";

const [only = ""] = Deno.args;
const label = ({ edge, phase, engine, name }: Verdict["fault"]) => `${edge} ${phase} ${engine} ${name}`;

let bad = 0;
console.log(
  "edge      engine    phase            fault                                             outcome      silence",
);
for (const fault of FAULTS) {
  if (!label(fault).includes(only)) continue;
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
