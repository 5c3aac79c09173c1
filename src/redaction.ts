import { DEFAULT_SECRET_RULES, SECRET_PLACEHOLDER } from "langsmith/anonymizer";

import type { Env } from "./env.js";

/** Secrets that the names of variables do not tell. */
export interface Secrets {
  /** Variables that hold one, whatever their names look like. */
  readonly variables?: Iterable<string>;
  readonly values?: Iterable<string>;
}

/** Takes secrets out of what leaves the process. */
export interface Redactor {
  /** The text with every secret in it replaced by `[secret]`. */
  redactText(text: string): string;
  /** A plain copy, ready for JSON, with every string and every key scrubbed; `size` is about its length as JSON. */
  redactValue<T>(value: T): { readonly value: T; readonly size: number };
  /** Hides these too from now on. */
  addSecrets(secrets: Secrets): void;
}

const placeholder = "[secret]";

/** Variables whose values are secrets, by name: AWS_ACCESS_KEY_ID, HF_TOKEN, MYAPIKEY, but not KEYBOARD or TOKENIZERS_PARALLELISM. */
const secretName = /(?:KEY|TOKEN|SECRET|PASSWORD|PASSWD|_PWD|PASSPHRASE|CREDENTIAL)S?\d*$|(?:^|_)(?:KEY|TOKEN|SECRET|PASSWORD|CREDENTIAL)S?_/i;
/** As it should be written, and with a bare @ or / in it. */
const urlPasswords = [/\b[a-z][a-z0-9+.-]*:\/\/[^:@/\s]*:([^@/\s]+)@/gi, /\b[a-z][a-z0-9+.-]*:\/\/[^:@/\s]*:(\S+)@/gi];
/** Shorter values are dummies such as "none", or numbers such as MAX_TOKENS; taking them out would only garble texts. */
const minSecretLength = 8;
/** Most texts that are remembered with what became of them: every node of a conversation shows the same messages again. */
const maxRememberedTexts = 4000;

