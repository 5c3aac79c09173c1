import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

import { expect, it } from "vitest";

const root = fileURLToPath(new URL("../..", import.meta.url));
const cli = `${root}node_modules/@langchain/langgraph-cli/dist/cli/cli.mjs`;
const configuration = async (name: string): Promise<Record<string, unknown>> => JSON.parse(await readFile(`${root}${name}`, "utf8"));

it("both LangGraph configurations serve the same graphs", async () => {
  const { auth, ...shared } = await configuration("langgraph.auth.json");
  expect(shared).toEqual(await configuration("langgraph.json"));
  expect(auth).toEqual({ path: "./src/server/auth/auth.ts:auth", disable_studio_auth: true });
});

it.each(["langgraph.json", "langgraph.auth.json"])("%s produces the Dockerfile that docs/deploy.md shows", async (config) => {
  const env = { ...process.env, LANGGRAPH_CLI_NO_ANALYTICS: "1" };
  const { stdout } = await promisify(execFile)(process.execPath, [cli, "dockerfile", "-", "--config", config], { cwd: root, env });
  const lines = stdout.trim().split("\n");
  const shown = await readFile(`${root}docs/deploy.md`, "utf8");
  const [, page = ""] = /```dockerfile\n([\s\S]+?)\n```/.exec(shown) ?? [];
  const words = (line: string) =>
    line
      .split(/[ =]/, 2)
      .join(" ")
      .replace(/\/deps\/\S+/, "/deps");
  const expected = page.split("\n").filter((line) => config.includes("auth") || !line.includes("LANGGRAPH_AUTH"));
  expect(lines.map(words)).toEqual(expected.map(words));
  expect(lines[0]).toBe(expected[0]);
  for (const [, file = ""] of stdout.matchAll(/"path":"([^":]+):/g)) expect(existsSync(`${root}${file}`), file).toBe(true);
});
