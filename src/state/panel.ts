import { z } from "zod";

import { ConversationState } from "./conversation.js";
import { Abstention, Review } from "./records.js";
import { Verdict } from "./settings.js";

/** Input of the review panel: a conversation that ends with the assistant's response. */
export const PanelInput = ConversationState.pick({ messages: true });
export type PanelInput = z.infer<typeof PanelInput>;

/** Output of the review panel for the last response. It replaces what an earlier run left in the same channels. */
export const PanelOutput = z.object({
  reviews: z.array(Review).meta({ title: "Reviews", description: "One review per reviewer of the last response." }),
  abstentions: z.array(Abstention).meta({ title: "Abstentions", description: "Reviewers that gave no review, and why." }),
  verdict: Verdict.meta({ title: "Verdict", description: "The verdict of most reviews." }),
});
export type PanelOutput = z.infer<typeof PanelOutput>;

/** State of the review panel. A host graph shares only the channels of input and output. */
export const PanelState = ConversationState.pick({ messages: true, turns: true }).extend(PanelOutput.shape);
export type PanelState = z.infer<typeof PanelState>;
