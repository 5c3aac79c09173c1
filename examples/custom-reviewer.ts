/**
 * A reviewer in code beside a reviewer that is a model. It checks that the answer is a JSON array of strings. Its review
 * counts like any other, and the chairman reads its critique.
 *
 *     npx tsx examples/custom-reviewer.ts                                         # built-in offline model, no key, no network
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

/** Gives all dimensions the same score: a program can use the whole answer or nothing of it. */
const reviewJson: CustomReviewer = ({ response }) => {
  const uses = Uses.safeParse(response);
  const score = uses.success ? 9 : 1;
  return {
    scores: { usefulness: score, relevance: score, accuracy: score, depth: score, creativity: score },
    verdict: uses.success ? "positive" : "negative",
    critique: uses.success ? "The answer is a JSON array of three strings." : `A program cannot read the answer: ${z.prettifyError(uses.error)}.`,
  };
};

const graph = createReviewInstructGraph({ callModel: createModelCaller(), customReviewers: { json: reviewJson } });

// The custom reviewer replaces the panel member of its name, whose focus is then only documentation. In a panel of two, its
// negative review is enough for a negative verdict, as `tieBreak` is depth by default.
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
