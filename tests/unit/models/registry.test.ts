import { describe, expect, it } from "vitest";

import { ggufProvider } from "../../../src/models/gguf/provider.js";
import { offlineProvider } from "../../../src/models/offline/provider.js";
import { openaiProvider } from "../../../src/models/openai/provider.js";
import { ProviderConfigurationError } from "../../../src/models/provider.js";
import { describeEndpoint, getModelName, isInProcess, resolveModelSpec, withInProcessPrices } from "../../../src/models/registry.js";

describe("resolveModelSpec", () => {
  it.each([
    ["openai:gpt-4o-mini", openaiProvider, "gpt-4o-mini"],
    ["openai:org/model:latest", openaiProvider, "org/model:latest"],
    ["openai: gpt-4o ", openaiProvider, "gpt-4o"],
    ["gguf:hf:o/r/m.gguf", ggufProvider, "hf:o/r/m.gguf"],
    ["offline", offlineProvider, ""],
  ])("resolves %j to its provider and the model's name there", (spec, provider, name) => {
    expect(resolveModelSpec(spec)).toEqual({ provider, name });
  });

  it.each(["acme:large", "gpt-4o", "openai", "openai:", "openai: ", "offline:x", "OpenAI:gpt-4o", "constructor:x", ""])(
    "throws for %j, naming it and the known forms",
    (spec) => {
      expect(() => resolveModelSpec(spec)).toThrow(ProviderConfigurationError);
      expect(() => resolveModelSpec(spec)).toThrow(`"${spec}" is not a known model. Known are "offline", "openai:<name>"`);
    },
  );
});

describe("getModelName", () => {
  it.each([
    ["openai:gpt-4o", "gpt-4o"],
    ["openai:org/model:latest", "org/model:latest"],
    ["acme:large", "acme:large"],
    ["offline", "offline"],
    ["openai:", "openai:"],
  ])("returns for %j the name %j", (spec, name) => {
    expect(getModelName(spec)).toBe(name);
  });
});

describe("isInProcess", () => {
  it("returns true for the offline model and for files", () => {
    expect(isInProcess({ model: "offline" })).toBe(true);
    expect(isInProcess({ model: "gguf:model.gguf" })).toBe(true);
    expect(isInProcess({ model: "openai:offline" })).toBe(false);
    expect(isInProcess({ model: "acme:large" })).toBe(false);
  });
});

describe("describeEndpoint", () => {
  it("returns null for a model inside this process, even if a base URL is set", () => {
    expect(describeEndpoint({ model: "offline", baseUrl: null })).toBeNull();
    expect(describeEndpoint({ model: "offline", baseUrl: "http://127.0.0.1:9/v1" })).toBeNull();
  });

  it("returns the provider's base URL if the settings name none", () => {
    expect(describeEndpoint({ model: "openai:gpt-4o", baseUrl: null })).toBe("https://api.openai.com/v1");
  });

  it("returns the settings' base URL without credentials, query and trailing slash", () => {
    const baseUrl = "https://user:hunter2@example.org/v1/?api_key=secret";
    expect(describeEndpoint({ model: "openai:gpt-4o", baseUrl })).toBe("https://example.org/v1");
  });

  it("describes the endpoint of an unknown provider like OpenAI's, for error messages", () => {
    expect(describeEndpoint({ model: "acme:large", baseUrl: null })).toBe("https://api.openai.com/v1");
    expect(describeEndpoint({ model: "acme:large", baseUrl: "http://127.0.0.1:9" })).toBe("http://127.0.0.1:9");
  });
});

describe("withInProcessPrices", () => {
  const price = { inputUsdPerMillion: 1, outputUsdPerMillion: 2 };

  it("adds a price of zero for models inside this process, and keeps all others", () => {
    expect(withInProcessPrices({ "openai:gpt-4o": price })).toEqual({
      offline: { inputUsdPerMillion: 0, outputUsdPerMillion: 0 },
      gguf: { inputUsdPerMillion: 0, outputUsdPerMillion: 0 },
      "openai:gpt-4o": price,
    });
  });

  it("keeps a price that the table already has", () => {
    expect(withInProcessPrices({ offline: price })).toMatchObject({ offline: price });
  });

  it("does not change the table it gets", () => {
    const prices = {};
    withInProcessPrices(prices);
    expect(prices).toEqual({});
  });
});
