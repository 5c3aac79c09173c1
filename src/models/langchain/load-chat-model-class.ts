import type { BaseChatModel } from "@langchain/core/language_models/chat_models";

import { type ImportModule, importProviderPackage } from "../import-installed-module.js";
import { ProviderConfigurationError } from "../provider.js";
import type { LangChainPackage } from "./packages.js";

/** A chat model's class, created with fields that only its package knows. */
export type ChatModelClass = new (fields: Record<string, unknown>) => BaseChatModel;

/**
 * Imports the chat model's class of a package that the user has installed.
 *
 * @throws {ProviderConfigurationError} If the package is missing, with the command that installs it, or cannot be used.
 */
export async function loadChatModelClass(
  { id, packageName, range, className }: LangChainPackage,
  importModule?: ImportModule,
): Promise<ChatModelClass> {
  // The major version alone: shells give ^ a meaning of their own.
  const installCommand = `npm install ${packageName}@${/\d+/.exec(range)?.[0] ?? "latest"}`;
  const module = await importProviderPackage({ id, packageName, installCommand }, importModule);
  const found: unknown = typeof module === "object" && module !== null ? Reflect.get(module, className) : undefined;
  if (isChatModelClass(found)) return found;
  throw new ProviderConfigurationError(`the package ${packageName} has no ${className}. Install a version that has: ${installCommand}`);
}

function isChatModelClass(value: unknown): value is ChatModelClass {
  return typeof value === "function" && typeof value.prototype === "object";
}
