import type { ModelAccess, ModelReply, ModelRequest } from "../../src/nodes/model-access.js";

export type Script = (request: ModelRequest, call: { readonly index: number; readonly ofRole: number }) => Partial<ModelReply> | Promise<Partial<ModelReply>>;

/** A review as a model would write it. */
export function reviewText(verdict: "positive" | "negative", critique: string): string {
  const score = verdict === "positive" ? 8 : 3;
  return JSON.stringify({ critique, scores: { usefulness: score, relevance: score, accuracy: score, depth: score, creativity: score }, verdict });
}

/** What every role says where a test does not care: new text each time, positive reviews. */
export const plainScript: Script = ({ role, reviewer }, { index }) => {
  if (role === "candidate") return { text: `Answer number ${index}.` };
  if (role === "reviewer") return { text: reviewText("positive", `${reviewer} has seen answer ${index} and finds nothing missing.`) };
  return { text: JSON.stringify({ instruction: `What about side number ${index}?` }) };
};

/** Model access that answers by role and keeps every request. Text goes through our own parsers, as a real reply would. */
export function scriptedModels(script: Script = plainScript) {
  const requests: ModelRequest[] = [];
  const models: ModelAccess = async (request) => {
    const ofRole = requests.filter(({ role }) => role === request.role).length;
    requests.push(request);
    const reply = await script(request, { index: requests.length, ofRole });
    return { text: "", finish: "stop", usage: { inputTokens: 10, outputTokens: 5 }, model: "scripted", ...reply };
  };
  return { models, requests };
}
