/**
 * A program that rates ten texts with a model, as a user of the package would write it.
 *
 * Usage: `tsx judge-job.ts <output folder> <base URL> <number of items> <max tokens>`. Prints the job's result as JSON.
 */
import { HumanMessage } from "@langchain/core/messages";
import { z } from "zod";

import { type JobDefinition, type ModelSettings, callWithRepair, openModels, parseJsonOutput, runJob } from "../../src/index.js";

const Judgement = z.object({ id: z.string(), rating: z.int().min(1).max(10) });
const Rating = z.object({ rating: z.int().min(1).max(10) });

async function* listItems(count: number) {
  for (let index = 0; index < count; index++) yield { id: `text-${index}`, text: `Text number ${index} of the set.` };
}

type Item = { readonly id: string; readonly text: string };

const [output = "", baseUrl = "", count = "10", maxTokens = "1000000"] = process.argv.slice(2);
const settings: ModelSettings = { model: "openai:judge", baseUrl, apiKeyEnv: "OPENAI_API_KEY", temperature: 0, maxOutputTokens: 50 };

const job: JobDefinition<Item, z.infer<typeof Judgement>> = {
  kind: "judge",
  rowsName: "judgements",
  fingerprint: { model: settings.model, prompt: "judge/1" },
  items: listItems(Number(count)),
  getId: ({ id }) => id,
  rowSchema: Judgement,
  open: ({ getPath }) => {
    const models = openModels({
      env: process.env,
      modelNames: [settings.model],
      prices: {},
      maxTokens: Number(maxTokens),
      cache: `${output}/cache`,
      usageFile: getPath("usage", "jsonl"),
    });
    return {
      async run({ id, text }, { abort }) {
        const messages = [new HumanMessage(`Rate this text from 1 to 10 as {"rating": n}: ${text}`)];
        const parse = (response: string) => parseJsonOutput(response, Rating);
        const result = await callWithRepair(
          models.callModel,
          { caller: { name: "judge" }, settings, messages },
          { parse, maxAttempts: 3 },
          { signal: abort },
        );
        if ("error" in result) throw result.error;
        return { id, ...result.value };
      },
      close: models.close,
    };
  },
};

const result = await runJob(job, { output, toolVersion: "0.0.0", concurrency: 3, onWarning: console.error });
const { stopped, ...counts } = result;
console.log(JSON.stringify({ ...counts, stopped: stopped instanceof Error ? stopped.message : stopped }));
