import { describe, expect, it } from "vitest";

import { parseQuotes } from "../../src/text/quote-untrusted.js";
import { toConversationMessages } from "../../src/state/conversation.js";
import { createGraphUnderTest, createThread, createPanel } from "../support/graph-under-test.js";
import { type Script, defaultScript, getPromptText, formatReview } from "../support/scripted-models.js";

const seed = { instruction: "How do I bake bread?", system: "You are a baker." };

/** Every critique names its reviewer and turn, so that it can be recognised in any prompt. */
const namedCritiques: Script = (request, call) => {
  if (request.role === "reviewer") {
    return { text: formatReview(call.turn === 1 ? "negative" : "positive", `Remark of ${call.label}: $& "quoted"\nand a second line.`) };
  }
  return request.role === "candidate" ? { text: `Answer ${call.turn}.` } : defaultScript(request, call);
};

async function run(script: Script = namedCritiques, panel = createPanel("a", "b", "c")) {
  const created = createGraphUnderTest(script);
  const output = await created.graph.invoke(seed, createThread({ turns: 3, panel, reviewFinalTurn: true }));
  const getRequests = (role: string) => created.requests.filter((request) => request.role === role);
  return { output, getRequests };
}

describe("requests to the candidate", () => {
  it("the candidate gets the whole conversation up to the newest instruction, and no review", async () => {
    const { getRequests, output } = await run();
    const requests = getRequests("candidate");
    expect(requests).toHaveLength(3);
    const conversation = toConversationMessages(output.messages).filter(({ role }) => role !== "system");
    requests.forEach((request, index) => {
      const [system, ...rest] = toConversationMessages(request.messages);
      expect(system?.role).toBe("system");
      expect(rest).toEqual(conversation.slice(0, 2 * index + 1));
      expect(getPromptText(request)).not.toMatch(/Remark of|verdict|negative|depth/i);
    });
  });
});

describe("requests to the reviewers", () => {
  it("a reviewer gets the conversation and the newest answer, and no review of any turn", async () => {
    const { getRequests } = await run();
    const requests = getRequests("reviewer");
    expect(requests).toHaveLength(9);
    for (const [index, request] of requests.entries()) {
      const turn = Math.floor(index / 3) + 1;
      expect(getPromptText(request)).not.toContain("Remark of");
      const quotes = parseQuotes(getPromptText(request));
      expect(quotes.at(-1)).toEqual({ label: "answer", text: `Answer ${turn}.` });
      expect(quotes.filter(({ label }) => label === "assistant").map(({ text }) => text)).toEqual(
        Array.from({ length: turn - 1 }, (_, earlier) => `Answer ${earlier + 1}.`),
      );
    }
  });

  it("a reviewer gets only its own focus", async () => {
    const { getRequests } = await run();
    for (const request of getRequests("reviewer")) {
      expect(getPromptText(request).match(/What . cares about/g)).toEqual([`What ${request.reviewer} cares about`]);
    }
  });

  it.each([1, 2, 3, 5, 8])("all %i reviewers have started before the first one finishes", async (size) => {
    const names = Array.from({ length: size }, (_, index) => `r${index}`);
    let started = 0;
    let resolveStarted = () => {};
    const allStarted = new Promise<void>((resolve) => (resolveStarted = resolve));
    const waitForAll: Script = async (request, call) => {
      if (request.role !== "reviewer") return defaultScript(request, call);
      if (++started === size) resolveStarted();
      let timer: NodeJS.Timeout | undefined;
      const timeout = new Promise<never>((_, reject) => {
        timer = setTimeout(() => reject(new Error(`only ${started} of ${size} reviewers were started`)), 10_000);
      });
      await Promise.race([allStarted, timeout]).finally(() => clearTimeout(timer));
      return { text: formatReview("positive", "All is here.") };
    };
    const { graph } = createGraphUnderTest(waitForAll);
    const { turns } = await graph.invoke(seed, createThread({ turns: 2, panel: createPanel(...names) }));
    expect(turns[0]?.reviews.map(({ reviewer }) => reviewer)).toEqual(names);
  });

  it("reviews are recorded in the order of the panel, whoever finishes first", async () => {
    const finish = new Map<string, () => void>();
    const finished = new Map(["b", "c"].map((name) => [name, new Promise<void>((resolve) => finish.set(name, resolve))]));
    const predecessor: Record<string, string> = { a: "b", b: "c" };
    const reverseOrder: Script = async (request, call) => {
      if (request.reviewer === undefined) return defaultScript(request, call);
      await finished.get(predecessor[request.reviewer] ?? "");
      finish.get(request.reviewer)?.();
      return { text: formatReview("positive", "It is done.") };
    };
    const { graph } = createGraphUnderTest(reverseOrder);
    const { turns } = await graph.invoke(seed, createThread({ turns: 2, panel: createPanel("a", "b", "c") }));
    expect(turns[0]?.reviews.map(({ reviewer }) => reviewer)).toEqual(["a", "b", "c"]);
  });
});

