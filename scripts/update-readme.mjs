/**
 * Writes the parts of README.md that are derived from the code: the compiled graph and the table of settings.
 *
 * With `--check` it writes nothing and fails where they differ. Needs a build.
 */
import { readFileSync, writeFileSync } from "node:fs";

import { z } from "zod";

import { ReviewInstructSettings as Settings, createModelCaller, createReviewInstructGraph } from "../dist/index.js";

const graph = createReviewInstructGraph({ callModel: createModelCaller() });
const drawing = (await graph.getGraphAsync()).drawMermaid({ withStyles: false }).trim();

const { properties } = z.toJSONSchema(Settings, { io: "input" });
const defaults = Settings.parse({});
const formatDefault = (name) => {
  const value = defaults[name];
  if (name === "panel") return value.map((reviewer) => reviewer.name).join(", ");
  if (typeof value === "object" && value !== null)
    return (
      Object.entries(value)
        .map(([key, inner]) => `${key} ${inner}`)
        .join(", ") || "none"
    );
  return value === null ? "none" : String(value);
};
const rows = Object.entries(properties).map(([name, schema]) => `| \`${name}\` | ${formatDefault(name)} | ${schema.description ?? ""} |`);
const table = ["| setting | default | meaning |", "| --- | --- | --- |", ...rows].join("\n");

const file = new URL("../README.md", import.meta.url);
const before = readFileSync(file, "utf8");
const replacePart = (text, name, part) => {
  const [start, end] = [`<!-- ${name} -->\n`, `\n<!-- end of ${name} -->`];
  if (!text.includes(start) || !text.includes(end)) throw new Error(`README.md has no marker for ${name}`);
  return text.slice(0, text.indexOf(start) + start.length) + part + text.slice(text.indexOf(end));
};
const after = replacePart(replacePart(before, "graph", `\`\`\`mermaid\n${drawing}\n\`\`\``), "settings", table);
if (process.argv.includes("--check")) {
  if (after !== before) {
    console.error("README.md is out of date: run `npm run readme`");
    process.exitCode = 1;
  }
} else writeFileSync(file, after);
