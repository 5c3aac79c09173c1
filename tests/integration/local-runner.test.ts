import { MemorySaver } from "@langchain/langgraph";
import { describe, expect, it } from "vitest";

import { createLocalRunner } from "../../src/generation/local-runner.js";
import { createReviewInstructGraph } from "../../src/graph/review-instruct.js";
import { Settings } from "../../src/state/settings.js";
import { createPanel } from "../support/graph-under-test.js";
import { createScriptedModels } from "../support/scripted-models.js";

/** A store that is cut off when it is to write its n-th checkpoint, with the results of that step already kept. */
class CutOffSaver extends MemorySaver {
  left = Infinity;

  override async put(...args: Parameters<MemorySaver["put"]>): ReturnType<MemorySaver["put"]> {
    if (this.left-- <= 0) throw new Error("cut off");
    return super.put(...args);
  }
}

const settings = Settings.parse({ turns: 2, panel: createPanel("a", "b", "c"), reviewFinalTurn: true });
const conversation = { id: "one", index: 0, seed: { instruction: "How do I bake bread?" } };
const never = new AbortController().signal;
const stop = { gracefulStop: never, abort: never };

/** Cuts off the first run before its n-th checkpoint, and takes the conversation up in a process that was started anew. */
async function cutOffAfter(checkpoints: number) {
  const { callModel, completedCalls } = createScriptedModels();
  const saver = new CutOffSaver();
  const open = () => createLocalRunner({ graph: createReviewInstructGraph({ callModel, checkpointer: saver }), saver, settings });
  saver.left = checkpoints;
  const first = await open()
    .run(conversation, stop)
    .catch((error: unknown) => error);
  saver.left = Infinity;
  const output = await open().run(conversation, stop);
  return { wasCutOff: first instanceof Error, output, completedCalls };
}

describe("a conversation that was cut off between a step and its checkpoint", () => {
  it("goes on from there, wherever that is, with every answer paid for once", async () => {
    const whole = { turns: [{ turn: 1 }, { turn: 2, verdict: "positive" }], earlyStop: null };
    const undisturbed = await cutOffAfter(Infinity);
    expect(undisturbed).toMatchObject({ wasCutOff: false, output: whole });
    // The input, the seed, and candidate, panel and verdict twice with the chairman between them.
    for (let checkpoints = 1; checkpoints < 9; checkpoints++) {
      const { wasCutOff, output, completedCalls } = await cutOffAfter(checkpoints);
      expect({ checkpoints, wasCutOff, output }).toMatchObject({ checkpoints, wasCutOff: true, output: whole });
      expect([...completedCalls].sort()).toEqual([...undisturbed.completedCalls].sort());
    }
  });
});