/** What secrets of unknown value look like: LangSmith's own rules, and some that are looser. */
const secretPatterns: readonly (readonly [RegExp, string])[] = [
  ...DEFAULT_SECRET_RULES.map(
    ({ pattern, replace = placeholder }) => [new RegExp(pattern, getFlags(pattern)), replace.replace(SECRET_PLACEHOLDER, placeholder)] as const,
  ),
  [/\bBasic\s+(?=\S*[\d=])[A-Za-z0-9+/]{12,}={0,2}/g, `Basic ${placeholder}`],
  [/\b(?:sk|pk|rk|gsk|hf|lsv2|xai)[-_][\w-]{8,}/g, placeholder],
  [/\b([a-z][a-z0-9+.-]*:\/\/)[^@/\s"']+@/gi, `$1${placeholder}@`],
];

/** Returns the values in a base URL's query as written, as sent and decoded (`a%20b`, `a+b`, `a b`): any of them may be a key. */
export function getQuerySecrets(baseUrl: string | null): string[] {
  if (baseUrl === null) return [];
  const { search, searchParams } = new URL(baseUrl);
  const pairs = [search.slice(1), searchParams.toString()].flatMap((query) => query.split("&"));
  return [...new Set([...pairs.map((pair) => pair.slice(pair.indexOf("=") + 1)), ...searchParams.values()])];
}

const maxErrorTextLength = 500;

/**
 * Redacts a text from an endpoint for use in an error message.
 *
 * @param secrets Values to hide besides whatever looks like a secret.
 * @returns One line without control characters, at most 500 characters long.
 */
export function redactErrorText(text: string, secrets: readonly string[]): string {
  const redactor = createRedactor({});
  redactor.addSecrets({ values: secrets });
  const line = redactor
    .redactText(text)
    .replace(/[\p{Cc}\p{Cf}\s]+/gu, " ")
    .trim();
  return line.length > maxErrorTextLength ? `${line.slice(0, maxErrorTextLength - 1)}…` : line;
}

function getFlags(pattern: RegExp | string): string {
  return typeof pattern === "string" ? "g" : pattern.flags;
}

/**
 * A scrubber for this environment: by value (variables that sound secret, and passwords in connection strings) and, unless
 * `shapes` is false, by what keys, tokens and authorization headers look like.
 */
export function createRedactor(env: Env, options: { readonly shapes?: boolean } = {}): Redactor {
  const rules = options.shapes === false ? [] : secretPatterns;
  const secrets = new Set<string>();
  const remembered = new Map<string, string>();
  let known: RegExp | null = null;

  function add(value: string | undefined): void {
    if (value === undefined || value.length < minSecretLength || secrets.has(value)) return;
    // Whoever sends it leaves blanks and line breaks around it out.
    if (value !== value.trim()) add(value.trim());
    // The same secret as it stands in JSON within a text, and in a URL.
    for (const form of [value, JSON.stringify(value).slice(1, -1), encodeURIComponent(value)]) secrets.add(form);
    remembered.clear();
    const longestFirst = [...secrets].sort((a, b) => b.length - a.length);
    known = new RegExp(longestFirst.map((secret) => secret.replace(/[.*+?^${}()|[\]\\/-]/g, "\\$&")).join("|"), "g");
  }

  for (const [name, value] of Object.entries(env)) {
    if (secretName.test(name)) add(value);
    for (const [, password = ""] of urlPasswords.flatMap((url) => [...(value ?? "").matchAll(url)])) {
      add(password);
      add(decoded(password));
    }
  }

  function text(raw: string): string {
    const before = remembered.get(raw);
    if (before !== undefined) return before;
    const unknown = known ? raw.replace(known, placeholder) : raw;
    const scrubbed = rules.reduce((hiding, [shape, replacement]) => hiding.replace(shape, replacement), unknown);
    if (remembered.size >= maxRememberedTexts) remembered.clear();
    remembered.set(raw, scrubbed);
    return scrubbed;
  }

  return {
    redactText: text,
    redactValue: <T>(value: T) => {
      let size = 0;
      const scrubbed = toPlainValue(value, [], (raw) => {
        size += raw.length + 8;
        return text(raw);
      });
      // As JSON both are the same but for the secrets.
      return { value: scrubbed as T, size };
    },
    addSecrets: ({ variables = [], values = [] }) => {
      for (const name of variables) add(env[name]);
      for (const value of values) add(value);
    },
  };
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    // A lone % is part of the password itself.
    return text;
  }
}

/** A copy as JSON would hold it, but safe with cycles, errors and things that cannot be serialised. */
function toPlainValue(value: unknown, within: readonly object[], scrub: (text: string) => string): unknown {
  if (typeof value === "string") return scrub(value);
  if (typeof value === "bigint") return String(value);
  if (typeof value === "function" || typeof value === "symbol") return undefined;
  if (typeof value !== "object" || value === null) return value;
  if (within.includes(value)) return "[circular]";
  const inner = [...within, value];
  if (value instanceof Error) return toPlainValue({ name: value.name, message: value.message }, inner, scrub);
  if (ArrayBuffer.isView(value)) return `[${value.byteLength} bytes]`;
  if (value instanceof Map) return toPlainValue(Object.fromEntries(value), inner, scrub);
  if (value instanceof Set) return toPlainValue([...value], inner, scrub);
  if ("toJSON" in value && typeof value.toJSON === "function") return toPlainValue(toJson(value.toJSON.bind(value)), inner, scrub);
  if (Array.isArray(value)) return value.map((item) => toPlainValue(item, inner, scrub));
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [scrub(key), toPlainValue(item, inner, scrub)]));
}

function toJson(toJSON: () => unknown): unknown {
  try {
    return toJSON();
  } catch {
    return "[not serialisable]";
  }
}
