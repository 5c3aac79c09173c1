/**
 * Removes a model's reasoning from its text: `<think>…</think>` and `<thinking>…</thinking>` anywhere.
 *
 * Text before a closing tag without an opening tag is reasoning as well, since some chat templates write the opening tag
 * themselves. Tags in a code fence or right after a quote mark are kept.
 *
 * @returns The remaining text; `cutOff` is true if the text ended within the reasoning.
 */
export function stripReasoning(text: string): { readonly text: string; readonly cutOff: boolean } {
  let kept = "";
  let from = 0;
  let isFenced = false;
  /** Opening tags that are kept and not closed yet. */
  let keptTags = 0;
  let reasoning: { readonly tagName: string; readonly startsLine: boolean } | null = null;
  for (const match of text.matchAll(/```|<(\/?)(think|thinking)>/gi)) {
    const [token, slash, tag] = match;
    const tagName = tag?.toLowerCase();
    if (reasoning) {
      if (slash !== "/" || tagName !== reasoning.tagName) continue;
      reasoning = null;
      from = match.index + token.length;
    } else if (tagName === undefined) {
      isFenced = !isFenced;
    } else if (slash === "/") {
      if (keptTags > 0 || isQuoted(text, match.index)) {
        keptTags = Math.max(0, keptTags - 1);
        continue;
      }
      kept = "";
      from = match.index + token.length;
      isFenced = false;
    } else if (isFenced || isQuoted(text, match.index)) {
      keptTags++;
    } else {
      kept += text.slice(from, match.index);
      from = match.index;
      reasoning = { tagName, startsLine: /(?:^|\n)[^\S\n]*$/.test(text.slice(Math.max(0, match.index - 200), match.index)) };
    }
  }
  // An opening tag in mid-sentence that is never closed is part of a sentence about tags.
  const cutOff = reasoning?.startsLine ?? false;
  return { text: (cutOff ? kept : kept + text.slice(from)).trim(), cutOff };
}

function isQuoted(text: string, index: number): boolean {
  return index > 0 && "`\"'“‘«".includes(text.charAt(index - 1));
}
