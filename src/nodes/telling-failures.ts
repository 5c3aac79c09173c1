import { ReviewInstructError } from "../errors.js";
import { type NodeRuntime, emit } from "./runtime.js";

/**
 * The same node, which tells a failure of ours before it throws it: a server hands on the name and message of an error and
 * nothing else, and whoever streams the run wants its code and facts too.
 */
export function tellingFailures<State, Update>(node: (state: State, runtime: NodeRuntime) => Update | Promise<Update>) {
  return async (state: State, runtime: NodeRuntime): Promise<Update> => {
    try {
      return await node(state, runtime);
    } catch (error) {
      if (error instanceof ReviewInstructError) {
        const { name, code, message, facts } = error;
        emit(runtime, { type: "failed", name, code, message, facts });
      }
      throw error;
    }
  };
}
