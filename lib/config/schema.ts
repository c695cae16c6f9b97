/** config.schema.json, for editors that complete and check while one types; made from the same Zod shape that reads the file. */

import * as z from "zod";
import { CALL_KEYS, callShape } from "./shape.ts";
import { phoneNumber } from "./values.ts";

/** The JSON Schema of config.json, as the text of its file. */
export function generateSchema(): string {
  const json = z.toJSONSchema(fileSchema(), { io: "input", reused: "ref" });
  const titled = { $schema: json.$schema, title: "Offhook config.json", ...json };
  return JSON.stringify(titled, null, 2) + "\n";
}

function fileSchema(): z.ZodType {
  const patch = Object.fromEntries(CALL_KEYS.map((key) => [key, z.unknown().optional()]));
  return z.strictObject({
    $schema: z.string().optional(),
    ...callShape,
    numbers: z.record(phoneNumber, z.strictObject(patch)).optional().describe(
      "By called number, in E.164 form: what differs from the rest of the file (JSON merge patch).",
    ),
  });
}
