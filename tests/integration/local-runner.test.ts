import { MemorySaver } from "@langchain/langgraph";
import { describe, expect, it } from "vitest";

import { createLocalRunner } from "../../src/generation/local-runner.js";
import { createReviewInstructGraph } from "../../src/graph/review-instruct.js";
import { Settings } from "../../src/state/settings.js";
import { createPanel } from "../support/graph-under-test.js";
import { createScriptedModels } from "../support/scripted-models.js";

/** A checkpointer that fails to write its nth checkpoint, after the results of that step were saved. */
class FailingSaver extends MemorySaver {
  remaining = Infinity;

  override async put(...args: Parameters<MemorySaver["put"]>): ReturnType<MemorySaver["put"]> {
    if (this.remaining-- <= 0) throw new Error("simulated crash");
    return super.put(...args);
  }
}

const settings = Settings.parse({ turns: 2, panel: createPanel("a", "b", "c"), reviewFinalTurn: true });
const conversation = { id: "one", index: 0, seed: { instruction: "How do I bake bread?" } };
const { signal } = new AbortController();
const stop = { gracefulStop: signal, abort: signal };

/** Fails the first run before its nth checkpoint, and resumes the conversation with a new runner. */
async function crashAfter(checkpoints: number) {
  const { callModel, completedCalls } = createScriptedModels();
  const saver = new FailingSaver();
  const createRunner = () => createLocalRunner({ graph: createReviewInstructGraph({ callModel, checkpointer: saver }), saver, settings });
  saver.remaining = checkpoints;
  const first = await createRunner()
    .run(conversation, stop)
    .catch((error: unknown) => error);
  saver.remaining = Infinity;
  const output = await createRunner().run(conversation, stop);
  return { hasCrashed: first instanceof Error, output, completedCalls };
}

describe("a crash between a step and its checkpoint", () => {
  it("a conversation is resumed after a crash at any checkpoint without repeating a call", async () => {
    const complete = { turns: [{ turn: 1 }, { turn: 2, verdict: "positive" }], earlyStop: null };
    const uninterrupted = await crashAfter(Infinity);
    expect(uninterrupted).toMatchObject({ hasCrashed: false, output: complete });
    // Checkpoints: input, start, twice candidate, reviewers and aggregation, and the chairman in between.
    for (let checkpoints = 1; checkpoints < 9; checkpoints++) {
      const { hasCrashed, output, completedCalls } = await crashAfter(checkpoints);
      expect({ checkpoints, hasCrashed, output }).toMatchObject({ checkpoints, hasCrashed: true, output: complete });
      expect([...completedCalls].sort()).toEqual([...uninterrupted.completedCalls].sort());
    }
  });
});
