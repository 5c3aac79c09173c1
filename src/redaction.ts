import { DEFAULT_SECRET_RULES, SECRET_PLACEHOLDER } from "langsmith/anonymizer";

import type { Env } from "./env.js";

/** Secrets besides the variables whose names sound secret. */
export interface Secrets {
  /** Names of variables that hold a secret. */
  readonly variables?: Iterable<string>;
  readonly values?: Iterable<string>;
}

/** Removes secrets from everything that leaves the process. */
export interface Redactor {
  /** Returns the text with every secret replaced by `[secret]`. */
  redactText(text: string): string;
  /**
   * Returns a plain copy of a value, ready for JSON, with every string and every key redacted.
   *
   * @returns `size` is the approximate length of the copy as JSON.
   */
  redactValue<T>(value: T): { readonly value: T; readonly size: number };
  /** Adds secrets to hide from now on. */
  addSecrets(secrets: Secrets): void;
}

const placeholder = "[secret]";

/** Names of variables that hold secrets: AWS_ACCESS_KEY_ID, HF_TOKEN, MYAPIKEY, but not KEYBOARD or TOKENIZERS_PARALLELISM. */
const secretName = /(?:KEY|TOKEN|SECRET|PASSWORD|PASSWD|_PWD|PASSPHRASE|CREDENTIAL)S?\d*$|(?:^|_)(?:KEY|TOKEN|SECRET|PASSWORD|CREDENTIAL)S?_/i;
/** Passwords in URLs: encoded correctly, and with a literal @ or /. */
const urlPasswords = [/\b[a-z][a-z0-9+.-]*:\/\/[^:@/\s]*:([^@/\s]+)@/gi, /\b[a-z][a-z0-9+.-]*:\/\/[^:@/\s]*:(\S+)@/gi];
/** Shorter values are placeholders such as "none", or numbers such as MAX_TOKENS. Hiding them would garble texts. */
const minSecretLength = 8;
/** Redacted texts are cached, since every node of a conversation shows the same messages again. */
const maxCachedTexts = 4000;

