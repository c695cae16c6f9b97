/** `deno task schema`: writes config.schema.json anew. */

import { generateSchema } from "./schema.ts";

Deno.writeTextFileSync("config.schema.json", generateSchema());
