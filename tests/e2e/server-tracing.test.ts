import { join } from "node:path";

import { Client } from "@langchain/langgraph-sdk";
import { expect, it } from "vitest";

import { computeSettingsFingerprint } from "../../src/generation/fingerprint.js";
import { Settings } from "../../src/state/settings.js";
import { runCli } from "../support/cli.js";
import { useDevServers } from "../support/dev-server.js";
import { respondWithFailures, expectTraceWithFailures } from "../support/eventful-endpoint.js";
import { startLangSmithServer } from "../support/langsmith-server.js";
import { startOpenAiServer } from "../support/openai-server.js";
import { readRows } from "../support/rows.js";
import { createTemporaryFiles } from "../support/temporary-files.js";

const files = createTemporaryFiles();
const startDevServer = useDevServers();

it("the dev server traces every run once, with feedback and labels and without its key", async () => {
  const langsmith = await startLangSmithServer();
  const key = "lsv2_pt_planted0123456789abcdef_0123456789";
  const env = { LANGSMITH_TRACING: "true", LANGSMITH_ENDPOINT: langsmith.url, LANGSMITH_API_KEY: key, LANGSMITH_PROJECT: "served" };
  const server = await startDevServer({ folder: files.path("traced"), env });
  const client = server.createClient();
  const { thread_id: thread } = await client.threads.create();
  await client.runs.wait(thread, "review_instruct", { input: { instruction: "Why is the sky blue?" }, context: { turns: 2 } });
  const getModelRuns = () => langsmith.getRuns().filter((run) => run.run_type === "llm" && run.extra.metadata.thread_id === thread);
  await langsmith.waitUntil(() => getModelRuns().length >= 6 && getModelRuns().every((run) => run.end_time) && langsmith.getFeedback().length >= 18);

  const reviews = ["accuracy", "depth", "usefulness"].map((name) => `review: ${name} turn 1`);
  expect(
    getModelRuns()
      .map(({ name }) => name)
      .sort(),
  ).toEqual(["candidate turn 1", "candidate turn 2", "chairman turn 1", ...reviews].sort());
  expect(new Set(getModelRuns().map((run) => run.trace_id)).size).toBe(1);
  const settings = computeSettingsFingerprint(Settings.parse({ turns: 2 }));
  for (const run of getModelRuns()) {
    expect(run.extra.metadata).toMatchObject({ conversation: thread, mode: "multi_review", settings });
    expect(run.tags).toEqual(expect.arrayContaining([`conversation:${thread}`, "mode:multi_review", `settings:${settings}`]));
  }
  const answer = getModelRuns().find(({ name }) => name === "candidate turn 1");
  expect(langsmith.getFeedback().filter((rating) => rating.run_id === answer?.id)).toHaveLength(18);
  expect(JSON.stringify([langsmith.getRuns(), langsmith.getFeedback(), langsmith.requests.map(({ fields }) => fields)])).not.toContain(key);
  await langsmith.close();
});

it.each([
  ["named by their seeds", {}, ["Explain rye.", "Explain oats."]],
  ["named by number where texts are hidden", { LANGSMITH_HIDE_INPUTS: "true", LANGSMITH_HIDE_OUTPUTS: "true" }, ["seed 0", "seed 1"]],
])("the dev server's traces of a job have the labels of the job and are %s", async (what, hidingEnv, names) => {
  const langsmith = await startLangSmithServer();
  const env = { LANGSMITH_TRACING: "true", LANGSMITH_ENDPOINT: langsmith.url, LANGSMITH_API_KEY: "lsv2_pt_0123456789abcdef", ...hidingEnv };
  const server = await startDevServer({ folder: files.path(what), env });
  const texts = ["Explain rye.", "Explain oats."];
  const seeds = await files.write(texts.map((instruction) => JSON.stringify({ instruction })).join("\n"));
  const output = files.path(`out ${what}`);
  const flags = ["--turns", "2", "--experiment", "bold"];
  expect(await runCli(["generate", seeds, "--output", output, "--server", server.url, ...flags])).toMatchObject({ code: 0 });
  const getRootRuns = () => langsmith.getRuns().filter((run) => !run.parent_run_id);
  const getModelRuns = () => langsmith.getRuns().filter((run) => run.run_type === "llm");
  await langsmith.waitUntil(() => getRootRuns().length === 2 && getModelRuns().length === 12 && langsmith.getRuns().every((run) => run.end_time));

  const rows = (await readRows(join(output, "conversations.jsonl"))).sort((a, b) => a.seed.index - b.seed.index);
  const settings = computeSettingsFingerprint(Settings.parse({ turns: 2 }));
  for (const [index, name] of names.entries()) {
    const conversation = rows[index]?.id;
    const root = getRootRuns().find((run) => run.name === name);
    const labels = { conversation, seed: index, mode: "multi_review", settings, experiment: "bold" };
    for (const run of [root, ...getModelRuns().filter(({ trace_id }) => trace_id === root?.id)]) {
      expect(run?.extra.metadata).toMatchObject({ ...labels, thread_id: conversation });
      expect(run?.tags).toEqual(expect.arrayContaining(Object.entries(labels).map(([label, value]) => `${label}:${value}`)));
    }
  }
  expect(texts.some((text) => langsmith.getSentText().includes(text))).toBe(!("LANGSMITH_HIDE_INPUTS" in hidingEnv));
  await langsmith.close();
});

