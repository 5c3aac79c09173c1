import { execFile } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";

import { beforeAll, describe, expect, it } from "vitest";

import { Settings } from "../../src/state/settings.js";
import { type DevServer, useDevServers } from "../support/dev-server.js";
import { createTemporaryFiles } from "../support/temporary-files.js";

const files = createTemporaryFiles();
const startDevServer = useDevServers();
const assistant = "review_instruct";
let server: DevServer;

beforeAll(async () => {
  server = await startDevServer({ folder: files.path("studio") });
});

/** Runs a TypeScript program that can import the dependencies of the project. */
async function runProgram(code: string): Promise<string> {
  const file = join(files.path("studio"), "program.mts");
  await writeFile(file, code);
  const { stdout } = await promisify(execFile)(process.execPath, ["--import", "tsx", file], { cwd: files.path("studio") });
  return stdout;
}

it("the code in docs/studio.md creates the assistants that it describes", async () => {
  const page = await readFile(new URL("../../docs/studio.md", import.meta.url), "utf8");
  const [, code = ""] = /```ts\n([\s\S]+?)```/.exec(page) ?? [];
  expect(code).toContain("http://localhost:2024");
  const output = await runProgram(code.replace("http://localhost:2024", server.url));
  for (const name of ["Three critics", "No review", "German"]) expect(output).toContain(`${name} {`);
  expect(output).toContain("reviewer: 'reader'");
});

describe("schemas for Studio", () => {
  it("the context schema describes every setting with title, description, default and choices", async () => {
    const { context_schema: context, config_schema: config } = await server.createClient().assistants.getSchemas(assistant);
    expect(config).toEqual(context);
    const properties: Record<string, Record<string, unknown>> = JSON.parse(JSON.stringify(context?.properties));
    expect(Object.keys(properties)).toEqual(Object.keys(Settings.shape));
    const defaults = JSON.parse(JSON.stringify(Settings.parse({})));
    for (const [name, property] of Object.entries(properties)) {
      expect(property, name).toMatchObject({ title: expect.any(String), description: expect.any(String), default: defaults[name] });
    }
    expect(properties).toMatchObject({
      turns: { type: "integer", minimum: 1, maximum: 100 },
      mode: { enum: ["single_turn", "no_review", "one_review", "multi_review"] },
      tieBreak: { enum: ["breadth", "depth"] },
      humanReview: { type: "boolean", langgraph_nodes: ["human_review"] },
      temperature: { default: 0.1, minimum: 0, maximum: 2 },
      candidate: { langgraph_nodes: ["candidate"], properties: { temperature: { minimum: 0, maximum: 2 } } },
      panel: { langgraph_nodes: ["reviewer"], items: { properties: { focus: { langgraph_type: "prompt" } } } },
    });
  });

  it("the input schema has chat messages and the seed fields, all optional", async () => {
    const { input_schema: input } = await server.createClient().assistants.getSchemas(assistant);
    expect(input).toMatchObject({
      properties: {
        messages: { title: "Messages", type: "array", langgraph_type: "messages" },
        instruction: { title: "Instruction", default: null },
        input: { title: "Input", default: null },
        system: { title: "System prompt", default: null },
      },
    });
    expect(input).not.toHaveProperty("required");
  });

  it("the state and output schemas describe every field", async () => {
    const { state_schema: state, output_schema: output } = await server.createClient().assistants.getSchemas(assistant);
    const described = { title: expect.any(String), description: expect.any(String) };
    const shown = { messages: { ...described, langgraph_type: "messages" }, turns: described, earlyStop: described };
    expect(output).toMatchObject({ properties: shown });
    expect(state).toMatchObject({ properties: { ...shown, pendingInstruction: described, instruction: described } });
  });

  it("the drawn graph has every node and a label on every branch", async () => {
    const { nodes, edges } = await server.createClient().assistants.getGraph(assistant);
    expect(nodes.map(({ id }) => id)).toEqual([
      "__start__",
      "start_conversation",
      "candidate",
      "reviewer",
      "aggregate_reviews",
      "chairman",
      "human_review",
      "__end__",
    ]);
    const drawnEdges = edges.map(({ source, target, data, conditional }) => `${source} ${conditional ? `-(${data})` : "-"}-> ${target}`);
    expect(drawnEdges.sort()).toEqual(
      [
        "__start__ --> start_conversation",
        "start_conversation --> candidate",
        "candidate -(review)-> reviewer",
        "candidate -(no review)-> chairman",
        "candidate -(done)-> __end__",
        "reviewer --> aggregate_reviews",
        "aggregate_reviews -(positive)-> chairman",
        "aggregate_reviews -(negative)-> chairman",
        "aggregate_reviews -(retry missing reviewers)-> reviewer",
        "aggregate_reviews -(done)-> __end__",
        "chairman -(next turn)-> candidate",
        "chairman -(human review)-> human_review",
        "chairman -(no instruction)-> __end__",
        "human_review -(next turn)-> candidate",
        "human_review -(stopped)-> __end__",
      ].sort(),
    );
  });
});

