/**
 * A reviewer in plain code beside one that is a model: it checks that the answer is a JSON array of strings. Its review
 * counts in the verdict as any other does, and the chairman reads its critique.
 *
 *     npx tsx examples/custom-reviewer.ts                                         # rehearsal model, no key, no network
 *     npx tsx examples/custom-reviewer.ts openai:gpt-4o-mini                      # key in OPENAI_API_KEY
 *     npx tsx examples/custom-reviewer.ts openai:qwen2.5 http://localhost:8000/v1
 */
import { type CustomReviewer, createModelCaller, createReviewInstructGraph, defaultPanel, getTurnsWithMessages } from "langgraph-review-instruct";
import { z } from "zod";

const [model = "offline", baseUrl = null] = process.argv.slice(2);

const Uses = z
  .string()
  .transform((text, context): unknown => {
    try {
      return JSON.parse(text);
    } catch (error) {
      context.addIssue(`it is no JSON (${error instanceof Error ? error.message : String(error)})`);
      return z.NEVER;
    }
  })
  .pipe(z.array(z.string()).length(3));

/** One finding for all dimensions: whoever parses the answer can use all of it or nothing. */
const json: CustomReviewer = ({ answer }) => {
  const uses = Uses.safeParse(answer);
  const score = uses.success ? 9 : 1;
  return {
    scores: { usefulness: score, relevance: score, accuracy: score, depth: score, creativity: score },
    verdict: uses.success ? "positive" : "negative",
    critique: uses.success ? "The answer is a JSON array of three strings." : `A program cannot read the answer: ${z.prettifyError(uses.error)}.`,
  };
};

const graph = createReviewInstructGraph({ callModel: createModelCaller(), customReviewers: { json } });

// The custom reviewer takes the seat of its name; its focus is for people to read. In a panel of two its word alone is enough
// for a negative verdict, as a tie digs deeper (`tieBreak`).
const panel = [...defaultPanel.slice(0, 1), { name: "json", focus: "Whether a program can read the answer." }];
const result = await graph.invoke(
  { instruction: "Name three uses of baking soda in the kitchen, as a JSON array of strings and nothing else." },
  { context: { turns: 2, model, baseUrl, panel } },
);

for (const { turn, instruction, response, reviews, verdict } of getTurnsWithMessages(result)) {
  console.log(`TURN ${turn}\n${instruction}\n\n${response}\n`);
  for (const review of reviews) console.log(`${review.reviewer}: ${review.verdict}. ${review.critique}`);
  if (verdict) console.log(`VERDICT: ${verdict}\n`);
}
