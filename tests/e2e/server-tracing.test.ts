import { join } from "node:path";

import { Client } from "@langchain/langgraph-sdk";
import { expect, it } from "vitest";

import { settingsFingerprint } from "../../src/generation/fingerprint.js";
import { Settings } from "../../src/state/settings.js";
import { runCli } from "../support/cli.js";
import { devServers } from "../support/dev-server.js";
import { eventful, expectEventfulTrace } from "../support/eventful-endpoint.js";
import { startLangSmithServer } from "../support/langsmith-server.js";
import { startOpenAiServer } from "../support/openai-server.js";
import { readRows } from "../support/rows.js";
import { temporaryFiles } from "../support/temporary-files.js";

const files = temporaryFiles();
const startDevServer = devServers();

it("the dev server sends every run once, rated, with its labels and without its key", async () => {
  const langsmith = await startLangSmithServer();
  const key = "lsv2_pt_planted0123456789abcdef_0123456789";
  const env = { LANGSMITH_TRACING: "true", LANGSMITH_ENDPOINT: langsmith.url, LANGSMITH_API_KEY: key, LANGSMITH_PROJECT: "served" };
  const server = await startDevServer({ folder: files.path("traced"), env });
  const client = server.client();
  const { thread_id: thread } = await client.threads.create();
  await client.runs.wait(thread, "review_instruct", { input: { instruction: "Why is the sky blue?" }, context: { turns: 2 } });
  const calls = () => langsmith.getRuns().filter((run) => run.run_type === "llm" && run.extra.metadata.thread_id === thread);
  await langsmith.waitUntil(() => calls().length >= 6 && calls().every((run) => run.end_time) && langsmith.getFeedback().length >= 18);

  const reviews = ["accuracy", "depth", "usefulness"].map((name) => `review: ${name} turn 1`);
  expect(
    calls()
      .map(({ name }) => name)
      .sort(),
  ).toEqual(["candidate turn 1", "candidate turn 2", "chairman turn 1", ...reviews].sort());
  expect(new Set(calls().map((run) => run.trace_id)).size).toBe(1);
  const settings = settingsFingerprint(Settings.parse({ turns: 2 }));
  for (const run of calls()) {
    expect(run.extra.metadata).toMatchObject({ conversation: thread, mode: "multi_review", settings });
    expect(run.tags).toEqual(expect.arrayContaining([`conversation:${thread}`, "mode:multi_review", `settings:${settings}`]));
  }
  const answer = calls().find(({ name }) => name === "candidate turn 1");
  expect(langsmith.getFeedback().filter((rating) => rating.run_id === answer?.id)).toHaveLength(18);
  expect(JSON.stringify([langsmith.getRuns(), langsmith.getFeedback(), langsmith.requests.map(({ fields }) => fields)])).not.toContain(key);
  await langsmith.close();
});

it.each([
  ["named by their seeds", {}, ["Explain rye.", "Explain oats."]],
  ["named by number where texts are hidden", { LANGSMITH_HIDE_INPUTS: "true", LANGSMITH_HIDE_OUTPUTS: "true" }, ["seed 0", "seed 1"]],
])("a job's traces on the dev server carry the labels of a job, %s", async (what, hiding, names) => {
  const langsmith = await startLangSmithServer();
  const env = { LANGSMITH_TRACING: "true", LANGSMITH_ENDPOINT: langsmith.url, LANGSMITH_API_KEY: "lsv2_pt_0123456789abcdef", ...hiding };
  const server = await startDevServer({ folder: files.path(what), env });
  const texts = ["Explain rye.", "Explain oats."];
  const seeds = await files.write(texts.map((instruction) => JSON.stringify({ instruction })).join("\n"));
  const output = files.path(`out ${what}`);
  const flags = ["--turns", "2", "--experiment", "bold"];
  expect(await runCli(["generate", seeds, "--output", output, "--server", server.url, ...flags])).toMatchObject({ code: 0 });
  const roots = () => langsmith.getRuns().filter((run) => !run.parent_run_id);
  const calls = () => langsmith.getRuns().filter((run) => run.run_type === "llm");
  await langsmith.waitUntil(() => roots().length === 2 && calls().length === 12 && langsmith.getRuns().every((run) => run.end_time));

  const rows = (await readRows(join(output, "conversations.jsonl"))).sort((a, b) => a.seed.index - b.seed.index);
  const settings = settingsFingerprint(Settings.parse({ turns: 2 }));
  for (const [index, name] of names.entries()) {
    const conversation = rows[index]?.id;
    const root = roots().find((run) => run.name === name);
    const labels = { conversation, seed: index, mode: "multi_review", settings, experiment: "bold" };
    for (const run of [root, ...calls().filter(({ trace_id }) => trace_id === root?.id)]) {
      expect(run?.extra.metadata).toMatchObject({ ...labels, thread_id: conversation });
      expect(run?.tags).toEqual(expect.arrayContaining(Object.entries(labels).map(([label, value]) => `${label}:${value}`)));
    }
  }
  expect(texts.some((text) => langsmith.getSentText().includes(text))).toBe(!("LANGSMITH_HIDE_INPUTS" in hiding));
  await langsmith.close();
});