/** Patterns of secrets of unknown value: LangSmith's own rules, and some that match more. */
const secretPatterns: readonly (readonly [RegExp, string])[] = [
  ...DEFAULT_SECRET_RULES.map(
    ({ pattern, replace = placeholder }) => [new RegExp(pattern, getFlags(pattern)), replace.replace(SECRET_PLACEHOLDER, placeholder)] as const,
  ),
  [/\bBasic\s+(?=\S*[\d=])[A-Za-z0-9+/]{12,}={0,2}/g, `Basic ${placeholder}`],
  [/\b(?:sk|pk|rk|gsk|hf|lsv2|xai)[-_][\w-]{8,}/g, placeholder],
  // The length of the scheme is bounded, since the pattern would need quadratic time on a text such as "a-a-a-...".
  [/\b([a-z][a-z0-9+.-]{0,30}:\/\/)[^@/\s"']+@/gi, `$1${placeholder}@`],
];

function getFlags(pattern: RegExp | string): string {
  return typeof pattern === "string" ? "g" : pattern.flags;
}

/** Known secrets in all the forms in which they may occur. */
class KnownSecrets {
  readonly #forms = new Set<string>();
  /** Built on demand, since secrets are added one by one. */
  #pattern: RegExp | null = null;

  /** Adds a secret. Returns false if it is known or too short. */
  add(value: string): boolean {
    if (value.length < minSecretLength || this.#forms.has(value)) return false;
    // Clients send a key without the white space around it.
    if (value !== value.trim()) this.add(value.trim());
    // The same secret within a JSON string and within a URL.
    for (const form of [value, JSON.stringify(value).slice(1, -1), encodeURIComponent(value)]) this.#forms.add(form);
    this.#pattern = null;
    return true;
  }

  /** Replaces every known secret in a text. */
  redact(text: string): string {
    if (this.#forms.size === 0) return text;
    this.#pattern ??= createAlternation([...this.#forms]);
    return text.replace(this.#pattern, placeholder);
  }
}

function createAlternation(texts: readonly string[]): RegExp {
  const secretsByLength = texts.toSorted((a, b) => b.length - a.length);
  return new RegExp(secretsByLength.map((text) => text.replace(/[.*+?^${}()|[\]\\/-]/g, "\\$&")).join("|"), "g");
}

function redactPatterns(text: string): string {
  return secretPatterns.reduce((redacted, [pattern, replacement]) => redacted.replace(pattern, replacement), text);
}

/** Returns the values in a base URL's query as written, as sent and decoded (`a%20b`, `a+b`, `a b`): any of them may be a key. */
export function getQuerySecrets(baseUrl: string | null): string[] {
  if (baseUrl === null) return [];
  const { search, searchParams } = new URL(baseUrl);
  const pairs = [search.slice(1), searchParams.toString()].flatMap((query) => query.split("&"));
  return [...new Set([...pairs.map((pair) => pair.slice(pair.indexOf("=") + 1)), ...searchParams.values()])];
}

const maxErrorTextLength = 500;
/** An endpoint may send a whole page, and some patterns of LangSmith need quadratic time. */
const maxSearchedErrorTextLength = 5000;

/**
 * Creates a function that redacts a text from an endpoint for an error message.
 *
 * @param secrets Values to hide besides everything that looks like a secret.
 * @returns The function returns one line without control characters, at most 500 characters long.
 */
export function createErrorTextRedactor(secrets: readonly string[]): (text: string) => string {
  const knownSecrets = new KnownSecrets();
  for (const secret of secrets) knownSecrets.add(secret);
  return (text) => {
    // Known secrets are replaced before the text is cut, since a part of one would not be found.
    const line = redactPatterns(knownSecrets.redact(text).slice(0, maxSearchedErrorTextLength))
      .replace(/[\p{Cc}\p{Cf}\s]+/gu, " ")
      .trim();
    return line.length > maxErrorTextLength ? `${line.slice(0, maxErrorTextLength - 1)}…` : line;
  };
}

/**
 * Creates a redactor for an environment.
 *
 * Hides the values of variables whose names sound secret, and passwords in connection strings.
 *
 * @param options.patterns Also hides what looks like a key, a token or an authorization header. Default true.
 */
export function createRedactor(env: Env, options: { readonly patterns?: boolean } = {}): Redactor {
  const { patterns = true } = options;
  const knownSecrets = new KnownSecrets();
  const redactedTexts = new Map<string, string>();

  function add(value: string | undefined): void {
    if (value !== undefined && knownSecrets.add(value)) redactedTexts.clear();
  }

  for (const [name, value = ""] of Object.entries(env)) {
    if (secretName.test(name)) add(value);
    for (const [, password = ""] of urlPasswords.flatMap((pattern) => [...value.matchAll(pattern)])) {
      add(password);
      add(decodePassword(password));
    }
  }

  function redactText(text: string): string {
    const cached = redactedTexts.get(text);
    if (cached !== undefined) return cached;
    const withoutKnown = knownSecrets.redact(text);
    const redacted = patterns ? redactPatterns(withoutKnown) : withoutKnown;
    if (redactedTexts.size >= maxCachedTexts) redactedTexts.clear();
    redactedTexts.set(text, redacted);
    return redacted;
  }

  return {
    redactText,
    redactValue: <T>(value: T) => {
      let size = 0;
      const redacted = toPlainValue(value, [], (text) => {
        size += text.length + 8;
        return redactText(text);
      });
      // As JSON, both are the same except for the secrets.
      return { value: redacted as T, size };
    },
    addSecrets: ({ variables = [], values = [] }) => {
      for (const name of variables) add(env[name]);
      for (const value of values) add(value);
    },
  };
}

function decodePassword(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    // A single % is part of the password itself.
    return text;
  }
}

/** Copies a value as JSON would, but also handles cycles, errors and values that cannot be serialized. */
function toPlainValue(value: unknown, ancestors: readonly object[], redactText: (text: string) => string): unknown {
  if (typeof value === "string") return redactText(value);
  if (typeof value === "bigint") return String(value);
  if (typeof value === "function" || typeof value === "symbol") return undefined;
  if (typeof value !== "object" || value === null) return value;
  if (ancestors.includes(value)) return "[circular]";
  const path = [...ancestors, value];
  const copy = (inner: unknown) => toPlainValue(inner, path, redactText);
  if (value instanceof Error) return copy({ name: value.name, message: value.message });
  if (ArrayBuffer.isView(value)) return `[${value.byteLength} bytes]`;
  if (value instanceof Map) return copy(Object.fromEntries(value));
  if (value instanceof Set) return copy([...value]);
  if ("toJSON" in value && typeof value.toJSON === "function") return copy(callToJson(value.toJSON.bind(value)));
  if (Array.isArray(value)) return value.map(copy);
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [redactText(key), copy(inner)]));
}

function callToJson(toJSON: () => unknown): unknown {
  try {
    return toJSON();
  } catch {
    return "[not serialisable]";
  }
}
