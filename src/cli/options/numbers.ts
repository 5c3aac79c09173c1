import { InvalidArgumentError } from "commander";

/** Parses a flag's whole number of 1 or more. */
export function parsePositiveInteger(text: string): number {
  const number = Number(text);
  if (!Number.isSafeInteger(number) || number < 1) throw new InvalidArgumentError("It must be a whole number, 1 or more.");
  return number;
}

/** Parses a flag's number above 0. */
export function parsePositiveNumber(text: string): number {
  const number = Number(text);
  if (!Number.isFinite(number) || number <= 0) throw new InvalidArgumentError("It must be a number above 0.");
  return number;
}

/** Parses a flag's number of 0 or more. */
export function parseNonNegativeNumber(text: string): number {
  const number = Number(text);
  if (text.trim() === "" || !Number.isFinite(number) || number < 0) throw new InvalidArgumentError("It must be a number, 0 or more.");
  return number;
}

/** Parses a flag's share from 0 to 1. */
export function parseShare(text: string): number {
  const number = parseNonNegativeNumber(text);
  if (number > 1) throw new InvalidArgumentError("It must be a number from 0 to 1.");
  return number;
}
