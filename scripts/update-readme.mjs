// Writes the parts of README.md that follow from the code: the graph as it is compiled, and the table of settings.
// With --check it writes nothing and fails where they differ. Needs a build.
import { readFileSync, writeFileSync } from "node:fs";

import { z } from "zod";

import { Settings, createModelCaller, createReviewInstructGraph } from "../dist/index.js";

const graph = createReviewInstructGraph({ models: createModelCaller() });
const drawing = (await graph.getGraphAsync()).drawMermaid({ withStyles: false }).trim();

const { properties } = z.toJSONSchema(Settings, { io: "input" });
const defaults = Settings.parse({});
const shown = (name) => {
  const value = defaults[name];
  if (name === "panel") return value.map((reviewer) => reviewer.name).join(", ");
  if (typeof value === "object" && value !== null)
    return Object.entries(value)
      .map(([key, inner]) => `${key} ${inner}`)
      .join(", ");
  return value === null ? "none" : String(value);
};
const rows = Object.entries(properties).map(([name, schema]) => `| \`${name}\` | ${shown(name)} | ${schema.description ?? ""} |`);
const table = ["| setting | default | meaning |", "| --- | --- | --- |", ...rows].join("\n");

const file = new URL("../README.md", import.meta.url);
const before = readFileSync(file, "utf8");
const put = (text, name, part) => {
  const [start, end] = [`<!-- ${name} -->\n`, `\n<!-- end of ${name} -->`];
  if (!text.includes(start) || !text.includes(end)) throw new Error(`README.md has no place for ${name}`);
  return text.slice(0, text.indexOf(start) + start.length) + part + text.slice(text.indexOf(end));
};
const after = put(put(before, "graph", `\`\`\`mermaid\n${drawing}\n\`\`\``), "settings", table);
if (process.argv.includes("--check")) {
  if (after !== before) {
    console.error("README.md is behind the code: run `npm run readme`");
    process.exitCode = 1;
  }
} else writeFileSync(file, after);
