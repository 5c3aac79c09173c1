import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

import { expect, it } from "vitest";

const root = fileURLToPath(new URL("../..", import.meta.url));

it("README shows the compiled graph and every setting with its default", async () => {
  const { stderr } = await promisify(execFile)(process.execPath, ["scripts/update-readme.mjs", "--check"], { cwd: root });
  expect(stderr).toBe("");
});

it("documents link only to files that exist", async () => {
  for (const page of ["README.md", "AGENTS.md"]) {
    const text = await readFile(`${root}${page}`, "utf8");
    const links = [...text.matchAll(/\]\((?!https?:|#)([^)]+)\)/g)].map((match) => match[1] ?? "");
    for (const link of links) expect(existsSync(`${root}${link}`), `${page}: ${link}`).toBe(true);
  }
});
