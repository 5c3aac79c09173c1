import { ReviewInstructError } from "../errors.js";
import { type NodeRuntime, emit } from "./runtime.js";

/**
 * Wraps a node so that a `ReviewInstructError` is emitted as an event before it is rethrown.
 *
 * LangGraph server forwards only an error's name and message, not its code and details.
 */
export function withErrorEvents<State, Update>(node: (state: State, runtime: NodeRuntime) => Update | Promise<Update>) {
  return async (state: State, runtime: NodeRuntime): Promise<Update> => {
    try {
      return await node(state, runtime);
    } catch (error) {
      if (error instanceof ReviewInstructError) {
        const { name, code, message, details } = error;
        emit(runtime, { type: "error", name, code, message, details });
      }
      throw error;
    }
  };
}
