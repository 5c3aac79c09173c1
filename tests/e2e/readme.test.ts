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

it("documents link only to files and headings that exist", async () => {
  for (const page of ["README.md", "AGENTS.md"]) {
    const text = await readFile(`${root}${page}`, "utf8");
    for (const [, link = ""] of text.matchAll(/\]\((?!https?:|#)([^)]+)\)/g)) {
      const [file = "", anchor] = link.split("#");
      expect(existsSync(`${root}${file}`), `${page}: ${link}`).toBe(true);
      if (anchor !== undefined) expect(listAnchors(await readFile(`${root}${file}`, "utf8")), `${page}: ${link}`).toContain(anchor);
    }
  }
});

/** Anchors of a page's headings, as GitHub makes them. */
function listAnchors(text: string): string[] {
  const headings = [...text.matchAll(/^#+ (.+)$/gm)].map(([, heading = ""]) => heading);
  return headings.map((heading) =>
    heading
      .toLowerCase()
      .replace(/[^\w\- ]/g, "")
      .replaceAll(" ", "-"),
  );
}
