import { AIMessage, type BaseMessage, HumanMessage, SystemMessage } from "@langchain/core/messages";
import type { BaseCheckpointSaver } from "@langchain/langgraph";
import { GraphDrained, RunControl } from "@langchain/langgraph";
import type { RunnableConfig } from "@langchain/core/runnables";

import type { Seed, SeedMessage } from "../dataset/seed.js";
import type { ReviewInstructGraph } from "../graph/review-instruct.js";
import type { ConversationInput, ConversationOutput } from "../state/conversation.js";
import type { Settings } from "../state/settings.js";
import { leadingError } from "./fatal.js";

/** A conversation to be made. */
export interface Conversation {
  /** Also the thread's id. */
  readonly id: string;
  /** Place of the seed in its file, from 0. */
  readonly index: number;
  readonly seed: Seed;
}

/** How a runner is told to stop: at the next superstep, or at once. */
export interface Stop {
  readonly drain: AbortSignal;
  readonly abort: AbortSignal;
}

/** Makes conversations, here or elsewhere, and takes them up where they stopped. */
export interface ConversationRunner {
  /** The finished conversation, or `drained` when told to stop before; throws what went wrong. */
  run(conversation: Conversation, stop: Stop): Promise<ConversationOutput | "drained">;
  /** Forgets what was kept to resume this conversation. */
  forget(id: string): Promise<void>;
  /** The turn an unfinished conversation is in; null where none was opened. */
  turnOf(id: string): Promise<number | null>;
}

/** Runs conversations in this process, with their threads in the given saver. */
export function localRunner(options: {
  readonly graph: ReviewInstructGraph;
  readonly saver: BaseCheckpointSaver;
  readonly settings: Settings;
  /** What traces want to know of a conversation: run name, tags, metadata, callbacks. */
  readonly configFor?: (conversation: Conversation) => RunnableConfig;
}): ConversationRunner {
  const { graph, saver, settings, configFor } = options;
  return {
    async run(conversation, { drain, abort }) {
      const config = { ...configFor?.(conversation), configurable: { thread_id: conversation.id }, context: settings };
      const thread = await graph.getState(config);
      // Not `next`, which leaves out steps whose result is kept but was not yet applied when the process died.
      const begun = thread.tasks.length > 0;
      // Finished, but its row was not written: nothing is left to call.
      if (!begun && thread.values.turns?.length > 0) return thread.values;
      const control = new RunControl();
      const onDrain = () => control.requestDrain("stopping");
      // A signal of the run's own: LangGraph never takes its listeners off again, and the job's signal outlives every run.
      const cut = new AbortController();
      const onAbort = () => cut.abort(abort.reason);
      if (drain.aborted) return "drained";
      drain.addEventListener("abort", onDrain, { once: true });
      abort.addEventListener("abort", onAbort, { once: true });
      try {
        const run = { ...config, control, signal: cut.signal, durability: "sync" as const };
        return await graph.invoke(begun ? null : inputOf(conversation.seed), run);
      } catch (error) {
        if (error instanceof GraphDrained || abort.aborted) return "drained";
        throw leadingError(error);
      } finally {
        drain.removeEventListener("abort", onDrain);
        abort.removeEventListener("abort", onAbort);
      }
    },
    forget: (id) => saver.deleteThread(id),
    async turnOf(id) {
      const { values } = await graph.getState({ configurable: { thread_id: id } });
      return values.turns?.at(-1)?.turn ?? null;
    },
  };
}

function inputOf({ instruction, input, system, messages }: Seed): ConversationInput {
  const begun = messages ? { messages: messages.map(toMessage) } : {};
  return { instruction: instruction ?? null, input: input ?? null, system: system ?? null, ...begun };
}

function toMessage({ role, content }: SeedMessage): BaseMessage {
  if (role === "system") return new SystemMessage(content);
  return role === "user" ? new HumanMessage(content) : new AIMessage(content);
}
