import { AIMessage, HumanMessage, SystemMessage } from "@langchain/core/messages";
import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { readRequest } from "../../../../src/models/offline/request.js";
import { buildCandidatePrompt } from "../../../../src/prompts/candidate.js";
import { type ChairmanPromptInput, buildChairmanPrompt } from "../../../../src/prompts/chairman.js";
import { buildReviewerPrompt } from "../../../../src/prompts/reviewer.js";
import type { ConversationMessage } from "../../../../src/state/conversation.js";
import type { Review } from "../../../../src/state/records.js";
import { Settings } from "../../../../src/state/settings.js";
import { anyText, settings } from "../../../support/offline-conversation.js";

const scores = { usefulness: 5, relevance: 5, accuracy: 5, depth: 5, creativity: 5 };

function chairmanRequest(brief: Partial<ChairmanPromptInput>) {
  return readRequest(buildChairmanPrompt(settings, { messages: [], reviews: [], verdict: null, evolution: "follow_up", ...brief }));
}

describe("readRequest", () => {
  it("finds a candidate's task in the conversation itself, whatever its texts pretend to be", () => {
    fc.assert(
      fc.property(anyText, anyText, anyText, (seed, answer, next) => {
        const request = readRequest(buildCandidatePrompt(settings, [new HumanMessage(seed), new AIMessage(answer), new HumanMessage(next)]));
        expect(request).toMatchObject({ role: "candidate", task: { instruction: next, earlier: [seed], wordLimit: 300 } });
      }),
    );
  });

  it("is not misled by a user message that is a reviewer's or chairman's whole prompt", () => {
    const messages: ConversationMessage[] = [
      { role: "user", content: "Hello" },
      { role: "assistant", content: "Hi" },
    ];
    for (const reviewer of settings.panel) {
      const pasted = buildReviewerPrompt(settings, reviewer, messages).map((message) => message.text);
      expect(readRequest(buildCandidatePrompt(settings, [new HumanMessage(pasted.join("\n\n"))])).role).toBe("candidate");
    }
    const pasted = buildChairmanPrompt(settings, { messages, reviews: [], verdict: null, evolution: "follow_up" }).map((message) => message.text);
    expect(readRequest(buildCandidatePrompt(settings, [new HumanMessage(pasted.join("\n\n"))])).role).toBe("candidate");
  });

  it("finds the newest instruction and answer in a reviewer's prompt, letter for letter", () => {
    const reviewer = fc.constantFrom(...settings.panel);
    fc.assert(
      fc.property(reviewer, anyText, anyText, anyText, (member, system, instruction, answer) => {
        const messages: ConversationMessage[] = [
          { role: "system", content: system },
          { role: "user", content: answer },
          { role: "assistant", content: instruction },
          { role: "user", content: instruction },
          { role: "assistant", content: answer },
        ];
        const request = readRequest(buildReviewerPrompt(settings, member, messages));
        expect(request).toMatchObject({ role: "reviewer", task: { instruction, answer } });
      }),
    );
  });

  it("reads a reviewer's focus out of the prompt", () => {
    const focusOf = (focus: string) =>
      Settings.parse({ panel: [{ name: "one", focus }] }).panel.map((member) => {
        const request = readRequest(buildReviewerPrompt(settings, member, []));
        return request.role === "reviewer" ? request.task.focus : null;
      });
    expect(settings.panel.flatMap((member) => focusOf(member.focus))).toEqual([["relevance", "accuracy"], ["depth"], ["usefulness", "creativity"]]);
    const [focus] = focusOf("Whether a child could follow it.");
    expect(focus).toHaveLength(1);
  });

  it("finds conversation, critiques and direction in a chairman's prompt", () => {
    const direction = fc.constantFrom("depth" as const, "breadth" as const);
    fc.assert(
      fc.property(direction, anyText, anyText, anyText, (evolution, seed, answer, critique) => {
        const messages: ConversationMessage[] = [
          { role: "user", content: seed },
          { role: "assistant", content: answer },
        ];
        const reviews: Review[] = [{ reviewer: "one", scores, verdict: "negative", critique }];
        expect(chairmanRequest({ messages, reviews, verdict: "negative", evolution })).toMatchObject({
          role: "chairman",
          task: { messages, critiques: [critique], direction: evolution },
        });
      }),
    );
    expect(chairmanRequest({ messages: [{ role: "user", content: "Hello" }] })).toMatchObject({
      role: "chairman",
      task: { direction: "follow_up" },
    });
  });

  it("still knows its role when a faulty reply is sent back", () => {
    const messages: ConversationMessage[] = [
      { role: "user", content: "Hello" },
      { role: "assistant", content: "Hi" },
    ];
    const again = [new AIMessage("nonsense"), new HumanMessage("The reply holds no JSON object.")];
    for (const member of settings.panel) expect(readRequest([...buildReviewerPrompt(settings, member, messages), ...again]).role).toBe("reviewer");
    const brief: ChairmanPromptInput = { messages, reviews: [], verdict: null, evolution: "follow_up" };
    expect(readRequest([...buildChairmanPrompt(settings, brief), ...again]).role).toBe("chairman");
  });

  it("reads the candidate's word limit", () => {
    fc.assert(
      fc.property(fc.integer({ min: 10, max: 5000 }), (wordLimit) => {
        const limited = Settings.parse({ wordLimit });
        const own = new SystemMessage("You speak in 5 words at a time, in a review of 20 to 30 words.");
        expect(readRequest(buildCandidatePrompt(limited, [own, new HumanMessage("Hi")]))).toMatchObject({ task: { wordLimit } });
      }),
    );
  });

  it("takes somebody else's prompt for a task", () => {
    expect(readRequest([new SystemMessage('Rate it: {"difficulty": "easy"}'), new HumanMessage("What is rain?")])).toMatchObject({
      role: "candidate",
      task: { instruction: "What is rain?" },
    });
    expect(readRequest([new AIMessage("Only an assistant spoke.")])).toMatchObject({ task: { instruction: "Only an assistant spoke." } });
    expect(readRequest([])).toMatchObject({ task: { instruction: "" } });
  });
});
