import { AIMessage, type BaseMessage, HumanMessage, SystemMessage } from "@langchain/core/messages";
import type { RunnableConfig } from "@langchain/core/runnables";
import { type BaseCheckpointSaver, GraphDrained, RunControl } from "@langchain/langgraph";

import type { Seed, SeedMessage } from "../dataset/seeds/seed.js";
import type { ReviewInstructGraph } from "../graph/review-instruct.js";
import { ReviewInstructError } from "../errors.js";
import { unwrapAggregateError } from "../jobs/job-stopping-errors.js";
import type { ConversationInput } from "../state/conversation.js";
import type { Settings } from "../state/settings.js";
import type { ConversationRunner, ConversationTask } from "./conversation-runner.js";

/** Options of {@link createLocalRunner}. */
export interface LocalRunnerOptions {
  /** The compiled graph. Its checkpointer is `saver`. */
  readonly graph: ReviewInstructGraph;
  readonly saver: BaseCheckpointSaver;
  readonly settings: Settings;
  /** Returns run name, tags, metadata and callbacks for the trace of a conversation. */
  readonly getRunConfig?: (task: ConversationTask) => RunnableConfig;
  /** Called at a graceful stop. Model calls that wait should then end with the code `rate_limiter_closed`. */
  readonly stopWaiting?: () => void;
}

/** Creates a runner that runs conversations in this process and saves their threads with `saver`. */
export function createLocalRunner({ graph, saver, settings, getRunConfig, stopWaiting }: LocalRunnerOptions): ConversationRunner {
  return {
    async run(task, { gracefulStop, abort }) {
      const config = { ...getRunConfig?.(task), configurable: { thread_id: task.id }, context: settings };
      const thread = await graph.getState(config);
      // `next` would miss steps whose result was saved but not yet applied when the process was killed.
      const isResuming = thread.tasks.length > 0;
      // Finished, but the process was killed before it wrote the row.
      if (!isResuming && thread.values.turns?.length > 0) return thread.values;
      const control = new RunControl();
      const requestStop = () => {
        control.requestDrain("stopping");
        stopWaiting?.();
      };
      // Each run gets its own signal, as LangGraph never removes its listeners and the job's signal outlives the run.
      const runAbort = new AbortController();
      const onAbort = () => runAbort.abort(abort.reason);
      if (gracefulStop.aborted) return "stopped";
      gracefulStop.addEventListener("abort", requestStop, { once: true });
      abort.addEventListener("abort", onAbort, { once: true });
      try {
        const runConfig = { ...config, control, signal: runAbort.signal, durability: "sync" as const };
        return await graph.invoke(isResuming ? null : toGraphInput(task.seed), runConfig);
      } catch (error) {
        if (error instanceof GraphDrained || abort.aborted) return "stopped";
        const first = unwrapAggregateError(error);
        if (gracefulStop.aborted && first instanceof ReviewInstructError && first.code === "rate_limiter_closed") return "stopped";
        throw first;
      } finally {
        gracefulStop.removeEventListener("abort", requestStop);
        abort.removeEventListener("abort", onAbort);
      }
    },
    deleteThread: (id) => saver.deleteThread(id),
    async getCurrentTurn(id) {
      const { values } = await graph.getState({ configurable: { thread_id: id } });
      return values.turns?.at(-1)?.turn ?? null;
    },
  };
}

function toGraphInput({ instruction, input, system, messages }: Seed): ConversationInput {
  const messagesInput = messages ? { messages: messages.map(toMessage) } : {};
  return { instruction: instruction ?? null, input: input ?? null, system: system ?? null, ...messagesInput };
}

function toMessage({ role, content }: SeedMessage): BaseMessage {
  if (role === "system") return new SystemMessage(content);
  return role === "user" ? new HumanMessage(content) : new AIMessage(content);
}
