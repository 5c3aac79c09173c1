/**
 * The review panel inside your own chat agent. The agent answers, the panel reviews, and after a negative verdict the agent
 * revises its answer with the critiques, twice at most.
 *
 *     npx tsx examples/panel-in-your-agent.ts                                         # built-in offline model, no key, no network
 *     npx tsx examples/panel-in-your-agent.ts openai:gpt-4o-mini                      # key in OPENAI_API_KEY
 *     npx tsx examples/panel-in-your-agent.ts openai:qwen2.5 http://localhost:8000/v1
 */
import { AIMessage, HumanMessage } from "@langchain/core/messages";
import { Annotation, END, MessagesAnnotation, START, StateGraph } from "@langchain/langgraph";
import { ChatOpenAI } from "@langchain/openai";
import { type ConversationEvent, OfflineChatModel, type Review, type Verdict, createModelCaller, createReviewPanel } from "langgraph-review-instruct";

const [model = "offline", baseUrl = null] = process.argv.slice(2);
const maxRevisions = 2;

/** The agent's state. The panel reads `messages` and writes `reviews` and `verdict`; it has no access to the rest. */
const AgentState = Annotation.Root({
  ...MessagesAnnotation.spec,
  reviews: Annotation<Review[]>,
  verdict: Annotation<Verdict>,
  revisions: Annotation<number>({ reducer: (sum, more) => sum + more, default: () => 0 }),
});
type AgentState = typeof AgentState.State;

const chat =
  model === "offline"
    ? new OfflineChatModel()
    : new ChatOpenAI({ model: model.replace("openai:", ""), apiKey: process.env.OPENAI_API_KEY ?? "none", configuration: { baseURL: baseUrl } });

async function answer({ messages }: AgentState) {
  return { messages: [await chat.invoke(messages)] };
}

/** Answers again with the critiques. The same message id makes the new answer replace the old one. */
async function revise({ messages, reviews }: AgentState) {
  const [question, draft] = messages.slice(-2);
  const critiques = reviews.map(({ reviewer, critique }) => `${reviewer}: ${critique}`).join("\n");
  const request = new HumanMessage(`${question?.text}\n\nFix what reviewers criticise in your last answer:\n${critiques}`);
  const revised = await chat.invoke([...messages, request]);
  return { messages: [new AIMessage({ id: draft?.id, content: revised.text })], revisions: 1 };
}

function afterReview({ verdict, revisions }: AgentState) {
  return verdict === "negative" && revisions < maxRevisions ? "revise" : END;
}

const agent = new StateGraph(AgentState)
  .addNode("answer", answer)
  .addNode("panel", createReviewPanel({ callModel: createModelCaller(), settings: { model, baseUrl } }))
  .addNode("revise", revise)
  .addEdge(START, "answer")
  .addEdge("answer", "panel")
  .addConditionalEdges("panel", afterReview, ["revise", END])
  .addEdge("revise", "panel")
  .compile();

function printEvent(event: ConversationEvent) {
  if (event.type === "review") console.log(`${event.reviewer}: ${event.verdict}. ${event.critique}`);
  if (event.type === "verdict") console.log(`VERDICT: ${event.verdict}\n`);
}

const question = "My landlord wants to keep my whole deposit because of four picture hooks in the wall. What counts as normal wear and tear?";
const input = { messages: [new HumanMessage(question)] };
for await (const [mode, chunk] of await agent.stream(input, { streamMode: ["custom", "updates"] })) {
  if (mode === "custom") printEvent(chunk);
  else for (const { text } of Object.values(chunk).flatMap((update) => update.messages ?? [])) console.log(`ANSWER\n${text}\n`);
}
