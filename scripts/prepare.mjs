/**
 * Builds the package after an install from git and before `npm pack`.
 *
 * Does nothing where the compiler is missing, as after `npm ci --omit=dev`.
 */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";

const compiler = new URL("../node_modules/typescript/package.json", import.meta.url);
if (existsSync(compiler)) {
  const { status } = spawnSync("npm run --silent build", { stdio: "inherit", shell: true });
  process.exitCode = status ?? 1;
}
