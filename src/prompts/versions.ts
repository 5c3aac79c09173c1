import { candidatePromptVersion } from "./candidate.js";
import { chairmanPromptVersion } from "./chairman.js";
import { reviewerPromptVersion } from "./reviewer.js";

/** Raised with every change of wording, so that rows tell which prompts made them. */
export const promptVersions = { candidate: candidatePromptVersion, reviewer: reviewerPromptVersion, chairman: chairmanPromptVersion } as const;
