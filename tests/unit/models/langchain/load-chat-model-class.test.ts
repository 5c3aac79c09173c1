import { readFileSync } from "node:fs";

import { describe, expect, it } from "vitest";

import { loadChatModelClass } from "../../../../src/models/langchain/load-chat-model-class.js";
import { langChainPackages } from "../../../../src/models/langchain/packages.js";
import { ProviderConfigurationError } from "../../../../src/models/provider.js";
import { getRejection } from "../../../support/get-rejection.js";

const [anthropic = expect.fail("no packages")] = langChainPackages;
const createMissingError = (name: string) =>
  Object.assign(new Error(`Cannot find package '${name}' imported from /app/dist/x.js`), { code: "ERR_MODULE_NOT_FOUND" });

describe("loadChatModelClass", () => {
  it.each(langChainPackages)("names the command that installs $packageName if it is missing", async (definition) => {
    const error = await getRejection(loadChatModelClass(definition, () => Promise.reject(createMissingError(definition.packageName))));
    expect(error).toBeInstanceOf(ProviderConfigurationError);
    const major = /\d+/.exec(definition.range)?.[0];
    expect(String(error)).toContain(`is not installed. Install it: npm install ${definition.packageName}@${major}`);
  });

  it.each([
    ["one of its dependencies is missing", createMissingError("@anthropic-ai/sdk"), "cannot be loaded (Cannot find package '@anthropic-ai/sdk'"],
    ["it fails while it loads", new SyntaxError("Unexpected token"), "cannot be loaded (Unexpected token). Install it again: npm install"],
  ])("says why a package cannot be used: %s", async (_name, cause, message) => {
    expect(String(await getRejection(loadChatModelClass(anthropic, () => Promise.reject(cause))))).toContain(message);
  });

  it.each([[{}], [{ ChatAnthropic: "text" }], [null]])("refuses a package without the class: %j", async (module) => {
    const error = await getRejection(loadChatModelClass(anthropic, () => Promise.resolve(module)));
    expect(String(error)).toContain("has no ChatAnthropic. Install a version that has: npm install @langchain/anthropic@1");
  });
});

describe("langChainPackages", () => {
  it("agree with the optional peer dependencies, so that a plain install brings none", () => {
    const { peerDependencies, peerDependenciesMeta } = JSON.parse(readFileSync("package.json", "utf8"));
    for (const { packageName, range } of langChainPackages) {
      expect(peerDependencies[packageName]).toBe(range);
      expect(peerDependenciesMeta[packageName]).toEqual({ optional: true });
    }
  });
});
