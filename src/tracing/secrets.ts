import { DEFAULT_SECRET_RULES } from "langsmith/anonymizer";

import type { Environment } from "../environment.js";

/** Takes secrets out of what leaves the process. */
export interface Scrubber {
  /** The text with every secret in it replaced by `[secret]`. */
  text(text: string): string;
  /** A plain copy, ready for JSON, with every string and every key scrubbed; `size` is about its length as JSON. */
  copy<T>(value: T): { readonly value: T; readonly size: number };
  /** Hides the values of these variables too, whatever their names look like. */
  hide(variables: Iterable<string>): void;
}

const placeholder = "[secret]";

/** Variables whose values are secrets, by name. */
const secretName = /KEY|TOKEN|SECRET|PASSW|PASSPHRASE|CREDENTIAL/i;
const urlPassword = /\b[a-z][a-z0-9+.-]*:\/\/[^:@/\s]*:([^@/\s]+)@/gi;
/** Shorter values are dummies such as "none", or numbers such as MAX_TOKENS; taking them out would only garble texts. */
const shortestSecret = 8;

/** What secrets of unknown value look like: LangSmith's own rules, and looser ones for keys and headers. */
const shapes: readonly (readonly [RegExp, string])[] = [
  ...DEFAULT_SECRET_RULES.map(
    ({ pattern, replace }) => [new RegExp(pattern, "gi"), replace?.replace("[SECRET_DETECTED]", placeholder) ?? placeholder] as const,
  ),
  [/\b(bearer|basic)\s+[\w.~+/-]{8,}=*/gi, `$1 ${placeholder}`],
  [/\b(?:sk|pk|rk|gsk|hf|lsv2|xai)[-_][\w-]{8,}/gi, placeholder],
  [/\b([a-z][a-z0-9+.-]*:\/\/)[^@/\s"']+@/gi, `$1${placeholder}@`],
];

/**
 * A scrubber for this environment: by value (variables that sound secret, and passwords in connection strings) and, unless
 * `shapes` is false, by what keys, tokens and authorization headers look like.
 */
export function createScrubber(env: Environment, options: { readonly shapes?: boolean } = {}): Scrubber {
  const rules = options.shapes === false ? [] : shapes;
  const secrets = new Set<string>();
  let known: RegExp | null = null;

  function add(value: string | undefined): void {
    if (value === undefined || value.length < shortestSecret) return;
    // The same secret as it stands in JSON within a text, and in a URL.
    for (const form of [value, JSON.stringify(value).slice(1, -1), encodeURIComponent(value)]) secrets.add(form);
    const longestFirst = [...secrets].sort((a, b) => b.length - a.length);
    known = new RegExp(longestFirst.map((secret) => secret.replace(/[.*+?^${}()|[\]\\/-]/g, "\\$&")).join("|"), "g");
  }

  for (const [name, value] of Object.entries(env)) {
    if (secretName.test(name)) add(value);
    for (const [, password = ""] of value?.matchAll(urlPassword) ?? []) {
      add(password);
      add(decoded(password));
    }
  }

  function text(raw: string): string {
    const unknown = known ? raw.replace(known, placeholder) : raw;
    return rules.reduce((hiding, [shape, replacement]) => hiding.replace(shape, replacement), unknown);
  }

  return {
    text,
    copy: <T>(value: T) => {
      let size = 0;
      const scrubbed = plain(value, [], (raw) => {
        size += raw.length + 8;
        return text(raw);
      });
      // As JSON both are the same but for the secrets.
      return { value: scrubbed as T, size };
    },
    hide: (variables) => {
      for (const name of variables) add(env[name]);
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
function plain(value: unknown, within: readonly object[], scrub: (text: string) => string): unknown {
  if (typeof value === "string") return scrub(value);
  if (typeof value === "bigint") return String(value);
  if (typeof value === "function" || typeof value === "symbol") return undefined;
  if (typeof value !== "object" || value === null) return value;
  if (within.includes(value)) return "[circular]";
  const inner = [...within, value];
  if (value instanceof Error) return plain({ name: value.name, message: value.message }, inner, scrub);
  if (ArrayBuffer.isView(value)) return `[${value.byteLength} bytes]`;
  if (value instanceof Map) return plain(Object.fromEntries(value), inner, scrub);
  if (value instanceof Set) return plain([...value], inner, scrub);
  if ("toJSON" in value && typeof value.toJSON === "function") return plain(jsonOf(value.toJSON.bind(value)), inner, scrub);
  if (Array.isArray(value)) return value.map((item) => plain(item, inner, scrub));
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [scrub(key), plain(item, inner, scrub)]));
}

function jsonOf(toJSON: () => unknown): unknown {
  try {
    return toJSON();
  } catch {
    return "[not serialisable]";
  }
}
