/** LaTeX commands that begin like the escapes \\n and \\t of JSON. The rest of each is no word. */
const commands = new Set(
  (
    "nabla natural ncong nearrow neq newcommand newenvironment newline newpage ngeq nleftarrow nleq nobreakspace nolimits nonumber " +
    "normalsize notag notin nrightarrow nsubseteq nsupseteq nwarrow " +
    "tabular tanh tbinom textasciitilde textbackslash textbf textcolor textgreater textit textless textnormal textrm textsc textsf textstyle " +
    "textsubscript textsuperscript texttt textwidth tfrac therefore theta thickapprox thicksim thinspace thispagestyle tilde times tiny title today " +
    "toprule triangle triangledown triangleleft triangleleq triangleq triangleright twoheadrightarrow"
  ).split(" "),
);
/** Commands whose rest is a word or a letter of its own, so that only a formula around them tells. */
const ambiguousCommands = new Set("ne neg nexists ni nless nmid not nparallel nprec nsim nsucc nu tag tan tau text tie to top trace tt".split(" "));

/** Maximum length of a formula between two dollar signs. */
const maxFormulaLength = 300;

/**
 * Gives LaTeX commands and other marks in the source of JSON the backslash back that a model left out.
 *
 * `\frac`, `\beta`, `\theta` and `\neq` are escapes of JSON that no model means; `\alpha` and `\(` are none at all. Escapes that
 * can be meant stay, and so does JSON that writes its backslashes twice.
 */
export function repairLatexBackslashes(source: string): string {
  if (!source.includes("\\")) return source;
  return source.replace(/\\(\\|u[0-9a-fA-F]{4}|[a-zA-Z]+|[^])/g, (escape: string, rest: string, index: number) =>
    isLostBackslash(source, rest, index) ? `\\${escape}` : escape,
  );
}

function isLostBackslash(source: string, rest: string, index: number): boolean {
  // Correct escapes, and those that the repair of JSON reads better: a quote mark, a line end, `\x41`.
  if (/^(?:["\\/\n\r'`]|u[0-9a-fA-F]{4}|x[0-9a-fA-F]{2})/.test(rest)) return false;
  // Neither an escape of JSON nor a letter: `\(`, `\_`, `\{`; or a command such as `\alpha`.
  if (!/^[bfnrt]/.test(rest)) return true;
  // Nobody means a backspace, a form feed or a carriage return before a letter.
  if (/^[bfr]/.test(rest)) return rest.length > 1;
  const hasArgument = source.charAt(index + 1 + rest.length) === "{";
  if (ambiguousCommands.has(rest)) return hasArgument || isInFormula(source, index);
  return commands.has(rest);
}

/** Returns true between two dollar signs, but not right behind two, where a line may well begin. */
function isInFormula(source: string, index: number): boolean {
  const before = source.slice(Math.max(0, index - maxFormulaLength), index);
  const after = source.slice(index, index + maxFormulaLength);
  const start = before.lastIndexOf("$");
  if (start < 0 || !after.includes("$")) return /\\[([][^\n]*$/.test(before);
  if (before.endsWith("$$") || /\\n\\n|[^\\]"/.test(before.slice(start))) return false;
  const dollars = source.slice(0, index).match(/\$/g)?.length ?? 0;
  const doubled = source.slice(0, index).match(/\$\$/g)?.length ?? 0;
  return before.charAt(start - 1) === "$" ? doubled % 2 === 1 : dollars % 2 === 1;
}
