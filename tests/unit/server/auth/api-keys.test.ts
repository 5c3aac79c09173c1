import fc from "fast-check";
import { expect, test } from "vitest";

import { InputError } from "../../../../src/errors.js";
import { extractKeys, parseApiKeys } from "../../../../src/server/auth/api-keys.js";

const alice = "alice-key-0123456789";
const bob = "bob-key-0123456789ab";

test.each([
  ["commas", `alice:${alice},bob:${bob}`],
  ["lines, white space and comments", `# staff\n alice:${alice} \r\n\n  bob:${bob}\n`],
])("API keys may be separated by %s", (_description, text) => {
  const lookUpUser = parseApiKeys(text, "KEYS");
  expect([lookUpUser(alice), lookUpUser(bob)]).toEqual(["alice", "bob"]);
});

test("a user may have several API keys, and a key may contain colons", () => {
  const lookUpUser = parseApiKeys(`a.b@c:${alice},a.b@c:${bob}:x:y`, "KEYS");
  expect([lookUpUser(alice), lookUpUser(`${bob}:x:y`), lookUpUser(bob)]).toEqual(["a.b@c", "a.b@c", null]);
});

test("only an API key that matches exactly belongs to a user", () => {
  const lookUpUser = parseApiKeys(`alice:${alice}`, "KEYS");
  fc.assert(
    fc.property(fc.string(), (text) => {
      for (const key of [text, `${alice}${text}`, `${text}${alice}`, alice.slice(0, text.length)]) {
        expect(lookUpUser(key)).toBe(key === alice ? "alice" : null);
      }
    }),
  );
});

test.each([
  ["", "holds no key"],
  [" , \n# nothing\n", "holds no key"],
  [`alice:${alice},${bob}`, "KEYS, entry 2: must be user:key"],
  [`alice:${alice},bob:short`, "KEYS, entry 2 (bob): the key must have 16 characters or more"],
  [`alice:${alice} ${bob}`, "KEYS, entry 1: must be user:key"],
  [`../x:${alice}`, "KEYS, entry 1: must be user:key"],
  [`alice:${alice},bob:${alice}`, "alice and bob have the same key"],
])("an invalid list of API keys is refused by position and user, never by key: %j", (text, message) => {
  const parse = () => parseApiKeys(text, "KEYS");
  expect(parse).toThrow(InputError);
  expect(parse).toThrow(message);
  for (const key of [alice, bob]) expect(parse).not.toThrow(key);
});

test("every API key is extracted for redaction, including invalid ones", () => {
  expect(extractKeys(`# staff\nalice:${alice}, b:${bob}:x,short\n`)).toEqual([alice, `${bob}:x`, "short"]);
});
