import type { RunnableConfig } from "@langchain/core/runnables";

import { type CallModel, type ModelRequest, type ModelResponse, getCallerKind } from "../../src/model-calls/model-call.js";

/** A request with its caller as role and reviewer. */
export interface ScriptedRequest extends ModelRequest {
  /** `candidate`, `reviewer` or `chairman`. */
  readonly role: string;
  /** Name of the reviewer, if a reviewer calls. */
  readonly reviewer?: string;
}

/** Describes a call to a script, besides the request itself. */
export interface ScriptedCall {
  /** Number of this call among all calls, from 1. */
  readonly index: number;
  /** Calls of the same role before this one. */
  readonly roleCallIndex: number;
  /** The turn that the call belongs to, from its trace metadata. */
  readonly turn: number;
  /** Caller and turn: `candidate 1`, `accuracy 2`, `chairman 3`. */
  readonly label: string;
  readonly config: RunnableConfig;
}

/** Returns the response to a request. An error fails the call. */
export type Script = (request: ScriptedRequest, call: ScriptedCall) => Partial<ModelResponse> | Promise<Partial<ModelResponse>>;

/** Returns a review as a model would write it. */
export function formatReview(verdict: "positive" | "negative", critique: string): string {
  const score = verdict === "positive" ? 8 : 3;
  return JSON.stringify({ critique, scores: { usefulness: score, relevance: score, accuracy: score, depth: score, creativity: score }, verdict });
}

/** Responds for every role with new text each time, and with positive reviews. */
export const defaultScript: Script = ({ role, reviewer }, { index }) => {
  if (role === "candidate") return { text: `Answer number ${index}.` };
  if (role === "reviewer") return { text: formatReview("positive", `${reviewer} has seen answer ${index} and finds nothing missing.`) };
  return { text: JSON.stringify({ instruction: `What about side number ${index}?` }) };
};

/** Creates model calls that follow a script and record every request. Responses are parsed like real ones. */
export function createScriptedModels(script: Script = defaultScript) {
  const requests: ScriptedRequest[] = [];
  /** Labels of the calls that were started, and of those that returned a response. */
  const startedCalls: string[] = [];
  const completedCalls: string[] = [];
  const callModel: CallModel = async (plainRequest, config) => {
    const { caller } = plainRequest;
    const role = getCallerKind(caller);
    const request: ScriptedRequest = { ...plainRequest, role, ...(caller.group === undefined ? {} : { reviewer: caller.name }) };
    const roleCallIndex = requests.filter((earlier) => earlier.role === role).length;
    requests.push(request);
    const turn = Number(config.metadata?.turn);
    const label = `${caller.name} ${turn}`;
    startedCalls.push(label);
    const response = await script(request, { index: requests.length, roleCallIndex, turn, label, config });
    completedCalls.push(label);
    return { text: "", finishReason: "stop", usage: { inputTokens: 10, outputTokens: 5 }, model: "scripted", ...response };
  };
  return { callModel, requests, startedCalls, completedCalls };
}

/** Returns all messages of a request as one text. */
export function getPromptText(request: ModelRequest): string {
  return request.messages.map((message) => message.text).join("\n\n");
}
