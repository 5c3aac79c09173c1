/** A whole number that may have more digits than a JavaScript number keeps, e.g. an id of 19 digits. */
const longInteger = /-?[1-9]\d{15,}(?![\d.eE])/y;

/** Returns true for the text of a whole number that would lose digits as a JavaScript number. */
export function isLongInteger(text: string): boolean {
  return /^-?\d+$/.test(text) && !Number.isSafeInteger(Number(text));
}

/** Turns whole numbers in JSON that would lose digits into strings, so that ids stay what they are. Other text is unchanged. */
export function quoteLongIntegers(json: string): string {
  if (!/\d{16}/.test(json)) return json;
  let quoted = "";
  let copiedTo = 0;
  let isInString = false;
  for (let index = 0; index < json.length; index++) {
    const character = json.charAt(index);
    if (character === '"') isInString = !isInString;
    else if (isInString && character === "\\") index++;
    else if (!isInString && /[-\d]/.test(character)) {
      const number = /[\d.eE+-]/.test(json.charAt(index - 1)) ? undefined : matchLongInteger(json, index);
      if (number === undefined) continue;
      quoted += `${json.slice(copiedTo, index)}"${number}"`;
      index += number.length - 1;
      copiedTo = index + 1;
    }
  }
  return quoted + json.slice(copiedTo);
}

function matchLongInteger(json: string, index: number): string | undefined {
  longInteger.lastIndex = index;
  const number = longInteger.exec(json)?.[0];
  return number !== undefined && isLongInteger(number) ? number : undefined;
}
