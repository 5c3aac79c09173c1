import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

import { getErrorMessage, hasErrorCode } from "../errors.js";
import { ProviderConfigurationError } from "./provider.js";

/** Imports a module by its name. */
export type ImportModule = (packageName: string) => Promise<unknown>;

/** A package that a provider needs and users install themselves. */
export interface ProviderPackage {
  /** The word before the colon in a model's name. */
  readonly id: string;
  readonly packageName: string;
  readonly installCommand: string;
}

/**
 * Imports the package of a provider.
 *
 * @throws {ProviderConfigurationError} If it is missing or cannot be loaded, with the command that installs it.
 */
export async function importProviderPackage(
  { id, packageName, installCommand }: ProviderPackage,
  importModule: ImportModule = importInstalledModule,
): Promise<unknown> {
  try {
    return await importModule(packageName);
  } catch (error) {
    const isMissing = hasErrorCode(error, "ERR_MODULE_NOT_FOUND") && getErrorMessage(error).includes(`'${packageName}'`);
    throw new ProviderConfigurationError(
      isMissing
        ? `models of "${id}" need the package ${packageName}, which is not installed. Install it: ${installCommand}`
        : `the package ${packageName} cannot be loaded (${getErrorMessage(error)}). Install it again: ${installCommand}`,
      { cause: error },
    );
  }
}

/** Imports a package from where this one is installed, else from the folder in which the process was started. */
async function importInstalledModule(packageName: string): Promise<unknown> {
  try {
    return await import(packageName);
  } catch (error) {
    const path = hasErrorCode(error, "ERR_MODULE_NOT_FOUND") ? findInWorkingFolder(packageName) : null;
    if (path === null) throw error;
    return import(pathToFileURL(path).href);
  }
}

/** Finds a package of the user's project where this one was started by npx or is installed globally. */
function findInWorkingFolder(packageName: string): string | null {
  const require = createRequire(join(process.cwd(), "package.json"));
  for (const folder of require.resolve.paths(packageName) ?? []) {
    const path = findEntry(require, join(folder, packageName));
    if (path !== null) return path;
  }
  return null;
}

/** Returns the module that a package exports to `import`, which `require.resolve` alone may not find. */
function findEntry(require: NodeJS.Require, folder: string): string | null {
  try {
    const { exports = {}, module, main = "index.js" } = require(join(folder, "package.json"));
    const root = exports["."] ?? exports;
    const entry = typeof root === "string" ? root : (root.node?.import ?? root.import?.default ?? root.import ?? root.default ?? module ?? main);
    return typeof entry === "string" ? join(folder, entry) : null;
  } catch {
    return null;
  }
}
