import { expect, it } from "vitest";

import type { ModelResponse } from "../../../../src/model-calls/model-call.js";
import { setGgufSlots, withGgufSlots } from "../../../../src/models/gguf/slots.js";
import { createModelSettings, createRequest } from "../../../support/model-requests.js";

const response: ModelResponse = { text: "ok", finishReason: "stop", usage: { inputTokens: 1, outputTokens: 1 }, model: "m" };

it("calls of a model in this process wait outside of their attempts until the open model has room, whoever makes them", async () => {
  let active = 0;
  let started = 0;
  const finish: (() => void)[] = [];
  const attempt = async () => {
    active++;
    started++;
    await new Promise<void>((resolve) => finish.push(resolve));
    active--;
    return response;
  };
  const [first, second] = [withGgufSlots()(attempt), withGgufSlots()(attempt)];
  const request = createRequest(null, { settings: createModelSettings(null, { model: "gguf:m.gguf" }) });
  const calls = [first, second, first, second].map((call) => call(request, {}));
  const settle = () => new Promise((resolve) => setImmediate(resolve));
  await settle();
  expect(active).toBe(1);
  setGgufSlots("m.gguf", 2);
  await settle();
  expect(active).toBe(2);
  while (started < 4 || active > 0) {
    finish.shift()?.();
    await settle();
    expect(active).toBeLessThanOrEqual(2);
  }
  expect(await Promise.all(calls)).toHaveLength(4);
});
