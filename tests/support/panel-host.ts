import { AIMessage, HumanMessage } from "@langchain/core/messages";
import { Annotation, END, MemorySaver, MessagesAnnotation, START, StateGraph } from "@langchain/langgraph";

import { createReviewPanel } from "../../src/graph/review-panel.js";
import type { Review } from "../../src/state/records.js";
import type { Verdict } from "../../src/state/settings.js";
import { createPanel } from "./graph-under-test.js";
import { type Script, createScriptedModels, defaultScript } from "./scripted-models.js";

/** Fixed settings of the panel under test. */
export const panelSettings = { panel: createPanel("a", "b", "c") };
/** Input of a host graph. */
export const hostInput = { messages: [new HumanMessage("How do I bake bread?")] };

/** State of a host graph whose channels `turns` and `reviews` differ from the panel's. */
export const HostState = Annotation.Root({
  ...MessagesAnnotation.spec,
  turns: Annotation<string>,
  verdict: Annotation<Verdict>,
  reviews: Annotation<Review[]>({ reducer: (all, more) => [...all, ...more], default: () => [] }),
});

/** Creates host graphs whose agent answers and whose panel then reviews, all on one checkpointer. */
export function createHostUnderTest(script: Script = defaultScript) {
  const scripted = createScriptedModels(script);
  const checkpointer = new MemorySaver();
  const answers: string[] = [];
  const agent = () => {
    answers.push(`Answer ${answers.length + 1}.`);
    return { messages: [new AIMessage(answers.at(-1) ?? "")], turns: "mine" };
  };
  const withPanelNode = (panel = createReviewPanel({ callModel: scripted.callModel, settings: panelSettings })) =>
    new StateGraph(HostState)
      .addNode("agent", agent)
      .addNode("panel", panel)
      .addEdge(START, "agent")
      .addEdge("agent", "panel")
      .addEdge("panel", END)
      .compile({ checkpointer });
  const withPanelCall = (panel = createReviewPanel({ callModel: scripted.callModel, settings: panelSettings })) =>
    new StateGraph(HostState)
      .addNode("agent", agent)
      .addNode("panel", async ({ messages }, runtime) => {
        const { verdict, reviews } = await panel.invoke({ messages }, runtime);
        return { verdict, reviews };
      })
      .addEdge(START, "agent")
      .addEdge("agent", "panel")
      .addEdge("panel", END)
      .compile({ checkpointer });
  return { ...scripted, answers, withPanelNode, withPanelCall };
}
