/** Shortest and longest unit that is looked for, in characters. */
const minUnit = 8;
const maxUnit = 200;
/** Number of times that a unit must stand at the end, one right after the other. */
const minRepeats = 5;

/** Returns true for a text whose end repeats itself, as small models do until the output limit. */
export function isLooping(text: string): boolean {
  for (let unit = minUnit; unit <= maxUnit && unit * minRepeats <= text.length; unit++) {
    let repeats = 1;
    while (repeats < minRepeats && text.startsWith(text.slice(-unit), text.length - unit * (repeats + 1))) repeats++;
    if (repeats === minRepeats) return true;
  }
  return false;
}
