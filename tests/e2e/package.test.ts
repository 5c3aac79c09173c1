import { execFile } from "node:child_process";
import { mkdir, readFile, symlink, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

import { beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";

import { createTemporaryFiles } from "../support/temporary-files.js";

const name = "langgraph-review-instruct";
const root = fileURLToPath(new URL("../..", import.meta.url));
const files = createTemporaryFiles();
const consumer = (...path: string[]) => files.path(join("consumer", ...path));
const installed = (...path: string[]) => consumer("node_modules", name, ...path);
let tarball = "";

const Manifest = z.looseObject({
  version: z.string(),
  dependencies: z.record(z.string(), z.string()),
  optionalDependencies: z.record(z.string(), z.string()),
  exports: z.record(z.string(), z.unknown()),
});
const manifest = async () => Manifest.parse(JSON.parse(await readFile(installed("package.json"), "utf8")));

/** Runs a program as a consumer would, with no key in its environment. What it says on a failure goes into the error. */
async function run(command: string, args: readonly string[], cwd = consumer()): Promise<string> {
  const { PATH = "", HOME = "" } = process.env;
  try {
    return (await promisify(execFile)(command, args, { cwd, env: { PATH, HOME, npm_config_offline: "true" } })).stdout;
  } catch (error) {
    const { stdout, stderr } = z.object({ stdout: z.string(), stderr: z.string() }).parse(error);
    throw new Error(`${command} ${args.join(" ")}\n${stdout}${stderr}`, { cause: error });
  }
}

const tool = (bin: string) => join(root, "node_modules/.bin", bin);

/** The parts of a page that are marked as TypeScript. */
async function snippets(page: string): Promise<string[]> {
  const text = await readFile(join(root, page), "utf8");
  return [...text.matchAll(/^```ts\n(.*?)^```$/gms)].map((match) => match[1] ?? "");
}

/** How a consumer may set up TypeScript, as strict as it goes. */
const setups = {
  nodenext: { module: "NodeNext", moduleResolution: "NodeNext" },
  bundler: { module: "ESNext", moduleResolution: "bundler" },
};

// Installed as npm would, but with no registry: the tarball is unpacked, and beside it stand the packages that its manifest
// names, and no others. What the package needs and does not name is therefore missing here.
beforeAll(async () => {
  const packed = await run("npm", ["pack", "--json", "--ignore-scripts", "--pack-destination", files.path("")], root);
  const [{ filename }] = z.tuple([z.object({ filename: z.string() })]).parse(JSON.parse(packed));
  tarball = files.path(filename);
  await mkdir(installed(), { recursive: true });
  await run("tar", ["-xzf", tarball, "--strip-components=1", "-C", installed()]);
  const { dependencies, optionalDependencies } = await manifest();
  for (const dependency of [...Object.keys({ ...dependencies, ...optionalDependencies }), "@types/node"]) {
    await mkdir(dirname(consumer("node_modules", dependency)), { recursive: true });
    await symlink(join(root, "node_modules", dependency), consumer("node_modules", dependency));
  }
  await writeFile(consumer("package.json"), JSON.stringify({ name: "consumer", version: "1.0.0", type: "module", dependencies: { [name]: "*" } }));
  await run("npm", ["rebuild", name, "--ignore-scripts"]);

  await writeFile(consumer("program.ts"), await readFile(join(root, "tests/consumer/program.ts"), "utf8"));
  const pages = (await Promise.all(["README.md", "docs/plugin.md"].map(snippets))).flat();
  await Promise.all(pages.map((text, index) => writeFile(consumer(`snippet-${index}.ts`), text)));
  const strict = { target: "ES2023", strict: true, exactOptionalPropertyTypes: true, noUncheckedIndexedAccess: true, verbatimModuleSyntax: true };
  for (const [setup, options] of Object.entries(setups)) {
    const compilerOptions = { ...options, ...strict, skipLibCheck: true, types: ["node"], outDir: setup };
    await writeFile(consumer(`tsconfig.${setup}.json`), JSON.stringify({ compilerOptions, include: ["*.ts"] }));
  }
});

describe("the packed package", () => {
  it("passes publint and attw", async () => {
    expect(await run(tool("publint"), ["run", "--strict", tarball], root)).toContain("All good!");
    expect(await run(tool("attw"), [tarball, "--profile", "esm-only"], root)).toContain("node16 (from ESM): 🟢 (ESM)");
  });

  it("contains the declared files and no development files", async () => {
    const list = (await run("tar", ["-tzf", tarball])).trim().split("\n");
    expect(list).toEqual(expect.arrayContaining(["package/package.json", "package/README.md", "package/LICENSE", "package/dist/index.d.ts"]));
    expect(list.filter((file) => !/^package\/(?:dist\/.+\.(?:d\.ts|js|json)|package\.json|README\.md|LICENSE)$/.test(file))).toEqual([]);
  });
});

describe("a program that uses it", () => {
  it.each(Object.keys(setups))("compiles a strict program and the snippets of the docs with moduleResolution %s", async (setup) => {
    expect(await snippets("docs/plugin.md")).toHaveLength(1);
    await run(tool("tsc"), ["-p", `tsconfig.${setup}.json`]);
  });

  it("has declarations that compile without skipLibCheck", async () => {
    const checked = run(tool("tsc"), ["-p", "tsconfig.nodenext.json", "--skipLibCheck", "false", "--noEmit"]).catch((error: Error) => error.message);
    // Packages that ours depends on may have faults of their own.
    expect((await checked).split("\n").filter((line) => line.includes(`node_modules/${name}/`) || line.startsWith("program.ts"))).toEqual([]);
  });

  it("runs a program with the loop, a custom reviewer, a policy and the panel in a host graph", async () => {
    const said = JSON.parse(await run(process.execPath, ["nodenext/program.js"]));
    expect(said).toMatchObject({
      defaults: 3,
      events: ["instruction", "response", "review", "review", "verdict", "instruction", "response"],
      turns: [
        { evolution: "seed", reviewers: ["facts", "length"] },
        { evolution: "depth", reviewers: [], verdict: null },
      ],
      hosted: { reviews: [{ reviewer: "facts" }, { reviewer: "length", critique: "It keeps within the limit." }] },
      refused: true,
    });
    expect(["positive", "negative"]).toContain(said.hosted.verdict);
  });

  it("runs the snippet of docs/plugin.md", async () => {
    const index = (await snippets("README.md")).length;
    const [verdict, ...reviews] = (await run(process.execPath, [`nodenext/snippet-${index}.js`])).trim().split("\n");
    expect(verdict).toMatch(/^(?:positive|negative)$/);
    expect(reviews).toHaveLength(3);
    for (const review of reviews) expect(review).toMatch(/^(?:accuracy|depth|usefulness): .{20,}/);
  });

  it("does not let a program import internal files", async () => {
    const { exports } = await manifest();
    expect(Object.keys(exports)).toEqual([".", "./conversation.schema.json", "./package.json"]);
    const reach = run(process.execPath, ["--input-type=module", "-e", `await import("${name}/dist/errors.js")`]);
    await expect(reach).rejects.toThrow("ERR_PACKAGE_PATH_NOT_EXPORTED");
  });
});

describe("its command line and its schema", () => {
  it("writes rows that the published JSON Schema accepts, and it rejects a broken one", async () => {
    const bin = consumer("node_modules/.bin/review-instruct");
    expect((await run(bin, ["--version"])).trim()).toBe((await manifest()).version);
    await writeFile(consumer("seeds.jsonl"), `${JSON.stringify({ instruction: "Why does bread go stale?" })}\n`);
    await run(bin, ["generate", "seeds.jsonl", "--output", "out"]);
    const lines = (await readFile(consumer("out/conversations.jsonl"), "utf8")).trim().split("\n");
    expect(lines).toHaveLength(1);

    const file = createRequire(consumer("program.js")).resolve(`${name}/conversation.schema.json`);
    const schema = z.fromJSONSchema(JSON.parse(await readFile(file, "utf8")));
    const row = JSON.parse(lines[0] ?? "");
    expect(schema.safeParse(row)).toMatchObject({ success: true });
    expect(row.turns).toHaveLength(3);
    expect(schema.safeParse({ ...row, turns: [{ ...row.turns[0], verdict: "undecided" }] }).success).toBe(false);
  });
});
