import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { extractKeys, parseApiKeys } from "../../../../src/server/auth/api-keys.js";
import { InputError } from "../../../../src/errors.js";

const alice = "alice-key-0123456789";
const bob = "bob-key-0123456789ab";

describe("API keys", () => {
  it.each([
    ["commas", `alice:${alice},bob:${bob}`],
    ["lines, blanks and comments", `# staff\n alice:${alice} \r\n\n  bob:${bob}\n`],
  ])("are read with %s between them", (_what, text) => {
    const userOf = parseApiKeys(text, "KEYS");
    expect([userOf(alice), userOf(bob)]).toEqual(["alice", "bob"]);
  });

  it("may be several of one user, and hold colons", () => {
    const userOf = parseApiKeys(`a.b@c:${alice},a.b@c:${bob}:x:y`, "KEYS");
    expect([userOf(alice), userOf(`${bob}:x:y`), userOf(bob)]).toEqual(["a.b@c", "a.b@c", null]);
  });

  it("fit exactly or not at all", () => {
    const userOf = parseApiKeys(`alice:${alice}`, "KEYS");
    fc.assert(
      fc.property(fc.string(), (text) => {
        for (const near of [text, `${alice}${text}`, `${text}${alice}`, alice.slice(0, text.length)]) {
          expect(userOf(near)).toBe(near === alice ? "alice" : null);
        }
      }),
    );
  });

  it.each([
    ["", "holds no key"],
    [" , \n# nothing\n", "holds no key"],
    [`alice:${alice},${bob}`, "KEYS, entry 2: must be user:key"],
    [`alice:${alice},bob:short`, "KEYS, entry 2 (bob): the key must have 16 characters or more"],
    [`alice:${alice} ${bob}`, "KEYS, entry 1: must be user:key"],
    [`../x:${alice}`, "KEYS, entry 1: must be user:key"],
    [`alice:${alice},bob:${alice}`, "alice and bob have the same key"],
  ])("that make no sense are refused by place and user, never by key: %j", (text, said) => {
    const parse = () => parseApiKeys(text, "KEYS");
    expect(parse).toThrow(InputError);
    expect(parse).toThrow(said);
    for (const key of [alice, bob]) expect(parse).not.toThrow(key);
  });

  it("are told one by one to whoever hides them, bad ones too", () => {
    expect(extractKeys(`# staff\nalice:${alice}, b:${bob}:x,short\n`)).toEqual([alice, `${bob}:x`, "short"]);
  });
});
