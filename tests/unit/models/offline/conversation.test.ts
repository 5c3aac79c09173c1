import { beforeAll, describe, expect, it } from "vitest";

import { reviewDimensions } from "../../../../src/state/records.js";
import { type OfflineTurn, readSeedMessages, runOfflineConversation } from "../../../support/offline-conversation.js";

let turns: OfflineTurn[];

beforeAll(async () => {
  turns = (await Promise.all(readSeedMessages().map((seed) => runOfflineConversation(seed, 3)))).flat();
});

/** The share of turns of which something holds. */
function share(holds: (turn: OfflineTurn) => boolean): number {
  return turns.filter(holds).length / turns.length;
}

function countPositive({ reviews }: OfflineTurn): number {
  return reviews.filter((review) => review.verdict === "positive").length;
}

describe("an offline conversation of three turns per seed", () => {
  it("sees both verdicts in fair shares", () => {
    expect(share((turn) => turn.verdict === "positive")).toBeGreaterThan(0.25);
    expect(share((turn) => turn.verdict === "positive")).toBeLessThan(0.75);
  });

  it("sees panels of one mind and divided ones, either way", () => {
    for (const positive of [0, 1, 2, 3]) expect(share((turn) => countPositive(turn) === positive)).toBeGreaterThan(0.1);
  });

  it.each([
    [0, 1],
    [0, 2],
    [1, 2],
  ])("sees other scores of reviewers %i and %i in at least four turns of five", (one, other) => {
    const scoresOf = ({ reviews }: OfflineTurn, index: number) => reviewDimensions.map((dimension) => reviews[index]?.scores[dimension]).join(" ");
    expect(share((turn) => scoresOf(turn, one) !== scoresOf(turn, other))).toBeGreaterThanOrEqual(0.8);
  });

  it("sees three different critiques in every turn", () => {
    expect(share((turn) => new Set(turn.reviews.map((review) => review.critique)).size === 3)).toBe(1);
  });

  it("sees critiques that quote the answer", () => {
    const plain = (text: string) => text.replace(/«\s|\s»|["“”„«»]/g, "");
    for (const { answer, reviews } of turns) {
      for (const { critique } of reviews) {
        const [, quoted = "nothing"] = /["“„«]\s?([^"“”„«»]+?)\s?["“”»]/.exec(critique) ?? [];
        expect(plain(answer)).toContain(quoted);
      }
    }
  });
});

describe("an offline conversation", () => {
  it("gives twenty turns twenty different instructions, whichever way the verdicts go", async () => {
    for (const seed of readSeedMessages().slice(6, 9)) {
      const longer = await runOfflineConversation(seed, 20);
      expect(new Set(longer.map((turn) => turn.instruction.toLowerCase())).size).toBe(20);
    }
  });

  it("is the same conversation the second time", async () => {
    const seed = "How do I prune apple trees in a cold winter?";
    expect(await runOfflineConversation(seed, 4)).toEqual(await runOfflineConversation(seed, 4));
  });
});
