import { Command, CommanderError } from "commander";
import { describe, expect, it } from "vitest";

import { addSettingsOptions, resolveJobConfig } from "../../../../src/cli/options/settings-options.js";
import { createTemporaryFiles } from "../../../support/temporary-files.js";

const files = createTemporaryFiles();

async function getSettings(...args: string[]) {
  const command = addSettingsOptions(new Command())
    .exitOverride()
    .configureOutput({ writeErr: () => undefined });
  const { settings } = await resolveJobConfig(command.parse(args, { from: "user" }).opts());
  return settings;
}

describe("flags for all roles", () => {
  it("flags that are not given leave the defaults", async () => {
    expect(await getSettings()).toMatchObject({ temperature: 0.1, maxOutputTokens: 2048, extraBody: {} });
  });

  it.each<[string[], Record<string, unknown>]>([
    [["--temperature", "0.7"], { temperature: 0.7 }],
    [["--temperature", "0"], { temperature: 0 }],
    [["--temperature", "none"], { temperature: null }],
    [["--max-output-tokens", "512"], { maxOutputTokens: 512 }],
    [["--extra-body", '{"chat_template_kwargs": {"enable_thinking": false}}'], { extraBody: { chat_template_kwargs: { enable_thinking: false } } }],
  ])("the flags %j are the settings %j", async (args, settings) => {
    expect(await getSettings(...args)).toMatchObject(settings);
  });

  it("a flag overrides the config file's value for all roles, and a role's own value stays", async () => {
    const config = await files.write("temperature: 1\ncandidate: { temperature: 0.5 }\n", "yaml");
    expect(await getSettings("--config", config, "--temperature", "none")).toMatchObject({ temperature: null, candidate: { temperature: 0.5 } });
    expect(await getSettings("--config", config)).toMatchObject({ temperature: 1 });
  });

  it.each([
    ["--temperature", "warm"],
    ["--temperature", "2.5"],
    ["--temperature", ""],
    ["--max-output-tokens", "0"],
    ["--extra-body", "{a: 1}"],
  ])("the flag %s refuses %j", async (...args) => {
    await expect(getSettings(...args)).rejects.toThrow(CommanderError);
  });

  it.each([
    ["[1]", "extraBody"],
    ['{"max_tokens": 5}', "extraBody.max_tokens: is no extra field of a request: set `maxOutputTokens`"],
  ])("the flag --extra-body %s is an input error that names the field", async (json, message) => {
    await expect(getSettings("--extra-body", json)).rejects.toThrow(message);
  });
});
