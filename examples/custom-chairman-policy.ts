/**
 * A custom policy for the direction of the next instruction. The paper follows the verdict; this policy asks for depth until
 * every score of every review is at least 7, and only then for breadth.
 *
 *     npx tsx examples/custom-chairman-policy.ts                                         # built-in offline model, no key, no network
 *     npx tsx examples/custom-chairman-policy.ts openai:gpt-4o-mini                      # key in OPENAI_API_KEY
 *     npx tsx examples/custom-chairman-policy.ts openai:qwen2.5 http://localhost:8000/v1
 */
import {
  type EvolutionPolicy,
  type Turn,
  createModelCaller,
  createReviewInstructGraph,
  getTurnsWithMessages,
  reviewDimensions,
} from "langgraph-review-instruct";

const [model = "offline", baseUrl = null] = process.argv.slice(2);
const minScore = 7;

function getLowestScore({ reviews }: Pick<Turn, "reviews">): number {
  return Math.min(...reviews.flatMap(({ scores }) => reviewDimensions.map((dimension) => scores[dimension])));
}

const depthUntilGood: EvolutionPolicy = (turn) => (getLowestScore(turn) >= minScore ? "breadth" : "depth");

const graph = createReviewInstructGraph({ callModel: createModelCaller(), evolutionPolicy: depthUntilGood });
const result = await graph.invoke(
  { instruction: "How do I keep basil alive on a kitchen windowsill in winter?" },
  { context: { turns: 5, model, baseUrl } },
);

for (const { turn, evolution, instruction, reviews, verdict } of getTurnsWithMessages(result)) {
  console.log(`TURN ${turn} (${evolution})\n${instruction}`);
  if (reviews.length > 0) console.log(`verdict ${verdict}, lowest score ${getLowestScore({ reviews })}\n`);
}
