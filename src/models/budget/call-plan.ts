import { AIMessage, type BaseMessage, HumanMessage } from "@langchain/core/messages";

import type { ReplySchema } from "../../nodes/model-access.js";
import { candidateMessages } from "../../prompts/candidate.js";
import { chairmanMessages, instructionReplySchema } from "../../prompts/chairman.js";
import { reviewReplySchema, reviewerMessages } from "../../prompts/reviewer.js";
import type { DialogueLine } from "../../state/conversation.js";
import type { Review, Role } from "../../state/records.js";
import { type Settings, modelFor, seatedPanel, turnsOf } from "../../state/settings.js";

/** The calls that one role makes in one conversation. */
export interface PlannedRole {
  readonly role: Role;
  readonly reviewer?: string;
  readonly model: string;
  readonly outputLimit: number;
  /** One for each call. */
  readonly prompts: readonly PlannedPrompt[];
}

/** The real prompt of one call, built around texts that are empty, and how many of these there are beside the seed. */
export interface PlannedPrompt {
  readonly messages: readonly BaseMessage[];
  readonly schema?: ReplySchema;
  readonly answers: number;
  readonly instructions: number;
  readonly critiques: number;
}

/**
 * The calls of a conversation that runs its whole length: T + (T-1)(R+1) for T turns and R seated reviewers, and R more with
 * `reviewFinalTurn`. Re-asks, retries and early endings are not in it. Roles that are never called are left out.
 */
export function planCalls(settings: Settings): PlannedRole[] {
  const panel = seatedPanel(settings);
  const turns = turnsOf(settings);
  const candidate: PlannedRole = {
    role: "candidate",
    ...modelOf(settings, settings.candidate),
    prompts: turnsUpTo(turns).map((turn) => ({
      messages: candidateMessages(settings, emptyHistory(turn)),
      answers: turn - 1,
      instructions: turn - 1,
      critiques: 0,
    })),
  };
  const reviewers = panel.map((reviewer): PlannedRole => ({
    role: "reviewer",
    reviewer: reviewer.name,
    ...modelOf(settings, reviewer),
    prompts: turnsUpTo(settings.reviewFinalTurn ? turns : turns - 1).map((turn) => ({
      messages: reviewerMessages(settings, reviewer, emptyDialogue(turn)),
      schema: reviewReplySchema,
      answers: turn,
      instructions: turn - 1,
      critiques: 0,
    })),
  }));
  const reviews = panel.map(({ name }) => emptyReview(name));
  const reviewed = reviews.length > 0;
  const chairman: PlannedRole = {
    role: "chairman",
    ...modelOf(settings, settings.chairman),
    prompts: turnsUpTo(turns - 1).map((turn) => ({
      messages: chairmanMessages(settings, {
        dialogue: emptyDialogue(turn),
        reviews,
        verdict: reviewed ? "negative" : null,
        evolution: reviewed ? "depth" : "follow_up",
      }),
      schema: instructionReplySchema,
      answers: turn,
      instructions: turn - 1,
      critiques: reviews.length,
    })),
  };
  return [candidate, ...reviewers, chairman].filter(({ prompts }) => prompts.length > 0);
}

function modelOf(settings: Settings, role: Settings["candidate"]): Pick<PlannedRole, "model" | "outputLimit"> {
  const { model, outputLimit } = modelFor(settings, role);
  return { model, outputLimit };
}

function turnsUpTo(last: number): number[] {
  return Array.from({ length: last }, (_, index) => index + 1);
}

/** A conversation with `turn` answers. */
function emptyDialogue(turn: number): DialogueLine[] {
  return Array.from({ length: 2 * turn }, (_, index) => ({ role: index % 2 === 0 ? "user" : "assistant", content: "" }));
}

/** The same before its last answer. */
function emptyHistory(turn: number): BaseMessage[] {
  return Array.from({ length: 2 * turn - 1 }, (_, index) => (index % 2 === 0 ? new HumanMessage("") : new AIMessage("")));
}

function emptyReview(reviewer: string): Review {
  return { reviewer, scores: { usefulness: 5, relevance: 5, accuracy: 5, depth: 5, creativity: 5 }, verdict: "negative", critique: "" };
}
