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
    "add aggregate allow append apply assert await build calculate call cancel check classify clean close collect combine compact compute copy count create " +
    "decode delete describe detect diff dispatch drop dry emit encode ensure estimate extract filter find finish flatten flush for format generate get handle has " +
    "include is invoke join list load log make map mark measure memoize merge move normalize omit open parse pick plan prepend put queue quote random read " +
    "record redact refresh relay release remove render repair replace report require reset resolve respond retry return review run save scan select send set " +
    "split start stop strip summarize throw to tokenize track trim try unwrap update upload validate wait watch with without wrap write yield"
  ).split(" "),
);
/** Entry points and predicates whose names are fixed by a library or read as one. */
const allowed = new Set(["main", "after", "accepts", "exceeds", "holds", "needs", "stops", "uses", "until"]);
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
  return verbs.has(word) || allowed.has(word) || /^on[A-Z]/.test(name);
}

function isErrorClass(node) {
  return (node.heritageClauses ?? []).some(({ types }) => types.some(({ expression }) => /Error$/.test(expression.getText())));
}

for (const offence of offences) console.error(offence);
if (offences.length > 0) {
  console.error(`${offences.length} names break the rules of CONTRIBUTING.md.`);
  process.exitCode = 1;
}
