/**
 * Shows that `datasets`, which trainers read JSON with, loads the rows of a job whose last ones hold everything that is rare.
 *
 * Usage, after `npm run build`: npm run verify:datasets
 * Installs `datasets` with pip into a folder of its own. Without Python 3 it says that it was skipped, and succeeds.
 */
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

import { createRareBackend, createRareSeedLines } from "../../tests/support/rare-job.ts";

const run = promisify(execFile);
const root = fileURLToPath(new URL("../..", import.meta.url));
const datasetsVersion = "5.2.0";
const rowCount = 1000;

const loader = `
import json, sys, tempfile
import datasets, pyarrow
datasets.disable_progress_bars()
path = sys.argv[1]
rows = datasets.load_dataset("json", data_files=path, split="train", chunksize=4096, cache_dir=tempfile.mkdtemp())
with open(path, encoding="utf-8") as lines:
    written = [json.loads(line) for line in lines]
assert len(rows) == len(written), f"{len(rows)} of {len(written)} rows were loaded"
different = [index for index, (loaded, row) in enumerate(zip(rows, written)) if loaded != row]
assert not different, f"rows differ from the file: {different[:5]}"
print(json.dumps({"rows": len(rows), "columns": rows.column_names, "datasets": datasets.__version__, "pyarrow": pyarrow.__version__, "python": sys.version.split()[0]}))
`;

const startedAt = performance.now();
const python = await preparePython();
if (typeof python === "string") await verify(python);
else console.log(`Skipped: ${python.reason}`);

/** Returns the interpreter of an environment with `datasets`, or why there is none. */
async function preparePython() {
  const folder = join(root, "node_modules", ".cache", "verify", `datasets-${datasetsVersion}`);
  const interpreter = join(folder, "bin", "python");
  const marker = join(folder, "complete");
  if (existsSync(marker)) return interpreter;
  try {
    await run("python3", ["--version"]);
  } catch {
    return { reason: "python3 is not installed." };
  }
  try {
    await mkdir(folder, { recursive: true });
    await run("python3", ["-m", "venv", "--clear", folder]);
    const pip = ["-m", "pip", "install", "--quiet", "--no-input", "--disable-pip-version-check", `datasets==${datasetsVersion}`];
    await run(interpreter, pip, { timeout: 300_000 });
    await writeFile(marker, "");
    return interpreter;
  } catch (error) {
    const lines = String(error.stderr || error.stdout || error.message)
      .trim()
      .split("\n");
    return { reason: `datasets ${datasetsVersion} could not be installed (${lines.at(-1)}). It needs Python 3.10 or newer with venv, and pip.` };
  }
}

/** Writes one job per mode with the built package, and loads each. */
async function verify(interpreter) {
  const built = join(root, "dist", "generation", "generate-job.js");
  if (!existsSync(built)) throw new Error("dist is missing: run `npm run build` first");
  const { runGenerateJob } = await import(built);
  const { Settings } = await import(join(root, "dist", "state", "settings.js"));
  const preparedAt = performance.now();
  const folder = await mkdtemp(join(tmpdir(), "review-instruct-verify-"));
  try {
    const seeds = join(folder, "seeds.jsonl");
    await writeFile(seeds, `${createRareSeedLines(rowCount).join("\n")}\n`);
    for (const mode of ["multi_review", "no_review"]) {
      const { rows } = await runGenerateJob({
        output: join(folder, mode),
        toolVersion: "0.0.0",
        seeds,
        settings: Settings.parse({ mode }),
        openBackend: () => createRareBackend(rowCount, mode === "multi_review"),
      });
      const { stdout } = await run(interpreter, ["-c", loader, rows], { env: { ...process.env, HF_HUB_OFFLINE: "1", HF_HOME: folder } });
      console.log(`${mode}: ${stdout.trim()}`);
    }
    const seconds = (from) => Math.round((performance.now() - from) / 1000);
    console.log(`Loaded, equal to the files, in ${seconds(preparedAt)} s (${seconds(startedAt)} s with the installation).`);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
