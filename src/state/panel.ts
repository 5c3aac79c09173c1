import { z } from "zod";

import { ConversationState } from "./conversation.js";
import { Abstention, Review } from "./records.js";
import { VerdictSide } from "./settings.js";

/** What the panel works on: a conversation and the turn that is under review. */
export const SittingState = ConversationState.pick({ messages: true, turns: true });
export type SittingState = z.infer<typeof SittingState>;

/** A conversation that ends with the assistant's answer. */
export const PanelInput = ConversationState.pick({ messages: true });
export type PanelInput = z.infer<typeof PanelInput>;

/** Reviews of the last answer, who abstained, and the verdict. They take the place of what an earlier sitting left. */
export const PanelOutput = z.object({
  reviews: z.array(Review).meta({ title: "Reviews", description: "What each reviewer says of the last answer." }),
  abstentions: z.array(Abstention).meta({ title: "Abstentions", description: "Reviewers that could not review, and why." }),
  verdict: VerdictSide.meta({ title: "Verdict", description: "The side that most reviews are on." }),
});
export type PanelOutput = z.infer<typeof PanelOutput>;

/** All that a host graph may share with the panel. */
export const PanelState = PanelInput.extend(PanelOutput.shape);
export type PanelState = z.infer<typeof PanelState>;
