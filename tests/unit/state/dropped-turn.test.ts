import { expect, it } from "vitest";

import { turnsReducer } from "../../../src/state/records.js";

it("turnsReducer removes a dropped turn and keeps the ones before it", () => {
  const call = { caller: "candidate", group: "", model: "m", inputTokens: 3, outputTokens: null };
  const started = turnsReducer(
    [],
    [
      { turn: 1, evolution: "seed" },
      { turn: 2, evolution: "depth" },
    ],
  );
  const turns = turnsReducer(started, [
    { turn: 1, calls: [call] },
    { turn: 2, dropped: true },
  ]);
  expect(turns).toMatchObject([{ turn: 1, calls: [{ caller: "candidate" }] }]);
  expect(turns[0]).not.toHaveProperty("dropped");
});
