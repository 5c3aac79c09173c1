import { readFile } from "node:fs/promises";

import { afterAll, afterEach, beforeAll, expect, test, vi } from "vitest";

import { createReviewInstructGraph } from "../../src/graph/review-instruct.js";
import { createModelCaller } from "../../src/models/create-model-caller.js";
import type { SettingsInput } from "../../src/state/settings.js";
import { openTracing } from "../../src/tracing/open-tracing.js";
import { withServerTracing } from "../../src/tracing/server-tracing.js";
import { type LangSmithServer, startLangSmithServer } from "../support/langsmith-server.js";
import { type OpenAiServer, startOpenAiServer } from "../support/openai-server.js";
import { createScriptedSettings } from "../support/scripted-chat.js";
import { createTemporaryFiles } from "../support/temporary-files.js";
import { runTracedConversation, createTracingEnv } from "../support/traced-conversation.js";

const files = createTemporaryFiles();
let langsmith: LangSmithServer;
let openai: OpenAiServer;
beforeAll(async () => {
  langsmith = await startLangSmithServer();
  openai = await startOpenAiServer();
});
afterAll(() => Promise.all([langsmith.close(), openai.close()]));
afterEach(() => vi.unstubAllEnvs());

/** Adds a query to a base URL. The client sends the value in another form than it is written here. */
function withQuery(baseUrl: string, value: string): string {
  return `${baseUrl}?version=1&key=${encodeURIComponent(value)}`;
}

const planted = {
  langsmithKey: "planted-langsmith-0001",
  openaiKey: "planted-openai-0002",
  corporateKey: "planted-corporate-0003",
  gatewayPass: "planted-gateway-0011",
  databasePassword: "planted/database@0004",
  urlKey: "planted-url-0005",
  note: "planted-note-0006",
  query: "planted query/0009",
  unknownKey: "sk-proj-plantedplantedplanted0007",
  unknownToken: "Bearer planted.unknown.token.0008",
};

test("no secret reaches LangSmith, a trace file or a warning of a job", async () => {
  const { urlKey, note, ...repeatable } = planted;
  const env = createTracingEnv(langsmith.url, {
    LANGSMITH_API_KEY: planted.langsmithKey,
    OPENAI_API_KEY: planted.openaiKey,
    CORPORATE: planted.corporateKey,
    GATEWAY_ACCESS: planted.gatewayPass,
    DATABASE_URL: `postgres://someone:${encodeURIComponent(planted.databasePassword)}@db.example/reviews`,
    // LangChain would copy this variable to the metadata.
    LANGSMITH_NOTE: note,
  });
  for (const [name, value] of Object.entries(env)) vi.stubEnv(name, value);
  const echo = [...Object.values(repeatable), new URLSearchParams({ key: planted.query })].join(" | ");
  // Secrets occur in the endpoint's error messages and in the models' responses.
  openai.setHandler(({ body, role, index, url }) => {
    if (body.model === "echoing-url") return { status: 503, body: { error: { message: `Cannot POST ${url}` } } };
    if (body.model === "echoing-refusal") return { status: 503, body: { error: { message: `Cannot serve the key ${echo}` } } };
    return role === "candidate" ? { content: `Answer ${index}. My instructions say: ${echo}`, reasoning: echo } : undefined;
  });
  const settings = createScriptedSettings({
    baseUrl: withQuery(openai.baseUrl, planted.query),
    quorum: 1,
    candidate: { model: "openai:candidate", apiKeyEnv: "CORPORATE", headers: { "x-gateway": "GATEWAY_ACCESS" } },
    panel: [
      { name: "accuracy", focus: echo, baseUrl: withQuery(openai.baseUrl, planted.query) },
      { name: planted.openaiKey, focus: "A name that is a key.", model: "openai:echoing-refusal" },
      { name: "url", focus: "An address with a key.", model: "openai:echoing-url", baseUrl: `${openai.baseUrl}?sig=${urlKey}` },
    ],
  });
  const traceFile = files.path("traces.jsonl");
  const warnings: string[] = [];
  const tracing = await openTracing({ env, experiment: `try ${planted.corporateKey}`, traceFile, onWarning: (text) => warnings.push(text) });
  const callModel = createModelCaller({ env, maxRetries: 0 });
  const output = await runTracedConversation(tracing, { id: `conversation ${echo}`, settings, callModel });
  await tracing.close();

  // The conversation itself is not redacted, and all of it passed through the places that are searched below.
  expect(output.messages[1]?.text).toContain(planted.openaiKey);
  expect(openai.requests.some(({ headers }) => headers["x-gateway"] === planted.gatewayPass)).toBe(true);
  expect(output.turns[0]?.abstentions).toHaveLength(2);
  expect(langsmith.getRuns().filter((run) => run.run_type === "llm").length).toBeGreaterThan(6);
  expect(langsmith.getFeedback().length).toBeGreaterThan(6);

  const traceFileText = await readFile(traceFile, "utf8");
  expectNoSecrets(planted, { langsmith: langsmith.getSentText(), traceFile: traceFileText, warnings: warnings.join() });
  expect(langsmith.getSentText()).toContain("[secret]");
});

