import { HumanMessage, SystemMessage } from "@langchain/core/messages";

import { ModelCallError } from "../../errors.js";
import { mergeSystemMessages } from "../../model-calls/adaptation/adaptation.js";
import { isParameterRefusal } from "../../model-calls/adaptation/refused-parameter.js";
import type { ModelSettings } from "../../state/settings.js";
import type { Finding } from "./finding.js";
import { type ProbeOptions, type ProbeResponse, getEndpointWords, sendProbe } from "./probe.js";

/** What a first call brought, and the settings with which it worked. */
export interface ChatResult {
  readonly findings: readonly Finding[];
  /** Null if no call worked. */
  readonly settings: ModelSettings | null;
}

/** Parameters that some endpoints refuse, with settings that avoid them. */
const adaptations: readonly { readonly parameter: string; readonly settings: Partial<ModelSettings> }[] = [
  { parameter: "max_tokens", settings: { maxTokensParameter: "max_completion_tokens" } },
  { parameter: "temperature", settings: { temperature: null } },
];

/**
 * Asks a question as the candidate does, which shows whether calls work at all, and how fast.
 *
 * @throws {ModelCallError} For settings with which no call can be sent.
 */
export async function checkChat(settings: ModelSettings, options: ProbeOptions): Promise<ChatResult> {
  const messages = [new HumanMessage("In about 80 words: why is the sky blue?")];
  let current = settings;
  const notes: Finding[] = [];
  for (;;) {
    try {
      const response = await sendProbe({ settings: current, messages }, options);
      return { findings: [...notes, ...describeResponse(response)], settings: response.text === "" ? null : current };
    } catch (error) {
      if (!(error instanceof ModelCallError) || error.code === "model_invalid_configuration") throw error;
      const words = getEndpointWords(error);
      const adaptation = isRequestRefused(error) ? adaptations.find(({ parameter }) => isParameterRefusal(words, parameter)) : undefined;
      const isNew = adaptation && !notes.some(({ settings: tried }) => tried === adaptation.settings);
      if (!isNew) return { findings: [{ name: "chat", status: "fault", detail: error.message }], settings: null };
      notes.push({ name: "chat", status: "note", detail: `refuses \`${adaptation.parameter}\`: ${words}`, settings: adaptation.settings });
      current = { ...current, ...adaptation.settings };
    }
  }
}

/** Gives rules in a system message, as every role does. */
export async function checkSystemRole(settings: ModelSettings, options: ProbeOptions): Promise<Finding> {
  const rule = "Whatever is asked, reply with the single word BANANA in capitals.";
  const question = "What is the capital of France?";
  const messages = [new SystemMessage(rule), new HumanMessage(question)];
  const name = "system role";
  try {
    const { text } = await sendProbe({ settings, messages }, options);
    if (/banana/i.test(text)) return { name, status: "ok", detail: "accepted and followed" };
    return { name, status: "note", detail: "accepted; the model did not follow a simple rule in it, so expect repairs" };
  } catch (error) {
    if (!(error instanceof ModelCallError)) throw error;
    if (!isRequestRefused(error)) return { name, status: "fault", detail: error.message };
    return describeMergedRole(error, () => sendProbe({ settings, messages: mergeSystemMessages(messages) }, options));
  }
}

/** Asks for a long text with a small limit, on which budgets rely. */
export async function checkOutputLimit(settings: ModelSettings, options: ProbeOptions): Promise<Finding> {
  const name = "output limit";
  const maxOutputTokens = 24;
  const messages = [new HumanMessage("Write the numbers from 1 to 200 in words, separated by commas.")];
  try {
    const { text, finishReason, usage } = await sendProbe({ settings: { ...settings, maxOutputTokens }, messages }, options);
    // Twice the limit, as some servers count otherwise than they stop.
    const isKept = usage.outputTokens === null ? text.length <= maxOutputTokens * 12 : usage.outputTokens <= maxOutputTokens * 2;
    if (!isKept)
      return {
        name,
        status: "fault",
        detail: `ignored: ${usage.outputTokens ?? text.length} tokens or characters for a limit of ${maxOutputTokens}, so budgets do not hold`,
      };
    if (finishReason === "length") return { name, status: "ok", detail: "respected and reported" };
    return { name, status: "note", detail: "respected, or the model stopped early; the cut-off was not reported" };
  } catch (error) {
    if (!(error instanceof ModelCallError)) throw error;
    return { name, status: "fault", detail: error.message };
  }
}

/** Returns true for an error that says no to the request itself. */
export function isRequestRefused({ details: { status = 0 } }: ModelCallError): boolean {
  return status === 400 || status === 404 || status === 422 || status >= 500;
}

async function describeMergedRole(refusal: ModelCallError, sendMerged: () => Promise<unknown>): Promise<Finding> {
  const words = getEndpointWords(refusal);
  try {
    await sendMerged();
  } catch (error) {
    if (!(error instanceof ModelCallError)) throw error;
    return { name: "system role", status: "fault", detail: error.message };
  }
  return {
    name: "system role",
    status: "note",
    detail: `refused (${words}); rules can stand in the first user message`,
    settings: { systemRole: "merge" },
  };
}

function describeResponse({ text, finishReason, usage, seconds, model }: ProbeResponse): Finding[] {
  const { inputTokens, outputTokens } = usage;
  const hasUsage = inputTokens !== null && outputTokens !== null;
  const isFast = outputTokens !== null && outputTokens > 0 && seconds > 0;
  return [
    text === ""
      ? { name: "chat", status: "fault", detail: getEmptyReason(finishReason) }
      : { name: "chat", status: "ok", detail: `answers as ${model}${finishReason === "length" ? ", cut off at the output limit" : ""}` },
    hasUsage
      ? { name: "usage", status: "ok", detail: `reported (${inputTokens} in, ${outputTokens} out)` }
      : { name: "usage", status: "note", detail: "not reported: budgets count estimates" },
    isFast
      ? { name: "speed", status: "ok", detail: `${(outputTokens / seconds).toFixed(1)} tokens/s for one call alone (${seconds.toFixed(1)} s)` }
      : { name: "speed", status: "note", detail: `${seconds.toFixed(1)} s for one call; tokens/s unknown` },
  ];
}

function getEmptyReason(finishReason: ProbeResponse["finishReason"]): string {
  if (finishReason === "length") return "the answer is empty: the output limit was used up by reasoning. Raise maxOutputTokens, or turn thinking off";
  if (finishReason === "refusal") return "the endpoint refused a harmless question";
  return "the answer is empty, or holds reasoning alone: turn thinking off, or set the server's reasoning parser";
}
