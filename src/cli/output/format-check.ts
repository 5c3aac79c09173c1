import { stringify } from "yaml";

import { type CheckName, type ModelCheck, checkNames } from "../../models/check/finding.js";

const marks = { ok: "ok", note: "note", fault: "FAULT" } as const;

/** Formats what a model's endpoint can do as a table, with the settings to use. */
export function formatCheck({ model, endpoint, roles, findings, settings }: ModelCheck): string[] {
  const width = Math.max(...checkNames.map(({ length }) => length));
  const getOrder = (name: CheckName) => checkNames.indexOf(name);
  const rows = findings
    .toSorted((a, b) => getOrder(a.name) - getOrder(b.name))
    .map(({ name, status, detail }) => `  ${name.padEnd(width)}  ${marks[status].padEnd(5)}  ${detail}`);
  const advice = Object.keys(settings).length === 0 ? [] : ["", "  Settings to use:", ...toIndented(stringify(settings))];
  return [`${model}${endpoint === null ? "" : ` at ${endpoint}`} (${roles.join(", ")})`, ...rows, ...advice];
}

function toIndented(text: string): string[] {
  return text
    .trimEnd()
    .split("\n")
    .map((line) => `    ${line}`);
}
