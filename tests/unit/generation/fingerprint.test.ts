import { describe, expect, it } from "vitest";

import { getFingerprintInput, settingsFingerprint } from "../../../src/generation/fingerprint.js";
import { Settings } from "../../../src/state/settings.js";

const at = (baseUrl: string | null) => Settings.parse({ model: "openai:m", baseUrl, candidate: { baseUrl: "http://127.0.0.1:8000/v1" } });

describe("the identity of a job", () => {
  it("holds a base URL as it stands", () => {
    expect(getFingerprintInput(at("http://localhost:9000/v1"))).toMatchObject({
      candidate: { baseUrl: "http://127.0.0.1:8000/v1" },
      chairman: { baseUrl: "http://localhost:9000/v1" },
    });
    expect(getFingerprintInput(at(null)).chairman.baseUrl).toBeNull();
  });

  it("holds of a query a digest alone, and nothing of a fragment", () => {
    const { chairman, panel } = getFingerprintInput(at("http://localhost:9000/v1?api-version=2&api-key=hunter2#hunter3"));
    for (const role of [chairman, ...panel]) {
      expect(role).toMatchObject({ baseUrl: "http://localhost:9000/v1", baseUrlQuery: expect.stringMatching(/^[0-9a-f]{16}$/) });
      expect(JSON.stringify(role)).not.toMatch(/hunter|api/);
    }
  });

  it("is another with another query, with none, and at another endpoint", () => {
    const urls = ["", "?api-key=a", "?api-key=b", "/x?api-key=a"].map((end) => `http://localhost:9000/v1${end}`);
    expect(new Set(urls.map((url) => settingsFingerprint(at(url)))).size).toBe(urls.length);
    expect(settingsFingerprint(at(urls[1] ?? ""))).toBe(settingsFingerprint(at(urls[1] ?? "")));
  });
});
