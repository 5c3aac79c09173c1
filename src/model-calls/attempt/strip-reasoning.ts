/**
 * Takes a model's thinking out of its text: `<think>…</think>` and `<thinking>…</thinking>` wherever they stand, and all
 * that comes before a closing tag whose opening one is missing, as chat templates that open the thinking themselves give.
 * Tags that are shown (in a code fence, or right after a quote mark) stay. `cutOff`: the text ended within the thinking.
 */
export function stripReasoning(text: string): { readonly text: string; readonly cutOff: boolean } {
  let kept = "";
  let from = 0;
  let fenced = false;
  let shown = 0;
  let thinking: { readonly name: string; readonly startsLine: boolean } | null = null;
  for (const match of text.matchAll(/```|<(\/?)(think|thinking)>/gi)) {
    const [token, slash, tag] = match;
    const name = tag?.toLowerCase();
    if (thinking) {
      if (slash !== "/" || name !== thinking.name) continue;
      thinking = null;
      from = match.index + token.length;
    } else if (name === undefined) {
      fenced = !fenced;
    } else if (slash === "/") {
      if (shown > 0 || isQuoted(text, match.index)) {
        shown = Math.max(0, shown - 1);
        continue;
      }
      kept = "";
      from = match.index + token.length;
      fenced = false;
    } else if (fenced || isQuoted(text, match.index)) {
      shown++;
    } else {
      kept += text.slice(from, match.index);
      from = match.index;
      thinking = { name, startsLine: /(?:^|\n)[^\S\n]*$/.test(text.slice(Math.max(0, match.index - 200), match.index)) };
    }
  }
  // An opening tag in mid-sentence that nothing closes is a word about thinking, not thinking.
  const cutOff = thinking?.startsLine ?? false;
  return { text: (cutOff ? kept : kept + text.slice(from)).trim(), cutOff };
}

function isQuoted(text: string, at: number): boolean {
  return at > 0 && "`\"'“‘«".includes(text.charAt(at - 1));
}