it("the dev server's traces show a retried call and an abstention", async () => {
  const [langsmith, endpoint] = [await startLangSmithServer(), await startOpenAiServer(eventful)];
  const env = {
    LANGSMITH_TRACING: "true",
    LANGSMITH_ENDPOINT: langsmith.url,
    LANGSMITH_API_KEY: "lsv2_pt_0123456789abcdef",
    OPENAI_API_KEY: "sk-0123456789",
    REVIEW_INSTRUCT_ENDPOINTS: `OPENAI_API_KEY=${endpoint.baseUrl}`,
  };
  const server = await startDevServer({ folder: files.path("eventful"), env });
  const client = server.client();
  const { thread_id: thread } = await client.threads.create();
  const context = { model: "openai:test", baseUrl: endpoint.baseUrl };
  await client.runs.wait(thread, "review_instruct", { input: { instruction: "Why is the sky blue?" }, context });
  await expectEventfulTrace(langsmith, thread);
  await Promise.all([langsmith.close(), endpoint.close()]);
});

it("the dev server's traces show no header, no key of an endpoint or user, and no query of a base URL", async () => {
  const [header, corporate, query] = ["planted-header-0001", "planted-corporate-0002", "planted-query-0005"];
  const [alice, bob] = ["planted-alice-00000003", "planted-bob-00000004"];
  const langsmith = await startLangSmithServer();
  const endpoint = await startOpenAiServer(({ role }) =>
    role === "candidate" ? { content: `They told me ${corporate}, ${bob} and ${query}.` } : undefined,
  );
  const baseUrl = `${endpoint.baseUrl}?key=${query}`;
  const env = {
    LANGSMITH_TRACING: "true",
    LANGSMITH_ENDPOINT: langsmith.url,
    LANGSMITH_API_KEY: "lsv2_pt_0123456789abcdef",
    CORPORATE: corporate,
    REVIEW_INSTRUCT_ENDPOINTS: `CORPORATE=${baseUrl}`,
    REVIEW_INSTRUCT_API_KEYS: `alice:${alice},bob:${bob}`,
  };
  const server = await startDevServer({ folder: files.path("secrets"), config: "langgraph.auth.json", env });
  const client = new Client({ apiUrl: server.url, apiKey: alice, defaultHeaders: { "x-goog-api-key": header } });
  const { thread_id: thread } = await client.threads.create();
  const panel = [{ name: "accuracy", focus: "Truth.", baseUrl }];
  const context = { model: "openai:test", baseUrl, apiKeyEnv: "CORPORATE", turns: 2, quorum: 1, panel };
  const values = await client.runs.wait(thread, "review_instruct", { input: { instruction: `Why is ${alice} my key?` }, context });
  expect(JSON.stringify(values)).toContain(corporate);
  const root = () => langsmith.getRuns().find((run) => run.extra.metadata.thread_id === thread && !run.parent_run_id);
  await langsmith.waitUntil(() => root()?.end_time !== undefined);
  expect(JSON.stringify(root()?.outputs)).toContain("They told me [secret], [secret] and [secret].");
  for (const secret of [header, corporate, query, alice, bob]) expect(langsmith.getSentText()).not.toContain(secret);
  await Promise.all([langsmith.close(), endpoint.close()]);
});

it.each(["true", "false"])("a client that asks for a trace of its own gets none that is not scrubbed (tracing %s)", async (on) => {
  const langsmith = await startLangSmithServer();
  const key = "planted-key-0001";
  const env = { LANGSMITH_TRACING: on, LANGSMITH_ENDPOINT: langsmith.url, LANGSMITH_API_KEY: "lsv2_pt_0123456789abcdef", CORPORATE_KEY: key };
  const server = await startDevServer({ folder: files.path(`tracing-${on}`), env });
  const asking = [{ langsmith_tracer: { project_name: "by body" } }, { config: { configurable: { langsmith_project: "by config" } } }];
  for (const body of asking) {
    const { thread_id: thread } = await server.client().threads.create();
    const answer = await fetch(`${server.url}/threads/${thread}/runs/wait`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ assistant_id: "review_instruct", input: { instruction: `Why is ${key} my key?` }, context: { turns: 1 }, ...body }),
    });
    expect(await answer.text()).toContain(key);
  }
  if (on === "true") {
    const ended = () => langsmith.getRuns().filter((run) => !run.parent_run_id && run.end_time !== undefined);
    await langsmith.waitUntil(() => ended().length >= 4);
    expect(new Set(ended().map((run) => run.session_name))).toEqual(new Set(["by body", "by config", "default"]));
  }
  // With nothing more to come.
  await server.kill();
  expect(langsmith.getSentText()).not.toContain(key);
  if (on === "false") expect(langsmith.requests).toEqual([]);
  await langsmith.close();
});
