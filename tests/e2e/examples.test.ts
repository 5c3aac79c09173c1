import { execFile } from "node:child_process";
import { readdir } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { type OpenAiServer, startOpenAiServer } from "../support/openai-server.js";

const root = fileURLToPath(new URL("../..", import.meta.url));

/** Ends the process at its first attempt to reach a host. (tsx itself speaks over a socket file, which is no host.) */
const noNetwork = `
  import net from "node:net";
  const connect = net.Socket.prototype.connect;
  net.Socket.prototype.connect = function (...args) {
    const target = args.flat()[0];
    if (typeof target === "string" || target?.path) return connect.apply(this, args);
    process._rawDebug("reached out to the network");
    process.exit(99);
  };
`;
const offline = { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(noNetwork)}` };

/** Runs an example as it stands, as its first comment says, with nothing in its environment but what is given. */
async function run(name: string, args: readonly string[] = [], env: Readonly<Record<string, string>> = offline): Promise<string> {
  const { PATH = "", HOME = "" } = process.env;
  const { stdout } = await promisify(execFile)(`${root}node_modules/.bin/tsx`, [`examples/${name}`, ...args], {
    cwd: root,
    env: { PATH, HOME, ...env },
  });
  return stdout;
}

/** What stands between the headings that match, without the text before the first. */
const parts = (text: string, heading: RegExp) => text.split(heading).slice(1);
const count = (text: string, pattern: RegExp) => text.match(pattern)?.length ?? 0;

describe("with the rehearsal model and no network", () => {
  it("panel-in-your-agent: a negative verdict makes the agent revise, a positive one ends it", async () => {
    const [draft = "", revised = "", ...more] = parts(await run("panel-in-your-agent.ts"), /^ANSWER$/m);
    expect(more).toEqual([]);
    expect(draft).toContain("VERDICT: negative");
    expect(count(draft, /^(accuracy|depth|usefulness): negative\. .{40,}/gm)).toBe(3);
    expect(revised).toContain("VERDICT: positive");
    expect(count(revised, /^(accuracy|depth|usefulness): positive\. .{40,}/gm)).toBe(3);
    const answerOf = (text: string) => text.split("\n\n")[0];
    expect(answerOf(revised)).not.toBe(answerOf(draft));
  });

  it("custom-reviewer: the check in code finds what the model does not, and turns the verdict", async () => {
    const [first = "", second = ""] = parts(await run("custom-reviewer.ts"), /^TURN \d$/m);
    expect(first).toMatch(/^accuracy: positive\. /m);
    expect(first).toMatch(/^json: negative\. A program cannot read the answer: .*it is no JSON \(Unexpected token/m);
    expect(first).toContain("VERDICT: negative");
    expect(second.trim()).not.toBe("");
    expect(second).not.toContain("VERDICT");
  });

  it("custom-chairman-policy: digs while a score is below 7, and widens only then", async () => {
    const text = await run("custom-chairman-policy.ts");
    const evolutions = [...text.matchAll(/^TURN \d \((\w+)\)$/gm)].map((match) => match[1]);
    const lowest = [...text.matchAll(/lowest score (\d+)$/gm)].map((match) => Number(match[1]));
    expect(evolutions).toHaveLength(5);
    expect(evolutions).toEqual(["seed", ...lowest.map((score) => (score >= 7 ? "breadth" : "depth"))]);
    expect(new Set(evolutions)).toEqual(new Set(["seed", "breadth", "depth"]));
  });

  it("stream-to-terminal: instruction, answer, reviews and verdict of each turn in their order", async () => {
    const turns = parts(await run("stream-to-terminal.ts"), /^--- Turn \d \(\w+\) ---$/m);
    expect(turns).toHaveLength(3);
    for (const turn of turns.slice(0, 2)) {
      expect(turn).toMatch(/^\n\S.*\n\n\S[^]{40,}\n\n(?:\w+: (?:positive|negative) \(usefulness \d+, .*\)\n {2}\S.*\n){3}Verdict: \w+, \d to \d\n/);
    }
    const [instruction, ...answer] = (turns[2] ?? "").trim().split("\n\n");
    expect(instruction).toMatch(/\?$/);
    expect(answer.join(" ").length).toBeGreaterThan(40);
  });
});

describe("with a model of one's own", () => {
  let server: OpenAiServer;
  beforeAll(async () => {
    server = await startOpenAiServer();
  });
  afterAll(() => server.close());

  it("runs every example of the folder against the endpoint that it is given", async () => {
    const names = (await readdir(`${root}examples`)).filter((name) => name.endsWith(".ts"));
    expect(names.length).toBeGreaterThanOrEqual(4);
    for (const name of names) {
      const before = server.requests.length;
      const text = await run(name, ["openai:test", server.baseUrl], { OPENAI_API_KEY: "test" });
      expect(text, name).toMatch(/(?:start with step|How would case) [0-9a-f]{8}/);
      expect(text, name).toMatch(/verdict/i);
      expect(server.requests.length - before, name).toBeGreaterThanOrEqual(4);
    }
  });
});
