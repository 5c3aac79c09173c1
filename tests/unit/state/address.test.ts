import { describe, expect, it } from "vitest";

import { splitReplicas, toAddress } from "../../../src/state/model-settings.js";
import { resolveSettings } from "../../../src/state/resolve-settings.js";
import { Settings } from "../../../src/state/settings.js";
import { computeSettingsFingerprint } from "../../../src/generation/fingerprint.js";

const [a, b] = ["http://a:8000/v1", "http://b:8000/v1"] as const;

describe("toAddress", () => {
  it.each([
    [undefined, { baseUrl: null }],
    [null, { baseUrl: null }],
    [a, { baseUrl: a }],
    [[a], { baseUrl: a }],
    [[a, a], { baseUrl: a }],
    [[a, b], { baseUrl: a, replicas: [a, b] }],
  ])("converts %j", (baseUrl, expected) => {
    expect(toAddress(baseUrl)).toEqual(expected);
  });
});

describe("splitReplicas", () => {
  it("returns one address per server", () => {
    expect(splitReplicas({ baseUrl: a })).toEqual([{ baseUrl: a }]);
    expect(splitReplicas({ baseUrl: a, replicas: [a, b] })).toEqual([{ baseUrl: a }, { baseUrl: b }]);
  });
});

describe("the setting baseUrl", () => {
  it("takes a list of replicas, for the run or for one role", () => {
    const { candidate, chairman } = resolveSettings(Settings.parse({ baseUrl: [a, b], chairman: { baseUrl: b } }));
    expect(candidate).toMatchObject({ baseUrl: a, replicas: [a, b] });
    expect(chairman).toMatchObject({ baseUrl: b });
    expect(chairman.replicas).toBeUndefined();
  });

  it("changes no fingerprint by its replicas", () => {
    expect(computeSettingsFingerprint(Settings.parse({ baseUrl: [a, b] }))).toBe(computeSettingsFingerprint(Settings.parse({ baseUrl: a })));
  });

  it.each([[[]], [["http://me:hunter2@a/v1", b]], [["a:8000"]]])("refuses %j", (baseUrl) => {
    expect(Settings.safeParse({ baseUrl }).success).toBe(false);
  });
});
