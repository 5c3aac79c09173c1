import { randomUUID } from "node:crypto";

import type { Client } from "@langchain/langgraph-sdk";
import { beforeAll, describe, expect, it } from "vitest";

import { runCli } from "../support/cli.js";
import { type DevServer, useDevServers } from "../support/dev-server.js";
import { createTemporaryFiles } from "../support/temporary-files.js";

const files = createTemporaryFiles();
const startDevServer = useDevServers();
const keys = { alice: "alice-key-0123456789", bob: "bob-key-0123456789-b" };
const assistant = "review_instruct";
const context = { mode: "single_turn" };
const privateText = "Alice asks something in private.";
let server: DevServer;
let alice: Client;
let bob: Client;
let thread: string;
let run: string;

beforeAll(async () => {
  server = await startDevServer({
    folder: files.path("access"),
    config: "langgraph.auth.json",
    env: { REVIEW_INSTRUCT_API_KEYS: `alice:${keys.alice},bob:${keys.bob}` },
  });
  [alice, bob] = [server.createClient(keys.alice), server.createClient(keys.bob)];
  thread = (await alice.threads.create()).thread_id;
  const createdRun = await alice.runs.create(thread, assistant, { input: { instruction: privateText }, context });
  run = createdRun.run_id;
  await alice.runs.join(thread, run);
});

/** Returns the HTTP status that a request of the client fails with. */
async function getFailureStatus(request: Promise<unknown>): Promise<number> {
  try {
    return expect.fail(`answered ${JSON.stringify(await request)}`);
  } catch (error) {
    if (error instanceof Error && "status" in error && typeof error.status === "number") return error.status;
    throw error;
  }
}

/** Sends a request without the client. */
async function sendRequest(path: string, init: RequestInit = {}): Promise<{ status: number; text: string }> {
  // A stream that stays open without events counts as empty.
  const response = await fetch(`${server.url}${path}`, { ...init, signal: AbortSignal.timeout(3_000) });
  return { status: response.status, text: await response.text().catch(() => "") };
}

describe("requests without a valid key", () => {
  it.each([
    ["no key", {}],
    ["an empty key", { "x-api-key": "" }],
    ["a wrong key", { "x-api-key": "alice-key-012345678" }],
    ["a user's name", { "x-api-key": "alice" }],
    ["another scheme", { authorization: `Basic ${keys.alice}` }],
    ["Studio's header", { "x-auth-scheme": "langsmith" }],
  ])("the server responds 401 to every request with %s", async (_what, headers) => {
    for (const path of ["/threads/search", "/assistants/search", "/runs/wait", "/runs/stream", "/store/items/search", "/internal/truncate"]) {
      expect(
        await sendRequest(path, { method: "POST", headers: { ...headers, "content-type": "application/json" }, body: "{}" }),
        path,
      ).toMatchObject({
        status: 401,
      });
    }
    for (const path of [`/threads/${thread}`, `/threads/${thread}/state`, `/assistants/${assistant}/schemas`, "/ok"]) {
      expect((await sendRequest(path, { headers })).status, path).toBe(401);
    }
  });

  it("the server responds to /info without a key, for health checks", async () => {
    expect((await sendRequest("/info")).status).toBe(200);
  });
});

it("the server accepts a key as x-api-key or as a bearer token", async () => {
  expect((await sendRequest(`/threads/${thread}`, { headers: { authorization: `Bearer ${keys.alice}` } })).status).toBe(200);
  expect((await alice.threads.get(thread)).thread_id).toBe(thread);
});

