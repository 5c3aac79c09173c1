import { describe, expect, it } from "vitest";

import { parseQuotes } from "../../src/model-calls/quote-untrusted.js";
import { toConversationMessages } from "../../src/state/conversation.js";
import { createGraphUnderTest, createThread, createPanel } from "../support/graph-under-test.js";
import { type Script, defaultScript, getPromptText, formatReview } from "../support/scripted-models.js";

const seed = { instruction: "How do I bake bread?", system: "You are a baker." };

/** Every remark says who made it in which turn, so that it is told apart wherever it turns up. */
const remarks: Script = (request, call) => {
  if (request.role === "reviewer") {
    return { text: formatReview(call.turn === 1 ? "negative" : "positive", `Remark of ${call.label}: $& "quoted"\nand a second line.`) };
  }
  return request.role === "candidate" ? { text: `Answer ${call.turn}.` } : defaultScript(request, call);
};

async function run(script: Script = remarks, panel = createPanel("a", "b", "c")) {
  const bench = createGraphUnderTest(script);
  const output = await bench.graph.invoke(seed, createThread({ turns: 3, panel, reviewFinalTurn: true }));
  const of = (role: string) => bench.requests.filter((request) => request.role === role);
  return { output, of };
}

describe("the candidate", () => {
  it("sees the whole conversation so far, ending with the newest instruction, and never a review", async () => {
    const { of, output } = await run();
    const asked = of("candidate");
    expect(asked).toHaveLength(3);
    const spoken = toConversationMessages(output.messages).filter(({ role }) => role !== "system");
    asked.forEach((request, index) => {
      const [system, ...rest] = toConversationMessages(request.messages);
      expect(system?.role).toBe("system");
      expect(rest).toEqual(spoken.slice(0, 2 * index + 1));
      expect(getPromptText(request)).not.toMatch(/Remark of|verdict|negative|depth/i);
    });
  });
});

describe("a reviewer", () => {
  it("sees the conversation and the newest answer, and no review of this turn or another", async () => {
    const { of } = await run();
    const asked = of("reviewer");
    expect(asked).toHaveLength(9);
    for (const [index, request] of asked.entries()) {
      const turn = Math.floor(index / 3) + 1;
      expect(getPromptText(request)).not.toContain("Remark of");
      const quotes = parseQuotes(getPromptText(request));
      expect(quotes.at(-1)).toEqual({ label: "answer", text: `Answer ${turn}.` });
      expect(quotes.filter(({ label }) => label === "assistant").map(({ text }) => text)).toEqual(
        Array.from({ length: turn - 1 }, (_, earlier) => `Answer ${earlier + 1}.`),
      );
    }
  });

  it("is told its own focus alone", async () => {
    const { of } = await run();
    for (const request of of("reviewer")) {
      expect(getPromptText(request).match(/What . cares about/g)).toEqual([`What ${request.reviewer} cares about`]);
    }
  });

  it.each([1, 2, 3, 5, 8])("works at the same time as the others: all of %i are under way before the first is done", async (size) => {
    const names = Array.from({ length: size }, (_, index) => `r${index}`);
    let started = 0;
    let open = () => {};
    const allStarted = new Promise<void>((resolve) => (open = resolve));
    const meeting: Script = async (request, call) => {
      if (request.role !== "reviewer") return defaultScript(request, call);
      if (++started === size) open();
      let timer: NodeJS.Timeout | undefined;
      const tooLate = new Promise<never>((_, reject) => {
        timer = setTimeout(() => reject(new Error(`only ${started} of ${size} reviewers were started`)), 10_000);
      });
      await Promise.race([allStarted, tooLate]).finally(() => clearTimeout(timer));
      return { text: formatReview("positive", "All here.") };
    };
    const { graph } = createGraphUnderTest(meeting);
    const { turns } = await graph.invoke(seed, createThread({ turns: 2, panel: createPanel(...names) }));
    expect(turns[0]?.reviews.map(({ reviewer }) => reviewer)).toEqual(names);
  });

  it("is recorded in the panel's order, whoever is done first", async () => {
    const finish = new Map<string, () => void>();
    const finished = new Map(["b", "c"].map((name) => [name, new Promise<void>((resolve) => finish.set(name, resolve))]));
    const waitsFor: Record<string, string> = { a: "b", b: "c" };
    const backwards: Script = async (request, call) => {
      if (request.reviewer === undefined) return defaultScript(request, call);
      await finished.get(waitsFor[request.reviewer] ?? "");
      finish.get(request.reviewer)?.();
      return { text: formatReview("positive", "Done.") };
    };
    const { graph } = createGraphUnderTest(backwards);
    const { turns } = await graph.invoke(seed, createThread({ turns: 2, panel: createPanel("a", "b", "c") }));
    expect(turns[0]?.reviews.map(({ reviewer }) => reviewer)).toEqual(["a", "b", "c"]);
  });
});