it("the dev server's traces show a retried call and an abstention", async () => {
  const [langsmith, endpoint] = [await startLangSmithServer(), await startOpenAiServer(respondWithFailures)];
  const env = {
    LANGSMITH_TRACING: "true",
    LANGSMITH_ENDPOINT: langsmith.url,
    LANGSMITH_API_KEY: "lsv2_pt_0123456789abcdef",
    OPENAI_API_KEY: "sk-0123456789",
    REVIEW_INSTRUCT_ENDPOINTS: `OPENAI_API_KEY=${endpoint.baseUrl}`,
  };
  const server = await startDevServer({ folder: files.path("eventful"), env });
  const client = server.createClient();
  const { thread_id: thread } = await client.threads.create();
  const context = { model: "openai:test", baseUrl: endpoint.baseUrl };
  await client.runs.wait(thread, "review_instruct", { input: { instruction: "Why is the sky blue?" }, context });
  await expectTraceWithFailures(langsmith, thread);
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
  const getRootRun = () => langsmith.getRuns().find((run) => run.extra.metadata.thread_id === thread && !run.parent_run_id);
  await langsmith.waitUntil(() => getRootRun()?.end_time !== undefined);
  expect(JSON.stringify(getRootRun()?.outputs)).toContain("They told me [secret], [secret] and [secret].");
  for (const secret of [header, corporate, query, alice, bob]) expect(langsmith.getSentText()).not.toContain(secret);
  await Promise.all([langsmith.close(), endpoint.close()]);
});

it.each(["true", "false"])("the dev server redacts traces that a client requests itself (LANGSMITH_TRACING=%s)", async (tracing) => {
  const langsmith = await startLangSmithServer();
  const key = "planted-key-0001";
  const env = { LANGSMITH_TRACING: tracing, LANGSMITH_ENDPOINT: langsmith.url, LANGSMITH_API_KEY: "lsv2_pt_0123456789abcdef", CORPORATE_KEY: key };
  const server = await startDevServer({ folder: files.path(`tracing-${tracing}`), env });
  const requestBodies = [{ langsmith_tracer: { project_name: "by body" } }, { config: { configurable: { langsmith_project: "by config" } } }];
  for (const body of requestBodies) {
    const { thread_id: thread } = await server.createClient().threads.create();
    const response = await fetch(`${server.url}/threads/${thread}/runs/wait`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ assistant_id: "review_instruct", input: { instruction: `Why is ${key} my key?` }, context: { turns: 1 }, ...body }),
    });
    expect(await response.text()).toContain(key);
  }
  if (tracing === "true") {
    const getEndedRuns = () => langsmith.getRuns().filter((run) => !run.parent_run_id && run.end_time !== undefined);
    await langsmith.waitUntil(() => getEndedRuns().length >= 4);
    expect(new Set(getEndedRuns().map((run) => run.session_name))).toEqual(new Set(["by body", "by config", "default"]));
  }
  // A killed server sends nothing more.
  await server.kill();
  expect(langsmith.getSentText()).not.toContain(key);
  if (tracing === "false") expect(langsmith.requests).toEqual([]);
  await langsmith.close();
});