describe("threads of another user", () => {
  it("a user cannot read, resume, change, copy or delete another user's thread", async () => {
    expect(await getFailureStatus(bob.threads.get(thread))).toBe(404);
    expect(await getFailureStatus(bob.threads.getState(thread))).toBe(404);
    expect(await getFailureStatus(bob.threads.getHistory(thread))).toBe(404);
    expect(await getFailureStatus(bob.threads.update(thread, { metadata: { owner: "bob" } }))).toBe(404);
    expect(await getFailureStatus(bob.threads.updateState(thread, { values: { instruction: "x" } }))).toBe(404);
    expect(await getFailureStatus(bob.threads.delete(thread))).toBe(404);
    expect(await getFailureStatus(bob.runs.create(thread, assistant, { input: { messages: [{ role: "user", content: "And?" }] } }))).toBe(404);
    expect(await getFailureStatus(bob.runs.wait(thread, assistant, { command: { resume: { action: "accept" } } }))).toBe(404);
    expect(await getFailureStatus(bob.runs.get(thread, run))).toBe(404);
    expect(await getFailureStatus(bob.runs.join(thread, run))).toBe(404);
    expect(await getFailureStatus(bob.runs.cancel(thread, run))).toBe(404);
    expect(await getFailureStatus(bob.runs.delete(thread, run))).toBe(404);
    expect(await getFailureStatus(bob.runs.list(thread))).toBe(404);
    expect(await getFailureStatus(bob.threads.copy(thread))).toBe(409);
    expect(await getFailureStatus(bob.threads.create({ threadId: thread, ifExists: "do_nothing" }))).toBe(409);
    const { values, next } = await alice.threads.getState<{ messages: unknown[] }>(thread);
    expect({ messages: values.messages.length, next }).toEqual({ messages: 2, next: [] });
  });

  it("a user's thread is missing from the lists and counts of other users", async () => {
    expect((await bob.threads.search({ limit: 100 })).map(({ thread_id }) => thread_id)).not.toContain(thread);
    expect(await bob.threads.search({ ids: [thread] })).toEqual([]);
    expect(await bob.threads.search({ metadata: { owner: "alice" } })).toEqual([]);
    expect(await bob.threads.count({ metadata: { owner: "alice" } })).toBe(0);
    expect((await alice.threads.search({ limit: 100 })).map(({ thread_id }) => thread_id)).toContain(thread);
  });

  it("a user receives no events of another user's thread, in the newer protocol either", async () => {
    const headers = { "content-type": "application/json", "x-api-key": keys.alice };
    const post = (key: string, path: string, body: unknown) =>
      sendRequest(path, { method: "POST", headers: { ...headers, "x-api-key": key }, body: JSON.stringify(body) });
    const getStateCommand = { id: 1, method: "state.get", params: {} };
    for (const key of [keys.alice, keys.bob]) {
      for (const path of ["commands", "%63ommands", "commands?x=1"])
        expect((await post(key, `/threads/${thread}/${path}`, getStateCommand)).status).toBe(403);
      expect((await post(key, `/threads/${thread}/commands/`, getStateCommand)).text).not.toContain("private");
      expect((await post(key, `//threads/${thread}/commands`, getStateCommand)).text).not.toContain("private");
      expect((await post(key, `/threads/${thread}/stream/events`, { channels: ["values"] })).status).toBe(403);
    }
    const stateless = await alice.runs.create(null, assistant, { input: { instruction: privateText }, context });
    expect((await sendRequest(`/runs/${stateless.run_id}/stream`, { headers: { "x-api-key": keys.bob } })).status).toBe(403);
    const otherStream = await sendRequest(`/threads/${thread}/runs/${run}/stream`, { headers: { "x-api-key": keys.bob } });
    expect(otherStream.text).not.toContain("private");
  });
});

describe("owner metadata", () => {
  it("the server ignores an owner that a user sets", async () => {
    const { thread_id } = await bob.threads.create({ metadata: { owner: "alice" } });
    expect((await bob.threads.get(thread_id)).metadata).toMatchObject({ owner: "bob" });
    await bob.threads.update(thread_id, { metadata: { owner: "alice", note: "mine" } });
    expect((await bob.threads.get(thread_id)).metadata).toMatchObject({ owner: "bob", note: "mine" });
    await bob.runs.wait(thread_id, assistant, { input: { instruction: "Hello?" }, context, metadata: { owner: "alice" } });
    const id = randomUUID();
    await bob.runs.wait(id, assistant, { input: { instruction: "Hello?" }, context, ifNotExists: "create", metadata: { owner: "alice" } });
    expect((await bob.threads.get(id)).metadata).toMatchObject({ owner: "bob" });
    expect(await getFailureStatus(alice.threads.get(id))).toBe(404);
  });
});

describe("assistants", () => {
  it("assistants are private, except the ones of the graphs, which everybody can use and nobody can change", async () => {
    const created = await alice.assistants.create({ graphId: assistant, name: "Alice's", context, metadata: { created_by: "system" } });
    const id = created.assistant_id;
    expect(await getFailureStatus(bob.assistants.get(id))).toBe(404);
    expect(await getFailureStatus(bob.assistants.update(id, { name: "Bob's" }))).toBe(404);
    expect(await getFailureStatus(bob.assistants.delete(id))).toBe(404);
    expect(await getFailureStatus(bob.assistants.setLatest(id, 1))).toBe(404);
    expect(await getFailureStatus(bob.assistants.getVersions(id))).toBe(404);
    expect(await bob.assistants.search({ limit: 100 })).toEqual([]);
    expect((await alice.assistants.search({ limit: 100 })).map(({ name }) => name)).toEqual(["Alice's"]);
    for (const user of [alice, bob]) {
      const shared = await user.assistants.search({ metadata: { created_by: "system" } });
      expect(shared.map(({ name }) => name).sort()).toEqual([assistant, "review_panel"]);
      for (const { assistant_id, graph_id, name } of shared) {
        expect(graph_id).toBe(name);
        expect((await user.assistants.get(assistant_id)).graph_id).toBe(graph_id);
        expect((await user.assistants.getSchemas(graph_id)).context_schema).toMatchObject({ properties: { wordLimit: {} } });
        expect(await getFailureStatus(user.assistants.update(assistant_id, { context: { baseUrl: "http://127.0.0.1:9" } }))).toBe(404);
        expect(await getFailureStatus(user.assistants.delete(assistant_id))).toBe(404);
      }
    }
  });
});

