import { candidatePromptVersion } from "./candidate.js";
import { chairmanPromptVersion } from "./chairman.js";
import { reviewerPromptVersion } from "./reviewer.js";

/** Versions of all prompts. Every row records them, so that it shows which prompts made it. */
export const promptVersions = { candidate: candidatePromptVersion, reviewer: reviewerPromptVersion, chairman: chairmanPromptVersion } as const;
