/**
 * Checks naming rules in `src` that the linter has no rule for.
 *
 * A function starts with a verb, bounds are `max...` and `min...`, an error class ends in `Error`.
 * Usage: `node scripts/check-names.mjs`. Exits with 1 after listing every offence with file and line.
 */
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";

import ts from "typescript";

const verbs = new Set(
  (
    "abort acquire add admit aggregate allow append apply assert await build cache calculate call cancel check classify clean close collect combine " +
    "compact compare compute copy count create decode delete describe detect diff digest disable dispatch drop dry emit encode enqueue ensure estimate " +
    "evict extract fill filter find finish flatten flush format generate get group handle has hash import include invoke is join keep limit list load log make map " +
    "mark match measure memoize merge move normalize omit open parse pick plan prepare prepend push put queue quote rank read record redact refresh relay release " +
    "remove render repair replace report request require reserve reset resolve respond restrict retry return review run save scan select send set settle show " +
    "split start stop stream strip sum summarize take throw to tokenize track trim try unwrap update upload use validate verify wait watch with wrap write yield"
  ).split(" "),
);
/** First words of predicates, of reactions to something, and of the entry point. */
const otherWords = new Set(["accepts", "after", "ends", "exceeds", "main", "needs", "on", "starts", "stops", "until", "uses", "without"]);
/** Names that LangGraph or the paper fix. */
const fixedNames = new Set(["defaultEvolutionPolicy", "majorityVerdict", "turnsReducer"]);
const badBound = /^(?:most|least|longest|shortest|fewest|smallest|largest)[A-Z]/;

const offences = [];
for (const file of readdirSync("src", { recursive: true }).map(String)) {
  if (!file.endsWith(".ts")) continue;
  const path = join("src", file);
  const source = ts.createSourceFile(path, readFileSync(path, "utf8"), ts.ScriptTarget.Latest, true);
  const report = (node, message) => {
    const { line } = source.getLineAndCharacterOfPosition(node.getStart());
    offences.push(`${path}:${line + 1} ${message}`);
  };
  const visit = (node) => {
    const name = node.name && ts.isIdentifier(node.name) ? node.name.text : null;
    if (name !== null) {
      if (isFunction(node) && !startsWithVerb(name)) report(node, `the function \`${name}\` does not start with a verb`);
      if (isFunction(node) && /[a-z]Of$/.test(name)) report(node, `the function \`${name}\` ends in Of: name what it returns or does`);
      if (ts.isVariableDeclaration(node) && badBound.test(name)) report(node, `the bound \`${name}\` is not named max... or min...`);
      if (ts.isClassDeclaration(node) && isErrorClass(node) && !name.endsWith("Error"))
        report(node, `the error class \`${name}\` does not end in Error`);
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
}

function isFunction(node) {
  if (ts.isFunctionDeclaration(node)) return true;
  if (!ts.isVariableDeclaration(node) || !node.initializer) return false;
  return ts.isArrowFunction(node.initializer) || ts.isFunctionExpression(node.initializer);
}

function startsWithVerb(name) {
  const [word = ""] = name.split(/(?=[A-Z0-9])/);
  return verbs.has(word) || otherWords.has(word) || fixedNames.has(name);
}

function isErrorClass(node) {
  return (node.heritageClauses ?? []).some(({ types }) => types.some(({ expression }) => expression.getText().endsWith("Error")));
}

for (const offence of offences) console.error(offence);
if (offences.length > 0) {
  console.error(`${offences.length} names break the rules of CONTRIBUTING.md.`);
  process.exitCode = 1;
}
