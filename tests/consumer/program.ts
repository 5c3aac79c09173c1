/** A program of a user of the package. Compiled and run against the packed package under its own name. */
import { AIMessage, HumanMessage } from "@langchain/core/messages";
import { Annotation, END, MemorySaver, MessagesAnnotation, START, StateGraph } from "@langchain/langgraph";
import {
  type CallModel,
  type ConversationEvent,
  type CustomReviewer,
  type EvolutionPolicy,
  InputError,
  OfflineChatModel,
  PanelOutput,
  type Review,
  type ReviewInstructGraph,
  ReviewInstructSettings,
  type ReviewPanel,
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

const callModel: CallModel = createModelCaller({ createModel: () => new OfflineChatModel() });
const settings: SettingsInput = {
  turns: 2,
  model: "mine",
  panel: [
    { name: "facts", focus: "False statements." },
    { name: "length", focus: "Length." },
  ],
};
// @ts-expect-error A setting of the wrong type does not compile.
const wrongSettings: SettingsInput = { turns: "two" };

const length: CustomReviewer = ({ response, settings: { wordLimit } }) =>
  response.split(/\s+/).length > wordLimit
    ? { scores: { usefulness: 3, relevance: 3, accuracy: 3, depth: 3, creativity: 3 }, verdict: "negative", critique: "It is too long." }
    : { scores: { usefulness: 8, relevance: 8, accuracy: 8, depth: 8, creativity: 8 }, verdict: "positive", critique: "It keeps within the limit." };
// @ts-expect-error A review needs its critique.
const withoutCritique: CustomReviewer = () => ({ scores: length, verdict: "negative" });

const evolutionPolicy: EvolutionPolicy = (turn, resolved) => (turn.turn === 1 ? "depth" : defaultEvolutionPolicy(turn, resolved));
const graph: ReviewInstructGraph = createReviewInstructGraph({
  callModel,
  evolutionPolicy,
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

const panel: ReviewPanel = createReviewPanel({ callModel, settings, customReviewers: { length } });
const HostState = Annotation.Root({ ...MessagesAnnotation.spec, reviews: Annotation<Review[]>, verdict: Annotation<Verdict> });
const host = new StateGraph(HostState, z.object({ user: z.string() }))
  .addNode("agent", () => ({ messages: [new AIMessage("Because its starch sets again.")] }))
  .addNode("panel", panel)
  .addNode("repeat", async ({ messages }, runtime) => {
    const { reviews, abstentions, verdict } = await panel.invoke({ messages }, runtime);
    return { reviews: abstentions.length === 0 ? reviews : [], verdict };
  })
  .addEdge(START, "agent")
  .addEdge("agent", "panel")
  .addEdge("panel", "repeat")
  .addEdge("repeat", END)
  .compile();
const hostState = await host.invoke({ messages: [new HumanMessage("Why does bread go stale?")] }, { context: { user: "me" } });

const rejection = await panel.invoke({ messages: [] }).catch((error: unknown) => error);
console.log(
  JSON.stringify({
    defaults: ReviewInstructSettings.parse({}).panel.length,
    events,
    turns: turns.map(({ evolution, reviews, verdict }) => ({ evolution, reviewers: reviews.map(({ reviewer }) => reviewer), verdict })),
    hosted: PanelOutput.omit({ abstentions: true }).parse(hostState),
    refused: rejection instanceof InputError,
  }),
);
void [wrongSettings, withoutCritique];
