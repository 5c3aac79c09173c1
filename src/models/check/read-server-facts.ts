import { request } from "undici";
import { z } from "zod";

import type { ModelSettings } from "../../state/settings.js";
import { getApiKey } from "../api-key.js";
import { createDispatcher } from "../dispatcher.js";
import { describeEndpoint, getModelName } from "../registry.js";
import type { Finding } from "./finding.js";
import type { ProbeOptions } from "./probe.js";

const tokens = z.int().min(1).optional().catch(undefined);
/** Names that vLLM, routers, Groq, SGLang, Mistral and llama.cpp give the context length. */
const ListedModel = z.object({
  id: z.string(),
  max_model_len: tokens,
  context_length: tokens,
  context_window: tokens,
  max_context_length: tokens,
  meta: z.object({ n_ctx: tokens, n_ctx_train: tokens }).optional().catch(undefined),
});
const ModelList = z.object({ data: z.array(z.unknown()) });
const Props = z.object({
  n_ctx: tokens,
  total_slots: z.int().min(1).optional().catch(undefined),
  default_generation_settings: z.object({ n_ctx: tokens }).optional().catch(undefined),
});

/** Longest wait for what is only asked in passing. */
const maxWaitMs = 10_000;
/** A conversation of three turns with its reviews needs about this much. */
const minUsefulContext = 4096;

/** Reads the context length from `/models`, and from `/props` of llama.cpp, where a server tells it. */
export async function readContextLength(settings: ModelSettings, options: ProbeOptions): Promise<Finding> {
  const name = "context length";
  const base = describeEndpoint(settings);
  if (base === null) return { name, status: "note", detail: "unknown" };
  const [list, props] = await Promise.all([
    readJson(`${base}/models`, settings, options),
    readJson(`${new URL(base).origin}/props`, settings, options),
  ]);
  const models = (ModelList.safeParse(list).data?.data ?? []).flatMap((entry) => ListedModel.safeParse(entry).data ?? []);
  const requested = getModelName(settings.model);
  const listed = models.find(({ id }) => id === requested) ?? (models.length === 1 ? models[0] : undefined);
  const { data: server } = Props.safeParse(props);
  const perSlot = server?.default_generation_settings?.n_ctx ?? server?.n_ctx;
  const length = perSlot ?? (listed && getContextLength(listed));
  const slots = server?.total_slots === undefined ? "" : ` in each of ${server.total_slots} slots: use --max-concurrency ${server.total_slots}`;
  if (length === undefined) return { name, status: "note", detail: "the server does not tell" };
  const detail = `${length} tokens${slots}`;
  if (length >= minUsefulContext) return { name, status: "ok", detail };
  return { name, status: "note", detail: `${detail}; conversations of several turns need more. Lower turns, wordLimit and maxOutputTokens` };
}

function getContextLength(model: z.infer<typeof ListedModel>): number | undefined {
  return (
    model.max_model_len ?? model.context_length ?? model.context_window ?? model.max_context_length ?? model.meta?.n_ctx ?? model.meta?.n_ctx_train
  );
}

/** Returns undefined for anything but JSON: most servers have only one of the paths. */
async function readJson(url: string, settings: ModelSettings, { env }: ProbeOptions): Promise<unknown> {
  const { search } = new URL(settings.baseUrl ?? url);
  const key = getApiKey(settings, env);
  try {
    const { statusCode, body } = await request(`${url}${search}`, {
      dispatcher: createDispatcher(env),
      signal: AbortSignal.timeout(maxWaitMs),
      headers: key === undefined ? {} : { authorization: `Bearer ${key}` },
    });
    const text = await body.text();
    return statusCode === 200 ? JSON.parse(text) : undefined;
  } catch {
    return undefined;
  }
}
