import { readFileSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { fileURLToPath } from "node:url";

import { expect, it } from "vitest";

const root = fileURLToPath(new URL("../../", import.meta.url));

it("lists every source file in AGENTS.md, each in its folder", async () => {
  const entries = await readdir(`${root}src`, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map(({ parentPath, name }) => `${parentPath}/${name}`.slice(`${root}src/`.length));
  expect(readListedFiles().sort()).toEqual(files.sort());
});

/** Files of the tree in AGENTS.md: a folder ends with "/", and what it holds is indented by two more spaces. */
function readListedFiles(): string[] {
  const tree = /## Every file of `src`\s+```\n(.*?)```/s.exec(readFileSync(`${root}AGENTS.md`, "utf8"))?.[1] ?? "";
  const folders: string[] = [];
  return tree.split("\n").flatMap((line) => {
    const depth = line.search(/\S/) / 2;
    const words = line.trim().split(/\s+/);
    if (words[0]?.endsWith("/")) folders.splice(depth, Number.POSITIVE_INFINITY, words[0]);
    const names = words.slice(0, words.findIndex((word) => !/\.(ts|json)$/.test(word)) >>> 0);
    return names.map((name) => folders.slice(0, depth).join("") + name);
  });
}
