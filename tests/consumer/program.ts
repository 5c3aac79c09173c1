/** What a user of the package writes. Compiled and run against the packed package, by the name that it is installed under. */
import { AIMessage, HumanMessage } from "@langchain/core/messages";
import { Annotation, END, MemorySaver, MessagesAnnotation, START, StateGraph } from "@langchain/langgraph";
import {
  type CustomReviewer,
  type EvolutionPolicy,
  InputError,
  type CallModel,
  OfflineChatModel,
  PanelOutput,
  type Review,
  type ConversationEvent,
  type ReviewInstructGraph,
  type ReviewPanel,
  Settings,
  type SettingsInput,
  type Turn,
  type Verdict,
  createModelCaller,
  createReviewInstructGraph,
  createReviewPanel,
  defaultEvolutionPolicy,
  getTurnsWithMessages,
} from "langgraph-review-instruct";
import { z } from "zod";

const models: CallModel = createModelCaller({ createModel: () => new OfflineChatModel() });
const settings: SettingsInput = {
  turns: 2,
  model: "mine",
  panel: [
    { name: "facts", focus: "False statements." },
    { name: "length", focus: "Length." },
  ],
};
// @ts-expect-error A setting of the wrong type does not compile.
const wrong: SettingsInput = { turns: "two" };

const length: CustomReviewer = ({ answer, settings: { wordLimit } }) =>
  answer.split(/\s+/).length > wordLimit
    ? { scores: { usefulness: 3, relevance: 3, accuracy: 3, depth: 3, creativity: 3 }, verdict: "negative", critique: "It is too long." }
    : { scores: { usefulness: 8, relevance: 8, accuracy: 8, depth: 8, creativity: 8 }, verdict: "positive", critique: "It keeps within the limit." };
// @ts-expect-error A review needs its critique.
const silent: CustomReviewer = () => ({ scores: length, verdict: "negative" });

const policy: EvolutionPolicy = (turn, given) => (turn.turn === 1 ? "depth" : defaultEvolutionPolicy(turn, given));
const graph: ReviewInstructGraph = createReviewInstructGraph({
  callModel: models,
  evolutionPolicy: policy,
  customReviewers: { length },
  checkpointer: new MemorySaver(),
});
const config = { configurable: { thread_id: "bread" }, context: settings };
const events: ConversationEvent["type"][] = [];
for await (const event of await graph.stream({ instruction: "Why does bread go stale?" }, { ...config, streamMode: "custom" })) {
  const { type }: ConversationEvent = event;
  events.push(type);
}
const { values } = await graph.getState(config);
const turns: Turn[] = getTurnsWithMessages({ messages: values.messages, turns: values.turns });

const panel: ReviewPanel = createReviewPanel({ callModel: models, settings, customReviewers: { length } });
const HostState = Annotation.Root({ ...MessagesAnnotation.spec, reviews: Annotation<Review[]>, verdict: Annotation<Verdict> });
const host = new StateGraph(HostState, z.object({ user: z.string() }))
  .addNode("agent", () => ({ messages: [new AIMessage("Because its starch sets again.")] }))
  .addNode("panel", panel)
  .addNode("again", async ({ messages }, runtime) => {
    const { reviews, abstentions, verdict } = await panel.invoke({ messages }, runtime);
    return { reviews: abstentions.length === 0 ? reviews : [], verdict };
  })
  .addEdge(START, "agent")
  .addEdge("agent", "panel")
  .addEdge("panel", "again")
  .addEdge("again", END)
  .compile();
const hosted = await host.invoke({ messages: [new HumanMessage("Why does bread go stale?")] }, { context: { user: "me" } });

const refusal = await panel.invoke({ messages: [] }).catch((error: unknown) => error);
console.log(
  JSON.stringify({
    defaults: Settings.parse({}).panel.length,
    events,
    turns: turns.map(({ evolution, reviews, verdict }) => ({ evolution, reviewers: reviews.map(({ reviewer }) => reviewer), verdict })),
    hosted: PanelOutput.omit({ abstentions: true }).parse(hosted),
    refused: refusal instanceof InputError,
  }),
);
void [wrong, silent];
