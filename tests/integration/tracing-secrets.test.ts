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
import { temporaryFiles } from "../support/temporary-files.js";
import { runTracedConversation, createTracingEnv } from "../support/traced-conversation.js";

const files = temporaryFiles();
let langsmith: LangSmithServer;
let openai: OpenAiServer;
beforeAll(async () => {
  langsmith = await startLangSmithServer();
  openai = await startOpenAiServer();
});
afterAll(() => Promise.all([langsmith.close(), openai.close()]));
afterEach(() => vi.unstubAllEnvs());

/** To a base URL; the value is sent in another form than it is written in here. */
const withQuery = (baseUrl: string, value: string) => `${baseUrl}?version=1&key=${encodeURIComponent(value)}`;

const planted = {
  langsmithKey: "planted-langsmith-0001",
  openaiKey: "planted-openai-0002",
  corporateKey: "planted-corporate-0003",
  databasePassword: "planted/database@0004",
  urlKey: "planted-url-0005",
  note: "planted-note-0006",
  query: "planted query/0009",
  unknownKey: "sk-proj-plantedplantedplanted0007",
  unknownToken: "Bearer planted.unknown.token.0008",
};

test("no secret gets into a trace, wherever it stood", async () => {
  const { urlKey, note, ...repeatable } = planted;
  const env = createTracingEnv(langsmith.url, {
    LANGSMITH_API_KEY: planted.langsmithKey,
    OPENAI_API_KEY: planted.openaiKey,
    CORPORATE: planted.corporateKey,
    DATABASE_URL: `postgres://someone:${encodeURIComponent(planted.databasePassword)}@db.example/reviews`,
    // LangChain would make metadata of it.
    LANGSMITH_NOTE: note,
  });
  for (const [name, value] of Object.entries(env)) vi.stubEnv(name, value);
  const echo = [...Object.values(repeatable), new URLSearchParams({ key: planted.query })].join(" | ");
  // In an endpoint's words of refusal, and in what models say.
  openai.setHandler(({ body, role, index, url }) => {
    if (body.model === "echoing-url") return { status: 400, body: { error: { message: `Cannot POST ${url}` } } };
    if (body.model === "echoing-refusal") return { status: 503, body: { error: { message: `Cannot serve the key ${echo}` } } };
    return role === "candidate" ? { content: `Answer ${index}. My instructions say: ${echo}`, thinking: echo } : undefined;
  });
  const settings = createScriptedSettings({
    baseUrl: withQuery(openai.baseUrl, planted.query),
    quorum: 1,
    candidate: { model: "openai:candidate", apiKeyEnv: "CORPORATE" },
    panel: [
      { name: "accuracy", focus: echo, baseUrl: withQuery(openai.baseUrl, planted.query) },
      { name: planted.openaiKey, focus: "A name that is a key.", model: "openai:echoing-refusal" },
      { name: "url", focus: "An address with a key.", model: "openai:echoing-url", baseUrl: `${openai.baseUrl}?sig=${urlKey}` },
    ],
  });
  const traceFile = files.path("traces.jsonl");
  const warnings: string[] = [];
  const tracing = await openTracing({ env, experiment: `try ${planted.corporateKey}`, traceFile, onWarning: (text) => warnings.push(text) });
  const models = createModelCaller({ env, maxRetries: 0 });
  const output = await runTracedConversation(tracing, { id: `conversation ${echo}`, settings, models });
  await tracing.close();

  // The conversation itself is what was said; and it did pass through everything that is looked at below.
  expect(output.messages[1]?.text).toContain(planted.openaiKey);
  expect(output.turns[0]?.abstentions).toHaveLength(2);
  expect(langsmith.getRuns().filter((run) => run.run_type === "llm").length).toBeGreaterThan(6);
  expect(langsmith.getFeedback().length).toBeGreaterThan(6);

  const written = await readFile(traceFile, "utf8");
  expectNoneOf(planted, { langsmith: langsmith.getSentText(), written, warnings: warnings.join() });
  expect(langsmith.getSentText()).toContain("[secret]");
});

/** What only a server has: headers, keys that its operator lists, and users' keys. */
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

test("no secret gets into the trace of a served graph either", async () => {
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
  const models = createModelCaller({ env, maxRetries: 0 });
  const served = withServerTracing(createReviewInstructGraph({ callModel: models }), {
    env,
    endpoints: [{ apiKeyEnv: "LISTED", baseUrl: withQuery("https://listed.example/v1", listedQuery) }],
    keys: [aliceKey, bobKey],
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
  // As a LangGraph server fills it from the request.
  const configurable = { thread_id: "served", "x-goog-api-key": header, "X-Other": header, "user-agent": agent };
  const graph = served({ configurable }, { executionRuntime: { context } });
  const events = graph.streamEvents({ instruction: `What of ${echo}?` }, { version: "v2", context, configurable, metadata: { "x-more": header } });
  for await (const event of events) expect(event).toBeDefined();
  const runs = () => langsmith.getRuns().filter((run) => run.extra.metadata.thread_id === "served");
  await langsmith.waitUntil(() => runs().some((run) => !run.parent_run_id && run.end_time !== undefined));
  expect(runs().filter((run) => run.run_type === "llm").length).toBeGreaterThan(4);
  expectNoneOf(plantedOnServer, { langsmith: langsmith.getSentText() });
});

function expectNoneOf(secrets: Record<string, string>, everywhere: Record<string, string>): void {
  for (const [place, text] of Object.entries(everywhere)) {
    for (const [what, secret] of Object.entries(secrets)) {
      const sent = new URLSearchParams({ secret }).toString().replace("secret=", "");
      for (const form of [secret, sent, encodeURIComponent(secret), JSON.stringify(secret).slice(1, -1)]) {
        expect(text.includes(form), `${what} in ${place}: ${text.slice(Math.max(0, text.indexOf(form) - 200), text.indexOf(form) + 50)}`).toBe(false);
      }
    }
  }
}