describe("requests to the chairman", () => {
  it("the chairman gets the conversation, every critique of the turn unchanged, the verdict and the direction", async () => {
    const { getRequests } = await run();
    const [first, second] = getRequests("chairman");
    if (!first || !second) throw new Error("the chairman was not called twice");
    const getCritiques = (turn: number) =>
      ["a", "b", "c"].map((name) => ({ label: "critique", text: `Remark of ${name} ${turn}: $& "quoted"\nand a second line.` }));
    expect(parseQuotes(getPromptText(first)).filter(({ label }) => label === "critique")).toEqual(getCritiques(1));
    expect(getPromptText(first)).toContain("verdict: negative. Direction: depth.");
    expect(parseQuotes(getPromptText(second)).filter(({ label }) => label === "critique")).toEqual(getCritiques(2));
    expect(getPromptText(second)).toContain("verdict: positive. Direction: breadth.");
    expect(
      parseQuotes(getPromptText(second))
        .filter(({ label }) => label === "assistant")
        .map(({ text }) => text),
    ).toEqual(["Answer 1.", "Answer 2."]);
  });

  it("chairman and reviewers are called with a response schema, the candidate without one", async () => {
    const { getRequests } = await run();
    expect(new Set(getRequests("chairman").map(({ responseFormat }) => responseFormat?.name))).toEqual(new Set(["next_instruction"]));
    expect(new Set(getRequests("reviewer").map(({ responseFormat }) => responseFormat?.name))).toEqual(new Set(["review"]));
    expect(new Set(getRequests("candidate").map(({ responseFormat }) => responseFormat))).toEqual(new Set([undefined]));
  });
});

describe("the config of a model call", () => {
  it("every call has a run name, and role, turn, reviewer, direction and prompt version for traces", async () => {
    const configs: unknown[] = [];
    await run((request, call) => {
      configs.push({ runName: call.config.runName, tags: call.config.tags, metadata: call.config.metadata });
      return namedCritiques(request, call);
    });
    expect(configs[0]).toMatchObject({
      runName: "candidate turn 1",
      tags: expect.arrayContaining(["role:candidate", "turn:1"]),
      metadata: { role: "candidate", evolution: "seed" },
    });
    expect(configs[1]).toMatchObject({
      runName: "review: a turn 1",
      tags: expect.arrayContaining(["role:reviewer", "turn:1", "reviewer:a"]),
      metadata: { role: "reviewer", reviewer: "a", turn: 1, prompt: expect.stringMatching(/^reviewer\//) },
    });
    expect(configs[4]).toMatchObject({ runName: "chairman turn 1", metadata: { role: "chairman", evolution: "depth" } });
  });

  it("a call keeps the tags and metadata of the run", async () => {
    const configs: unknown[] = [];
    const { graph } = createGraphUnderTest((request, call) => {
      configs.push([call.config.tags, call.config.metadata]);
      return defaultScript(request, call);
    });
    await graph.invoke(seed, { ...createThread({ mode: "single_turn" }), tags: ["mine"], metadata: { batch: 7 } });
    expect(configs).toEqual([[expect.arrayContaining(["mine", "role:candidate"]), expect.objectContaining({ batch: 7, role: "candidate" })]]);
  });
});
