import { Annotation, END, MemorySaver, START, Send, StateGraph } from "@langchain/langgraph";

/**
 * LangGraph alone: `tsx bench/empty-graph.ts <conversations> <concurrency>`. A graph of the loop's shape, three turns of three
 * reviewers, whose nodes do nothing and ask nobody. What this takes, no job of the same size can go below in one process.
 */
const [conversations = "0", concurrency = "1"] = process.argv.slice(2);
const turns = 3;

const State = Annotation.Root({ answers: Annotation<number>(), reviews: Annotation<number>({ reducer: (a, b) => a + b, default: () => 0 }) });

const graph = new StateGraph(State)
  .addNode("seed", () => ({ answers: 0 }))
  .addNode("candidate", ({ answers }) => ({ answers: answers + 1 }))
  .addNode("reviewer", () => ({ reviews: 1 }))
  .addNode("verdict", () => ({ reviews: 0 }))
  .addNode("chairman", () => ({ reviews: 0 }))
  .addEdge(START, "seed")
  .addEdge("seed", "candidate")
  .addConditionalEdges("candidate", (state) => (state.answers === turns ? END : ["a", "b", "c"].map(() => new Send("reviewer", state))), [
    "reviewer",
    END,
  ])
  .addEdge("reviewer", "verdict")
  .addEdge("verdict", "chairman")
  .addEdge("chairman", "candidate")
  .compile({ checkpointer: new MemorySaver() });

let left = Number(conversations);
const worker = async () => {
  while (left-- > 0) await graph.invoke({ answers: 0 }, { configurable: { thread_id: `${left}` } });
};
await Promise.all(Array.from({ length: Number(concurrency) }, worker));