describe("the chairman", () => {
  it("reads the conversation and every critique of the turn to the letter, the verdict and where to go", async () => {
    const { of } = await run();
    const [first, second] = of("chairman");
    if (!first || !second) throw new Error("the chairman was not asked twice");
    const critiques = (turn: number) =>
      ["a", "b", "c"].map((name) => ({ label: "critique", text: `Remark of ${name} ${turn}: $& "quoted"\nand a second line.` }));
    expect(parseQuotes(getPromptText(first)).filter(({ label }) => label === "critique")).toEqual(critiques(1));
    expect(getPromptText(first)).toContain("verdict: negative. Direction: depth.");
    expect(parseQuotes(getPromptText(second)).filter(({ label }) => label === "critique")).toEqual(critiques(2));
    expect(getPromptText(second)).toContain("verdict: positive. Direction: breadth.");
    expect(
      parseQuotes(getPromptText(second))
        .filter(({ label }) => label === "assistant")
        .map(({ text }) => text),
    ).toEqual(["Answer 1.", "Answer 2."]);
  });

  it("is asked for an object by a schema, as the reviewers are, and the candidate for free text", async () => {
    const { of } = await run();
    expect(new Set(of("chairman").map(({ responseFormat }) => responseFormat?.name))).toEqual(new Set(["next_instruction"]));
    expect(new Set(of("reviewer").map(({ responseFormat }) => responseFormat?.name))).toEqual(new Set(["review"]));
    expect(new Set(of("candidate").map(({ responseFormat }) => responseFormat))).toEqual(new Set([undefined]));
  });
});

describe("every call", () => {
  it("carries its role, turn, reviewer, direction and prompt version for traces, and a name", async () => {
    const seen: unknown[] = [];
    await run((request, call) => {
      seen.push({ runName: call.config.runName, tags: call.config.tags, metadata: call.config.metadata });
      return remarks(request, call);
    });
    expect(seen[0]).toMatchObject({
      runName: "candidate turn 1",
      tags: expect.arrayContaining(["role:candidate", "turn:1"]),
      metadata: { role: "candidate", evolution: "seed" },
    });
    expect(seen[1]).toMatchObject({
      runName: "review: a turn 1",
      tags: expect.arrayContaining(["role:reviewer", "turn:1", "reviewer:a"]),
      metadata: { caller: { name: "a", group: "reviewer" }, turn: 1, prompt: expect.stringMatching(/^reviewer\//) },
    });
    expect(seen[4]).toMatchObject({ runName: "chairman turn 1", metadata: { role: "chairman", evolution: "depth" } });
  });

  it("keeps the tags and metadata of the run", async () => {
    const seen: unknown[] = [];
    const { graph } = createGraphUnderTest((request, call) => {
      seen.push([call.config.tags, call.config.metadata]);
      return defaultScript(request, call);
    });
    await graph.invoke(seed, { ...newThread({ mode: "single_turn" }), tags: ["mine"], metadata: { batch: 7 } });
    expect(seen).toEqual([[expect.arrayContaining(["mine", "role:candidate"]), expect.objectContaining({ batch: 7, role: "candidate" })]]);
  });
});
