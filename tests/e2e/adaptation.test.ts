import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { runCli } from "../support/cli.js";
import { createJobFiles, getGenerateArgs, readJobRows } from "../support/job-files.js";
import { createDefaultContent } from "../support/openai-answers.js";
import { type Handler, type OpenAiServer, startOpenAiServer } from "../support/openai-server.js";

const files = createJobFiles();
let server: OpenAiServer;
beforeEach(async () => {
  server = await startOpenAiServer();
});
afterEach(() => server.close());

const refuse = (status: number, message: string) => ({ status, body: { error: { message } } });
const hasSystemRole: (request: Parameters<Handler>[0]) => boolean = ({ body }) => body.messages.some(({ role }) => role === "system");

/** Endpoints, the line that says how requests to them are adapted, and how many requests that costs at most. */
const endpoints: [what: string, handler: Handler, line: string | null][] = [
  [
    "refuses any temperature",
    ({ body }) =>
      body.temperature === undefined ? undefined : refuse(400, "Unsupported value: 'temperature' does not support 0.1 with this model."),
    "openai:test at SERVER takes no temperature, so that none is sent from now on",
  ],
  [
    "refuses max_tokens",
    ({ body }) => (body.max_tokens === undefined ? undefined : refuse(400, "'max_tokens' is not supported. Use 'max_completion_tokens' instead.")),
    "openai:test at SERVER takes the output limit as `max_completion_tokens`",
  ],
  [
    "refuses the system role",
    (request) => (hasSystemRole(request) ? refuse(400, "System role not supported") : undefined),
    "openai:test at SERVER takes no system message",
  ],
  [
    "answers 500 to every format",
    ({ body }) => (body.response_format ? refuse(500, "Internal server error") : undefined),
    "openai:test at SERVER takes no JSON format",
  ],
  [
    "knows JSON objects alone",
    ({ body }) => (body.response_format?.type === "json_schema" ? refuse(500, "Input should be 'text' or 'json_object'") : undefined),
    "openai:test at SERVER does not take the JSON schema",
  ],
  [
    "ignores the format, and wraps its JSON into prose",
    (request) => ({ content: `Sure!\n\`\`\`json\n${createDefaultContent(request)}\n\`\`\`` }),
    null,
  ],
];

describe("generate at an endpoint that takes requests in another form", () => {
  it.each(endpoints)("finishes every conversation, and says once what changes: it %s", async (_what, handler, line) => {
    server.setHandler(handler);
    const output = files.createFolderPath();
    const { code, stderr } = await runCli([...getGenerateArgs(server, await files.writeSeeds(3), output), "--turns", "2"]);
    expect({ code, stderr }).toMatchObject({ code: 0 });
    expect(await readJobRows(output)).toHaveLength(3);
    const lines = stderr.split("\n").filter((text) => text.startsWith("openai:test at "));
    expect(lines).toHaveLength(line === null ? 0 : 1);
    if (line !== null) expect(lines[0]).toContain(line.replace("SERVER", server.baseUrl));
    expect(stderr).not.toContain("error:");
  });
});

it("generate sends the fields of the config file per role, and takes a key from the header's variable", async () => {
  const config = await files.write(
    [
      "topP: 0.8",
      "headers: { api-key: MY_AZURE_KEY }",
      "candidate: { topP: 0.9, extraBody: { chat_template_kwargs: { enable_thinking: false } } }",
    ].join("\n"),
    "yaml",
  );
  const output = files.createFolderPath();
  const args = [...getGenerateArgs(server, await files.writeSeeds(1), output), "--turns", "2", "--config", config];
  const { code, stdout, stderr } = await runCli(args, { env: { MY_AZURE_KEY: "planted-azure-0001" } });
  expect({ code, stderr }).toMatchObject({ code: 0 });
  const sent = server.requests.map(({ role, body, headers }) => ({ role, ...body, key: headers["api-key"], authorization: headers.authorization }));
  for (const { role, ...fields } of sent) {
    const own = role === "candidate" ? { top_p: 0.9, chat_template_kwargs: { enable_thinking: false } } : { top_p: 0.8 };
    expect(fields).toMatchObject({ ...own, key: "planted-azure-0001", authorization: undefined });
  }
  expect(JSON.stringify([await readJobRows(output), stdout, stderr])).not.toContain("planted-azure-0001");
});
