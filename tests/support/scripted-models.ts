import type { RunnableConfig } from "@langchain/core/runnables";

import type { CallModel, ModelResponse, ModelRequest } from "../../src/model-calls/model-call.js";

/** What a script may want to know of the call beside the request itself. */
export interface ScriptedCall {
  /** The how-manieth call of all this is, from 1. */
  readonly index: number;
  /** Calls of the same role before this one. */
  readonly roleCallIndex: number;
  /** The turn that the call belongs to, as its trace metadata says. */
  readonly turn: number;
  /** Who asks in which turn: `candidate 1`, `accuracy 2`, `chairman 3`. */
  readonly label: string;
  readonly config: RunnableConfig;
}

export type Script = (request: ModelRequest, call: ScriptedCall) => Partial<ModelResponse> | Promise<Partial<ModelResponse>>;

/** A review as a model would write it. */
export function reviewText(verdict: "positive" | "negative", critique: string): string {
  const score = verdict === "positive" ? 8 : 3;
  return JSON.stringify({ critique, scores: { usefulness: score, relevance: score, accuracy: score, depth: score, creativity: score }, verdict });
}

/** What every role says where a test does not care: new text each time, positive reviews. */
export const defaultScript: Script = ({ role, reviewer }, { index }) => {
  if (role === "candidate") return { text: `Answer number ${index}.` };
  if (role === "reviewer") return { text: reviewText("positive", `${reviewer} has seen answer ${index} and finds nothing missing.`) };
  return { text: JSON.stringify({ instruction: `What about side number ${index}?` }) };
};

/** Model access that answers by role and keeps every request. Text goes through our own parsers, as a real reply would. */
export function scriptedModels(script: Script = defaultScript) {
  const requests: ModelRequest[] = [];
  /** Labels of the calls that were begun, and of those that brought a reply and so were paid for. */
  const begun: string[] = [];
  const answered: string[] = [];
  const models: CallModel = async (request, config) => {
    const roleCallIndex = requests.filter(({ role }) => role === request.role).length;
    requests.push(request);
    const turn = Number(config.metadata?.turn);
    const label = `${request.reviewer ?? request.role} ${turn}`;
    begun.push(label);
    const reply = await script(request, { index: requests.length, roleCallIndex, turn, label, config });
    answered.push(label);
    return { text: "", finishReason: "stop", usage: { inputTokens: 10, outputTokens: 5 }, model: "scripted", ...reply };
  };
  return { models, requests, begun, answered };
}

/** Everything a request says, as one text. */
export function promptText(request: ModelRequest): string {
  return request.messages.map((message) => message.text).join("\n\n");
}