describe("conversations with the offline model", () => {
  it("the server generates a conversation from a seed", async () => {
    const client = server.createClient();
    const { thread_id } = await client.threads.create();
    const values = await client.runs.wait(thread_id, assistant, { input: { instruction: "How is bread made?", input: "Rye only." } });
    expect(values).toMatchObject({ messages: [{ type: "human", content: "How is bread made?\n\nRye only." }, { type: "ai" }, {}, {}, {}, {}] });
    const state = await client.threads.getState<{ turns: { reviews: unknown[] }[] }>(thread_id);
    expect(state.next).toEqual([]);
    expect(state.values.turns.map(({ reviews }) => reviews.length)).toEqual([3, 3, 0]);
  });

  it("the graph works as a chat: messages in, messages out, several times per thread", async () => {
    const client = server.createClient();
    const { thread_id } = await client.threads.create();
    const sendMessage = async (content: string) => {
      await client.runs.wait(thread_id, assistant, { input: { messages: [{ role: "user", content }] }, context: { mode: "single_turn" } });
      const { values } = await client.threads.getState<{ messages: { type: string; content: string }[] }>(thread_id);
      return values.messages;
    };
    expect((await sendMessage("Why does bread go stale?")).map(({ type }) => type)).toEqual(["human", "ai"]);
    const allMessages = await sendMessage("And in the fridge?");
    expect(allMessages.map(({ type }) => type)).toEqual(["human", "ai", "human", "ai"]);
    expect(allMessages[2]?.content).toBe("And in the fridge?");
    expect(allMessages[3]?.content).not.toBe("");
  });

  it("a conversation can have twenty turns and a review of the last one", async () => {
    const client = server.createClient();
    const { thread_id } = await client.threads.create();
    const context = { turns: 20, reviewFinalTurn: true };
    await client.runs.wait(thread_id, assistant, { input: { instruction: "How is bread made?" }, context });
    const { values, next } = await client.threads.getState<{ turns: { verdict: string | null }[] }>(thread_id);
    expect(next).toEqual([]);
    expect(values.turns).toHaveLength(20);
    expect(values.turns.map(({ verdict }) => verdict)).not.toContain(null);
  });

  it("several assistants with different settings run at the same time", async () => {
    const client = server.createClient();
    const createAssistant = (name: string, context: unknown) => client.assistants.create({ graphId: assistant, name, context });
    const assistants = await Promise.all([
      createAssistant("Two critics", {
        turns: 2,
        panel: [
          { name: "facts", focus: "Facts." },
          { name: "style", focus: "Style." },
        ],
      }),
      createAssistant("No review", { turns: 2, mode: "no_review" }),
      createAssistant("German", { turns: 1, language: "German" }),
    ]);
    const foundAssistants = await client.assistants.search({ graphId: assistant });
    expect(foundAssistants.map(({ name }) => name)).toEqual(expect.arrayContaining(["Two critics", "No review", "German", assistant]));
    const reviewers = await Promise.all(
      assistants.map(async ({ assistant_id }) => {
        const { thread_id } = await client.threads.create();
        await client.runs.wait(thread_id, assistant_id, { input: { instruction: "How is bread made?" } });
        const { values } = await client.threads.getState<{ turns: { reviews: { reviewer: string }[] }[] }>(thread_id);
        return values.turns.map(({ reviews }) => reviews.map(({ reviewer }) => reviewer));
      }),
    );
    expect(reviewers).toEqual([[["facts", "style"], []], [[], []], [[]]]);
  });

  it("a run with invalid settings or input fails with a message about the problem", async () => {
    const client = server.createClient();
    const runAndGetError = async (run: Parameters<typeof client.runs.wait>[2]) => {
      const { thread_id } = await client.threads.create();
      return JSON.stringify(await client.runs.wait(thread_id, assistant, { ...run, raiseError: false }));
    };
    expect(await runAndGetError({ input: { instruction: "Hi." }, context: { turns: 0 } })).toMatch(/__error__.*turns/);
    expect(await runAndGetError({ input: {} })).toMatch(/nothing to ask/);
  });
});

describe("the graph review_panel", () => {
  it("review_panel reviews the last response of any conversation", async () => {
    const client = server.createClient();
    const { thread_id: thread } = await client.threads.create();
    const messages = [
      { role: "user", content: "Why is the sky blue?" },
      { role: "assistant", content: "Because air scatters blue light more than red." },
    ];
    const values = await client.runs.wait(thread, "review_panel", { input: { messages }, context: { tieBreak: "breadth" } });
    expect(values).toMatchObject({
      reviews: ["accuracy", "depth", "usefulness"].map((reviewer) => ({ reviewer })),
      verdict: expect.stringMatching(/^(positive|negative)$/),
    });
  });
});
