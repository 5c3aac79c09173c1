/** Writes the JSON Schema of a row of conversations.jsonl into the built package, derived from the zod schema. */
import { writeFileSync } from "node:fs";

import { z } from "zod";

import { ConversationRow } from "../dist/index.js";

const schema = z.toJSONSchema(ConversationRow, { target: "draft-2020-12" });
writeFileSync(new URL("../dist/conversation.schema.json", import.meta.url), `${JSON.stringify(schema, null, 2)}\n`);
