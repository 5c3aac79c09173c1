/** Escape sequences of terminals: colours, cursor movements, titles. */
const terminalSequences = /\u001b(?:\[[0-?]*[ -/]*[@-~]|\][^\u0007\u001b]*(?:\u0007|\u001b\\)|[@-Z\\^_])/g;
/** Control characters, and code points that are no characters. */
const controlCharacters = /[\u0000-\u0008\u000e-\u001f\u007f-\u009f\ufdd0-\ufdef\ufffe\uffff]/g;
/** Scripts in which joiners, and zero-width spaces between words, change what a reader sees. */
const joiningScripts =
  "\\p{Script=Arabic}\\p{Script=Syriac}\\p{Script=Devanagari}\\p{Script=Bengali}\\p{Script=Gurmukhi}\\p{Script=Gujarati}\\p{Script=Oriya}" +
  "\\p{Script=Tamil}\\p{Script=Telugu}\\p{Script=Kannada}\\p{Script=Malayalam}\\p{Script=Sinhala}\\p{Script=Mongolian}\\p{Script=Nko}\\p{Script=Tifinagh}";
const spacelessScripts =
  "\\p{Script=Thai}\\p{Script=Lao}\\p{Script=Khmer}\\p{Script=Myanmar}\\p{Script=Tibetan}\\p{Script=Javanese}\\p{Script=Balinese}";

const joinedByScript = new RegExp(`[${joiningScripts}${spacelessScripts}\\p{M}]$`, "u");
const joinedByEmoji = /(?:\p{Extended_Pictographic}|\p{Emoji_Modifier})\ufe0f?$/u;
const brokenByScript = new RegExp(`[${spacelessScripts}]`, "u");
const startsWithEmoji = /^\p{Extended_Pictographic}/u;
const flagTags = /\u{1f3f4}[\u{e0020}-\u{e007e}]+\u{e007f}|[\u{e0000}-\u{e007f}]/gu;
const rightToLeft = /[\p{Script=Arabic}\p{Script=Hebrew}\p{Script=Syriac}\p{Script=Thaana}\p{Script=Nko}]/u;
const invisible = /[\u200b-\u200d\u2060-\u2064\u206a-\u206f\ufeff]+/g;

/** Letters and signs that show something. Fillers and replacement characters do not. */
const visible = /[^\P{L}\u115f\u1160\u3164\uffa0]|\p{N}|\p{P}|[^\P{S}\u2800\ufffd]/u;

/**
 * Removes from a text what cannot be meant: control characters, terminal colours, half surrogate pairs, stray zero-width
 * characters. Line ends become "\n". A text without a visible character becomes empty.
 *
 * Joiners stay in emoji and in scripts that need them, marks of direction in texts with right-to-left letters.
 */
export function cleanText(text: string): string {
  // Most texts need nothing of this.
  if (/^[\n\t\x20-\x7e]*$/.test(text)) return visible.test(text) ? text : "";
  const plain = text
    .replace(terminalSequences, "")
    .replace(/\r\n?|\u0085|[\u000b\u000c]/g, "\n")
    .replace(/[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g, "\ufffd")
    .replace(controlCharacters, "")
    .replace(flagTags, (tags) => (tags.startsWith("\u{1f3f4}") ? tags : ""));
  const joined = plain.replace(invisible, (run, index) => selectInvisible(run, plain, index));
  const directed = rightToLeft.test(joined) ? joined : joined.replace(/[\u202a-\u202e\u2066-\u2069]/g, "");
  return visible.test(directed) ? directed : "";
}

/** Returns the one invisible character of a run that is needed where it stands, or nothing. */
function selectInvisible(run: string, text: string, index: number): string {
  // Enough for any character with its modifiers.
  const before = text.slice(Math.max(0, index - 8), index);
  const after = text.slice(index + run.length, index + run.length + 2);
  if (run.includes("\u200d") && joinedByEmoji.test(before) && startsWithEmoji.test(after)) return "\u200d";
  const joiner = /[\u200c\u200d]/.exec(run)?.[0];
  if (joiner !== undefined && joinedByScript.test(before)) return joiner;
  return run.includes("\u200b") && brokenByScript.test(before.slice(-1) + after.slice(0, 1)) ? "\u200b" : "";
}
