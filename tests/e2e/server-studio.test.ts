import { execFile } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";

import { beforeAll, describe, expect, it } from "vitest";

import { Settings } from "../../src/state/settings.js";
import { type DevServer, devServers } from "../support/dev-server.js";
import { temporaryFiles } from "../support/temporary-files.js";

const files = temporaryFiles();
const startDevServer = devServers();
const assistant = "review_instruct";
let server: DevServer;

beforeAll(async () => {
  server = await startDevServer({ folder: files.path("studio") });
});

/** Runs a program next to the project, as it stands. */
async function runProgram(code: string): Promise<string> {
  const file = join(files.path("studio"), "program.mts");
  await writeFile(file, code);
  const { stdout } = await promisify(execFile)(process.execPath, ["--import", "tsx", file], { cwd: files.path("studio") });
  return stdout;
}

it("makes the assistants that docs/studio.md shows, with the code that stands there", async () => {
  const page = await readFile(new URL("../../docs/studio.md", import.meta.url), "utf8");
  const [, code = ""] = /```ts\n([\s\S]+?)```/.exec(page) ?? [];
  expect(code).toContain("http://localhost:2024");
  const said = await runProgram(code.replace("http://localhost:2024", server.url));
  for (const name of ["Three critics", "No review", "German"]) expect(said).toContain(`${name} {`);
  expect(said).toContain("reviewer: 'reader'");
});

describe("what Studio draws and asks for", () => {
  it("is a form for every setting, with title, description, default and choices", async () => {
    const { context_schema: context, config_schema: config } = await server.client().assistants.getSchemas(assistant);
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
      candidate: { langgraph_nodes: ["candidate"], properties: { temperature: { default: 0.1, minimum: 0, maximum: 2 } } },
      panel: { langgraph_nodes: ["reviewer"], items: { properties: { focus: { langgraph_type: "prompt" } } } },
    });
  });

  it("is a form for the input, with chat messages or a seed, none of it required", async () => {
    const { input_schema: input } = await server.client().assistants.getSchemas(assistant);
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

  it("describes state and output, field by field", async () => {
    const { state_schema: state, output_schema: output } = await server.client().assistants.getSchemas(assistant);
    const described = { title: expect.any(String), description: expect.any(String) };
    const shown = { messages: { ...described, langgraph_type: "messages" }, turns: described, earlyStop: described };
    expect(output).toMatchObject({ properties: shown });
    expect(state).toMatchObject({ properties: { ...shown, pendingInstruction: described, instruction: described } });
  });

  it("is the true graph, with the person's pause and a label on every branch", async () => {
    const { nodes, edges } = await server.client().assistants.getGraph(assistant);
    expect(nodes.map(({ id }) => id)).toEqual(["__start__", "seed", "candidate", "reviewer", "verdict", "chairman", "human_review", "__end__"]);
    const drawn = edges.map(({ source, target, data, conditional }) => `${source} ${conditional ? `-(${data})` : "-"}-> ${target}`);
    expect(drawn.sort()).toEqual(
      [
        "__start__ --> seed",
        "seed --> candidate",
        "candidate -(review)-> reviewer",
        "candidate -(no review)-> chairman",
        "candidate -(done)-> __end__",
        "reviewer --> verdict",
        "verdict -(positive)-> chairman",
        "verdict -(negative)-> chairman",
        "verdict -(call back)-> reviewer",
        "verdict -(done)-> __end__",
        "chairman -(next turn)-> candidate",
        "chairman -(human review)-> human_review",
        "chairman -(no instruction)-> __end__",
        "human_review -(next turn)-> candidate",
        "human_review -(ended)-> __end__",
      ].sort(),
    );
  });
});

describe("a conversation on the server, offline and with no key", () => {
  it("is made from a seed", async () => {
    const client = server.client();
    const { thread_id } = await client.threads.create();
    const values = await client.runs.wait(thread_id, assistant, { input: { instruction: "How is bread made?", input: "Rye only." } });
    expect(values).toMatchObject({ messages: [{ type: "human", content: "How is bread made?\n\nRye only." }, { type: "ai" }, {}, {}, {}, {}] });
    const state = await client.threads.getState<{ turns: { reviews: unknown[] }[] }>(thread_id);
    expect(state.next).toEqual([]);
    expect(state.values.turns.map(({ reviews }) => reviews.length)).toEqual([3, 3, 0]);
  });

  it("works as a chat: messages in, messages out, and again on the same thread", async () => {
    const client = server.client();
    const { thread_id } = await client.threads.create();
    const say = async (content: string) => {
      await client.runs.wait(thread_id, assistant, { input: { messages: [{ role: "user", content }] }, context: { mode: "single_turn" } });
      const { values } = await client.threads.getState<{ messages: { type: string; content: string }[] }>(thread_id);
      return values.messages;
    };
    expect((await say("Why does bread go stale?")).map(({ type }) => type)).toEqual(["human", "ai"]);
    const both = await say("And in the fridge?");
    expect(both.map(({ type }) => type)).toEqual(["human", "ai", "human", "ai"]);
    expect(both[2]?.content).toBe("And in the fridge?");
    expect(both[3]?.content).not.toBe("");
  });

  it("may have twenty turns with a review of the last", async () => {
    const client = server.client();
    const { thread_id } = await client.threads.create();
    const context = { turns: 20, reviewFinalTurn: true };
    await client.runs.wait(thread_id, assistant, { input: { instruction: "How is bread made?" }, context });
    const { values, next } = await client.threads.getState<{ turns: { verdict: string | null }[] }>(thread_id);
    expect(next).toEqual([]);
    expect(values.turns).toHaveLength(20);
    expect(values.turns.map(({ verdict }) => verdict)).not.toContain(null);
  });

  it("follows its assistant's settings: several stand and run side by side", async () => {
    const client = server.client();
    const make = (name: string, context: unknown) => client.assistants.create({ graphId: assistant, name, context });
    const assistants = await Promise.all([
      make("Two critics", {
        turns: 2,
        panel: [
          { name: "facts", focus: "Facts." },
          { name: "style", focus: "Style." },
        ],
      }),
      make("No review", { turns: 2, mode: "no_review" }),
      make("German", { turns: 1, language: "German" }),
    ]);
    const found = await client.assistants.search({ graphId: assistant });
    expect(found.map(({ name }) => name)).toEqual(expect.arrayContaining(["Two critics", "No review", "German", assistant]));
    const seats = await Promise.all(
      assistants.map(async ({ assistant_id }) => {
        const { thread_id } = await client.threads.create();
        await client.runs.wait(thread_id, assistant_id, { input: { instruction: "How is bread made?" } });
        const { values } = await client.threads.getState<{ turns: { reviews: { reviewer: string }[] }[] }>(thread_id);
        return values.turns.map(({ reviews }) => reviews.map(({ reviewer }) => reviewer));
      }),
    );
    expect(seats).toEqual([[["facts", "style"], []], [[], []], [[]]]);
  });

  it("refuses settings and input that make no sense, saying what is wrong", async () => {
    const client = server.client();
    const failure = async (run: Parameters<typeof client.runs.wait>[2]) => {
      const { thread_id } = await client.threads.create();
      return JSON.stringify(await client.runs.wait(thread_id, assistant, { ...run, raiseError: false }));
    };
    expect(await failure({ input: { instruction: "Hi." }, context: { turns: 0 } })).toMatch(/__error__.*turns/);
    expect(await failure({ input: {} })).toMatch(/nothing to ask/);
  });
});

describe("the panel by itself", () => {
  it("is served beside the loop and reviews the last answer of any conversation", async () => {
    const client = server.client();
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
