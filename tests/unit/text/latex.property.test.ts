import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { z } from "zod";

import { parseJsonOutput } from "../../../src/text/json-output.js";
import { repairLatexBackslashes } from "../../../src/text/latex.js";

const schema = z.object({ note: z.string() });
const parseNote = (note: string) => parseJsonOutput(`{"note": "${note}"}`, schema).note;

const commands =
  String.raw`\alpha \beta \gamma \delta \epsilon \varepsilon \zeta \eta \theta \vartheta \iota \kappa \lambda \mu \nu \xi \pi \rho \sigma \tau
  \upsilon \phi \varphi \chi \psi \omega \Gamma \Theta \frac{a}{b} \tfrac{a}{b} \dfrac{a}{b} \binom{n}{k} \tbinom{n}{k} \sqrt{2} \sum_i \prod \int \oint
  \nabla \partial \infty \times \cdot \div \pm \leq \geq \neq \ne \not\in \notin \ni \approx \equiv \sim \to \rightarrow \Rightarrow \leftarrow \mapsto
  \forall \exists \nexists \neg \land \lor \in \subset \subseteq \cup \cap \emptyset \text{if} \textbf{x} \mathbb{R} \mathbf{x} \bar{x} \hat{x} \tilde{x} \vec{x}
  \overline{x} \underline{x} \left( \right) \big( \bigl( \begin{matrix} \end{matrix} \tan \tanh \top \bot \bmod \boldsymbol{x} \binom{a}{b} \because \therefore
  \ref{a} \root \rangle \langle \rfloor \lfloor \rceil \triangle \nmid \nsim \lim \log \ln \min \max \sin \quad \, \; \! \{ \} \% \_ \u`.split(/\s+/);

describe("repairLatexBackslashes", () => {
  it("formulas with single backslashes keep every command", () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...commands), { minLength: 1, maxLength: 6 }), (parts) => {
        const formula = `so $a ${parts.join(" b ")} c$ holds`;
        expect(parseNote(formula)).toBe(formula);
      }),
      { numRuns: 1_000 },
    );
  });

  it("every command is kept alone between dollar signs, single or written twice", () => {
    for (const command of commands) {
      expect(parseNote(`of $${command}$, then`)).toBe(`of $${command}$, then`);
      expect(parseNote(`of $${command.replaceAll("\\", "\\\\")}$, then`)).toBe(`of $${command}$, then`);
    }
  });

  it("JSON that is correct is never changed", () => {
    const word = fc.constantFrom(
      "u",
      "o",
      "e",
      "less",
      "exists",
      "an",
      "the",
      "return",
      "abc",
      "ext.",
      "$5",
      "$x$",
      "\\alpha",
      "\\frac{a}{b}",
      "é",
      "漢",
      "C:\\new\\table",
      "i",
      "for",
      "book",
    );
    const space = fc.constantFrom(" ", "\n", "\n\n", "\t", "\n\t", "\n- ", ' "', "/");
    fc.assert(
      fc.property(fc.array(fc.tuple(word, space), { maxLength: 12 }), (parts) => {
        const source = JSON.stringify({
          note: parts
            .flat()
            .join("")
            .replace(/\$[^$]*\$/g, ""),
        });
        expect(repairLatexBackslashes(source)).toBe(source);
      }),
      { numRuns: 2_000 },
    );
  });
});