describe("other routes", () => {
  it("store items are private, and webhooks and truncation are closed", async () => {
    await alice.store.putItem(["alice", "notes"], "one", { text: "private" });
    expect((await alice.store.getItem(["alice", "notes"], "one"))?.value).toEqual({ text: "private" });
    expect(await getFailureStatus(bob.store.getItem(["alice", "notes"], "one"))).toBe(403);
    expect(await getFailureStatus(bob.store.putItem(["alice", "notes"], "one", { text: "bob's" }))).toBe(403);
    expect(await getFailureStatus(bob.store.deleteItem(["alice", "notes"], "one"))).toBe(403);
    expect(await getFailureStatus(bob.store.searchItems(["alice"]))).toBe(403);
    expect(await getFailureStatus(bob.store.searchItems([]))).toBe(403);
    expect(await getFailureStatus(bob.store.listNamespaces({}))).toBe(403);
    expect(await bob.store.searchItems(["bob"])).toEqual({ items: [] });

    expect(await getFailureStatus(bob.runs.create(null, assistant, { input: { instruction: "Hi?" }, context, webhook: "http://127.0.0.1:9/" }))).toBe(
      403,
    );
    expect(
      (
        await sendRequest("/internal/truncate", {
          method: "POST",
          headers: { "x-api-key": keys.bob, "content-type": "application/json" },
          body: '{"threads":true}',
        })
      ).status,
    ).toBe(403);
    expect((await sendRequest("/%69nternal/truncate", { method: "POST", headers: { "x-api-key": keys.bob } })).status).toBe(403);
    expect((await alice.threads.get(thread)).thread_id).toBe(thread);
  });
});

describe("a job on the server", () => {
  const generate = async (env: Record<string, string>, ...flags: string[]) => {
    const seeds = await files.write('{"instruction":"Explain bread."}');
    return runCli(["generate", seeds, "--output", files.path(`out-${randomUUID()}`), "--server", server.url, ...flags], { env });
  };

  it("a job reads its key from LANGGRAPH_API_KEY", async () => {
    expect(await generate({ LANGGRAPH_API_KEY: keys.bob })).toMatchObject({ code: 0 });
  });

  it.each([
    ["no key", {}],
    ["a wrong key", { LANGGRAPH_API_KEY: "wrong-key-0123456789" }],
    ["only a LangSmith key", { LANGSMITH_API_KEY: keys.bob, LANGCHAIN_API_KEY: keys.bob }],
  ])("a job with %s fails and names LANGGRAPH_API_KEY", async (_what, env) => {
    const { code, stderr } = await generate(env);
    expect(code).toBe(3);
    expect(stderr).toContain("LANGGRAPH_API_KEY");
    expect(stderr).not.toContain("0123456789");
  });

  it("two users with the same seeds get separate rows and threads", async () => {
    for (const key of [keys.alice, keys.bob]) expect(await generate({ LANGGRAPH_API_KEY: key }, "--keep-checkpoints")).toMatchObject({ code: 0 });
    const keptThreads = await Promise.all([alice, bob].map((user) => user.threads.search({ metadata: { seed_index: 0 } })));
    expect(keptThreads.map((threads) => threads.length)).toEqual([1, 1]);
  });
});

it("the server log contains no key", () => {
  for (const key of Object.values(keys)) expect(server.getLog()).not.toContain(key);
});

describe("startup with authentication", () => {
  it.each([
    ["without keys", {}, "REVIEW_INSTRUCT_API_KEYS"],
    ["with a short key", { REVIEW_INSTRUCT_API_KEYS: "alice:short" }, "entry 1 (alice)"],
  ])("a server with authentication does not start %s", async (_what, env, message) => {
    const start = startDevServer({ folder: files.path(`keyless-${message.length}`), config: "langgraph.auth.json", env });
    await expect(start).rejects.toThrow(message);
  });
});