/** Secrets that only a server has: headers, keys that its operator lists, and users' keys. */
const plantedOnServer = {
  header: "planted-header-0101",
  agent: "planted-agent-0102",
  listedKey: "planted-listed-0103",
  namedKey: "planted-named-0104",
  aliceKey: "planted-alice-0105",
  bobKey: "planted-bob-0106",
  listedQuery: "planted listed/0107",
  namedQuery: "planted named/0108",
};

test("no secret reaches LangSmith from a served graph", async () => {
  const { header, agent, listedKey, namedKey, aliceKey, bobKey, listedQuery, namedQuery } = plantedOnServer;
  const env = createTracingEnv(langsmith.url, {
    LISTED: listedKey,
    NAMED: `${namedKey}\n`,
    REVIEW_INSTRUCT_API_KEYS: `alice:${aliceKey},bob:${bobKey}`,
  });
  const queries = new URLSearchParams({ listed: listedQuery, named: namedQuery });
  const echo = [listedKey, namedKey, aliceKey, bobKey, listedQuery, namedQuery, queries].join(" | ");
  openai.setHandler(({ body, role }) => {
    if (body.model === "echoing-refusal") return { status: 503, body: { error: { message: `Cannot serve ${echo}` } } };
    return role === "candidate" ? { content: `My instructions say: ${echo}` } : undefined;
  });
  const callModel = createModelCaller({ env, maxRetries: 0 });
  const getGraph = withServerTracing(createReviewInstructGraph({ callModel }), {
    env,
    endpoints: [{ apiKeyEnv: "LISTED", baseUrl: withQuery("https://listed.example/v1", listedQuery) }],
    secrets: [aliceKey, bobKey],
    onWarning: () => {},
  });
  const context: SettingsInput = {
    turns: 2,
    model: "openai:test",
    baseUrl: openai.baseUrl,
    apiKeyEnv: "NAMED",
    quorum: 1,
    panel: [
      { name: "accuracy", focus: echo, baseUrl: withQuery(openai.baseUrl, namedQuery) },
      { name: "depth", focus: "Depth.", model: "openai:echoing-refusal" },
    ],
  };
  // A LangGraph server fills it from the request.
  const configurable = { thread_id: "served", "x-goog-api-key": header, "X-Other": header, "user-agent": agent };
  const graph = getGraph({ configurable }, { executionRuntime: { context } });
  const events = graph.streamEvents({ instruction: `What of ${echo}?` }, { version: "v2", context, configurable, metadata: { "x-more": header } });
  for await (const event of events) expect(event).toBeDefined();
  const getRuns = () => langsmith.getRuns().filter((run) => run.extra.metadata.thread_id === "served");
  await langsmith.waitUntil(() => getRuns().some((run) => !run.parent_run_id && run.end_time !== undefined));
  expect(getRuns().filter((run) => run.run_type === "llm").length).toBeGreaterThan(4);
  expectNoSecrets(plantedOnServer, { langsmith: langsmith.getSentText() });
});

/** Expects that no text holds a secret in any of its forms. */
function expectNoSecrets(secrets: Record<string, string>, texts: Record<string, string>): void {
  for (const [place, text] of Object.entries(texts)) {
    for (const [name, secret] of Object.entries(secrets)) {
      const sentForm = new URLSearchParams({ secret }).toString().replace("secret=", "");
      for (const form of [secret, sentForm, encodeURIComponent(secret), JSON.stringify(secret).slice(1, -1)]) {
        const index = text.indexOf(form);
        expect(index, `${name} in ${place}: ${text.slice(Math.max(0, index - 200), index + 50)}`).toBe(-1);
      }
    }
  }
}
