import { describe, expect, it } from "vitest";

import { runCli } from "../support/cli.js";
import { startOpenAiServer } from "../support/openai-server.js";
import { createTemporaryFiles } from "../support/temporary-files.js";

const files = createTemporaryFiles();

describe("run", () => {
  it("prints instruction, response, reviews, verdict and next instruction as they arrive", async () => {
    const { code, stdout, stderr } = await runCli(["run", "Why is the sky blue?", "--input", "At noon.", "--turns", "2"]);
    expect(code).toBe(0);
    expect(stderr).toContain("for trying things out");
    const marks = [
      "Turn 1 (seed)",
      "Why is the sky blue?\n\nAt noon.",
      "Response",
      "Review: accuracy",
      "Review: depth",
      "Review: usefulness",
      "Verdict",
      "Turn 2 (",
      "Response",
    ];
    let at = 0;
    for (const mark of marks) {
      const found = stdout.indexOf(mark, at);
      expect(found, mark).toBeGreaterThanOrEqual(at);
      at = found + mark.length;
    }
    expect(stdout.indexOf("Turn 3")).toBe(-1);
  });

  it("asks a person before each instruction: text replaces it, a full stop ends the conversation", async () => {
    const server = await startOpenAiServer();
    const args = ["run", "Say something.", "--human-review", "--turns", "4", "--model", "openai:test", "--base-url", server.baseUrl];
    const { code, stdout, stderr } = await runCli(args, { input: "Say it in Latin.\n\n.\n" });
    await server.close();
    expect({ code, stderr }).toMatchObject({ code: 0 });
    expect(stderr.match(/Proposed next instruction/g)).toHaveLength(3);
    expect(stdout).toContain("Say it in Latin.");
    expect(stdout).toContain("The conversation stops here");
    // Three turns, each reviewed and asked on, and no call twice.
    expect(server.requests).toHaveLength(3 * 5);
  });

  it("prints no control character of a seed or a response", async () => {
    const server = await startOpenAiServer(({ role }) =>
      role === "candidate" ? { content: "calm \u001b[2J\u001b]0;title\u0007 words" } : undefined,
    );
    const { stdout } = await runCli(["run", "Hi \u001b[2Jthere.", "--turns", "1", "--model", "openai:test", "--base-url", server.baseUrl]);
    await server.close();
    expect(stdout).toContain("calm  words");
    expect(stdout).toContain("Hi [2Jthere.");
    expect(stdout).not.toContain("\u001b");
  });

  it("names endpoint, role and what to do when the endpoint refuses", async () => {
    const server = await startOpenAiServer(() => ({ status: 404, body: { error: { message: "no such model" } } }));
    const { code, stderr } = await runCli(["run", "Hi.", "--model", "openai:nope", "--base-url", server.baseUrl]);
    await server.close();
    expect(code).toBe(3);
    for (const text of [server.baseUrl, "candidate", "nope"]) expect(stderr).toContain(text);
  });

  it("writes a trace file that the command `trace` prints as a tree", async () => {
    const file = files.path("trace.jsonl");
    await runCli(["run", "Why is the sky blue?", "--turns", "2", "--trace-file", file]);
    const { code, stdout } = await runCli(["trace", file]);
    expect(code).toBe(0);
    for (const name of ["Why is the sky blue?", "candidate turn 1", "review: accuracy turn 1", "chairman turn 1", "candidate turn 2"])
      expect(stdout).toContain(name);
    expect(stdout).toMatch(/review: depth turn 1 .* tokens .*(positive|negative)/);
  });
});

describe("models by role", () => {
  it("uses each role's own model, endpoint and key", async () => {
    const [own, other] = [await startOpenAiServer(), await startOpenAiServer()];
    const config = await files.write(
      [
        "turns: 2",
        "model: openai:gpt-4o",
        `baseUrl: ${own.baseUrl}`,
        `chairman: { model: "openai:big", baseUrl: "${other.baseUrl}", apiKeyEnv: OTHER_KEY }`,
        "panel: [{ name: one, focus: truth }, { name: two, focus: use, model: openai:small, temperature: 0.9 }]",
      ].join("\n"),
      "yaml",
    );
    const { code, stderr } = await runCli(["run", "Hi.", "--config", config], { env: { OPENAI_API_KEY: "first", OTHER_KEY: "second" } });
    await Promise.all([own.close(), other.close()]);
    expect({ code, stderr }).toMatchObject({ code: 0 });
    expect(own.requests.map(({ role, body }) => [role, body.model])).toEqual([
      ["candidate", "gpt-4o"],
      ["reviewer", "gpt-4o"],
      ["reviewer", "small"],
      ["candidate", "gpt-4o"],
    ]);
    expect(own.requests[2]?.body.temperature).toBe(0.9);
    expect(new Set(own.requests.map(({ headers }) => headers.authorization))).toEqual(new Set(["Bearer first"]));
    expect(other.requests.map(({ role, body, headers }) => [role, body.model, headers.authorization])).toEqual([
      ["chairman", "big", "Bearer second"],
    ]);
  });

  it("refuses a panel file that is not a list of reviewers", async () => {
    const panel = await files.write("gpt-4o", "yaml");
    const { code, stderr } = await runCli(["run", "Hi.", "--panel", panel]);
    expect(code).toBe(1);
    expect(stderr).toContain("not a panel");
  });
});
