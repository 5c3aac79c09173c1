import { randomUUID } from "node:crypto";

import { MemorySaver } from "@langchain/langgraph";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { getErrorMessage } from "../../src/errors.js";
import { createReviewInstructGraph } from "../../src/graph/review-instruct.js";
import { stopsJob, unwrapAggregateError } from "../../src/jobs/job-stopping-errors.js";
import { createFaultFinder } from "../../src/model-calls/middleware/fault-finder.js";
import { createRateLimiter } from "../../src/model-calls/rate-limit/rate-limiter.js";
import { createModelCaller } from "../../src/models/create-model-caller.js";
import { type Fault, type FaultClass, faults } from "../support/fault-matrix.js";
import { testEnv } from "../support/model-requests.js";
import { type OpenAiServer, type ServerRequest, startOpenAiServer } from "../support/openai-server.js";

const roles = ["candidate", "reviewer", "chairman"] as const;
type Role = (typeof roles)[number];
/** Marks the conversation whose requests meet the fault. */
const mark = "MARKED";

let server: OpenAiServer;
beforeAll(async () => {
  server = await startOpenAiServer();
});
afterAll(() => server.close());

/** Opens the graph with everything around its calls, with waits of milliseconds. */
function openGraph() {
  const rateLimiter = createRateLimiter({ pauseMs: 1, halfOpenAfterMs: 5, maxHalfOpenAfterMs: 10, giveUpAfterMs: 150 });
  const callModel = createModelCaller({
    env: testEnv,
    minDelayMs: 1,
    maxDelayMs: 4,
    middleware: [rateLimiter.middleware, createFaultFinder()],
  });
  return createReviewInstructGraph({ callModel, checkpointer: new MemorySaver() });
}

/** Runs one conversation. Returns what became of it. */
async function converse(graph: ReturnType<typeof openGraph>, instruction: string, role: Role, isStreamed: boolean) {
  const configurable = { thread_id: randomUUID() };
  const settings = { turns: role === "candidate" ? 1 : 2, model: "openai:test-model", baseUrl: server.baseUrl, apiKeyEnv: "TEST_KEY" };
  const context = JSON.parse(JSON.stringify(settings));
  try {
    if (isStreamed) for await (const _event of await graph.stream({ instruction }, { configurable, context, streamMode: "messages" }));
    else await graph.invoke({ instruction }, { configurable, context });
  } catch (thrown) {
    const error = unwrapAggregateError(thrown);
    return { outcome: stopsJob(error) ? "stopped" : "failed", message: getErrorMessage(error) };
  }
  const { values } = await graph.getState({ configurable });
  if (values.earlyStop) return { outcome: "ended early", message: "" };
  const abstains = values.turns.some(({ abstentions }: { abstentions: unknown[] }) => abstentions.length > 0);
  return { outcome: abstains ? "abstained" : "done", message: "" };
}

/** Returns true for the requests of one role; of the panel, only those of its first reviewer. */
function isFrom({ role, body }: ServerRequest, wanted: Role): boolean {
  return role === wanted && (role !== "reviewer" || JSON.stringify(body.messages).includes("Accuracy and relevance:"));
}

function getExpected(faultClass: FaultClass, role: Role, isUnusable = false): string {
  if (faultClass === "job") return "stopped";
  if (faultClass === "retried") return "done";
  if (role === "reviewer") return "abstained";
  return role === "chairman" && isUnusable ? "ended early" : "failed";
}

const cells = faults.flatMap((fault) => roles.map((role): [string, Role, Fault] => [fault.name, role, fault]));

describe("a fault that is bound to one conversation", () => {
  it.each(cells)("%s at the %s", async (_name, role, { response, bound, isUnusable }) => {
    server.setHandler((request) => (isFrom(request, role) && JSON.stringify(request.body).includes(mark) ? response : undefined));
    for (const order of ["first", "later"]) {
      const graph = openGraph();
      const seeds = order === "first" ? [`${mark} one?`, "Two?"] : ["One?", `${mark} two?`, "Three?"];
      for (const seed of seeds) {
        const { outcome, message } = await converse(graph, seed, role, order === "later");
        const isMarked = seed.startsWith(mark);
        expect({ order, seed, outcome, message }).toMatchObject({ outcome: isMarked ? getExpected(bound, role, isUnusable) : "done" });
      }
    }
  });
});

describe("a fault that every request meets", () => {
  it.each(faults.map((fault): [string, Fault] => [fault.name, fault]))("%s", async (_name, { response, everywhere, says = "" }) => {
    server.setHandler(() => response);
    const { outcome, message } = await converse(openGraph(), "One?", "candidate", false);
    expect({ outcome, message }).toMatchObject({ outcome: getExpected(everywhere, "candidate"), message: expect.stringContaining(says) });
  });
});

describe("a fault that one attempt meets", () => {
  it.each(cells)("%s at the %s", async (_name, role, { response, once, onceWithSchema = once, isUnusable }) => {
    let isMet = false;
    server.setHandler((request) => {
      if (isMet || !isFrom(request, role) || !JSON.stringify(request.body).includes(mark)) return undefined;
      isMet = true;
      return response;
    });
    const graph = openGraph();
    expect(await converse(graph, "One?", role, false)).toMatchObject({ outcome: "done" });
    const { outcome, message } = await converse(graph, `${mark} two?`, role, true);
    expect({ outcome, message }).toMatchObject({ outcome: getExpected(role === "candidate" ? once : onceWithSchema, role, isUnusable) });
  });
});
