import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

import { hasErrorCode } from "../errors.js";

/** Imports a module by its name. */
export type ImportModule = (packageName: string) => Promise<unknown>;

/** Imports a package from where this one is installed, else from the folder in which the process was started. */
export async function importInstalledModule(packageName: string): Promise<unknown> {
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
