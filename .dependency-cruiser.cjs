/**
 * Which folder of `src` may import which. A folder may always import its own files.
 * `cli/`, `server/` and `index.ts` are entry points: they may import anything, and nothing imports them.
 */
const arrows = {
  state: [],
  text: ["errors.ts"],
  "model-calls": ["text", "state", "errors.ts", "redaction.ts"],
  models: ["model-calls", "text", "prompts", "state", "errors.ts", "env.ts", "redaction.ts"],
  jobs: ["errors.ts", "lines.ts"],
  prompts: ["model-calls", "text", "state", "errors.ts"],
  nodes: ["prompts", "model-calls", "state", "errors.ts"],
  graph: ["nodes", "model-calls", "state", "errors.ts"],
  checkpoints: ["errors.ts"],
  dataset: ["state", "errors.ts", "lines.ts"],
  tracing: ["dataset", "state", "errors.ts", "env.ts", "lines.ts", "redaction.ts"],
  generation: ["graph", "prompts", "models", "model-calls", "jobs", "dataset", "checkpoints", "tracing", "state", "errors.ts", "env.ts", "lines.ts"],
  analysis: ["generation", "models", "model-calls", "jobs", "dataset", "state", "errors.ts", "env.ts", "lines.ts"],
  evaluation: ["models", "model-calls", "jobs", "dataset", "checkpoints", "tracing", "state", "errors.ts", "env.ts", "lines.ts"],
  report: ["analysis", "evaluation", "dataset", "state", "errors.ts"],
  "env.ts": [],
  "errors.ts": [],
  "lines.ts": [],
  "logger.ts": [],
  "redaction.ts": ["env.ts"],
  "version.ts": [],
};

/** Entry points. */
const entryPoints = ["cli", "server", "index.ts"];

/** Folders that must run anywhere, a browser included: no files, network, processes or provider SDKs. */
const pureFolders = ["state", "text", "prompts", "nodes", "graph", "analysis/metrics"];
const outsideWorld = [
  "fs",
  "fs/promises",
  "http",
  "http2",
  "https",
  "net",
  "tls",
  "dgram",
  "dns",
  "child_process",
  "cluster",
  "worker_threads",
  "process",
  "os",
];
const providerPackages = [
  "@langchain/openai",
  "openai",
  "langsmith",
  "@langchain/langgraph-sdk",
  "@langchain/langgraph-checkpoint-[^/]+",
  "pg",
  "better-sqlite3",
];

const escaped = (path) => path.replaceAll(".", "\\.");
/** A regular expression for everything in these folders and files of `src`. */
const inSource = (names) => `^src/(?:${names.map((name) => (name.endsWith(".ts") ? `${escaped(name)}$` : `${name}/`)).join("|")})`;

function createArrowRule([folder, imports]) {
  return {
    name: `${folder.replace(".ts", "")}-arrows`,
    comment: `src/${folder} may import only ${imports.length > 0 ? imports.join(", ") : "its own files"} of src.`,
    severity: "error",
    from: { path: inSource([folder]) },
    to: { path: "^src/", pathNot: inSource([folder, ...imports]) },
  };
}

/** @type {import("dependency-cruiser").IConfiguration} */
module.exports = {
  forbidden: [
    {
      name: "no-cycles",
      comment: "Two files that need each other are one file, or lack a third that both can use.",
      severity: "error",
      from: { path: "^src/" },
      to: { circular: true },
    },
    {
      name: "nothing-imports-an-entry-point",
      comment: "cli, server and index are entry points; what others need of them belongs into a folder of its own.",
      severity: "error",
      from: { path: "^src/", pathNot: inSource(entryPoints) },
      to: { path: inSource(entryPoints) },
    },
    {
      name: "cli-imports-no-other-entry-point",
      comment: "The command line uses neither the server nor the public index.",
      severity: "error",
      from: { path: inSource(["cli"]) },
      to: { path: inSource(["server", "index.ts"]) },
    },
    ...Object.entries(arrows).map(createArrowRule),
    {
      name: "only-the-offline-model-knows-prompts",
      comment: "A provider takes messages as they are. The offline model alone recognises the prompts it answers.",
      severity: "error",
      from: { path: "^src/models/", pathNot: "^src/models/offline/" },
      to: { path: "^src/prompts/" },
    },
    {
      name: "no-folder-without-arrows",
      comment: "A new folder gets its arrows in .dependency-cruiser.cjs first.",
      severity: "error",
      from: { path: "^src/", pathNot: inSource([...Object.keys(arrows), ...entryPoints]) },
      to: {},
    },
    {
      name: "pure-folders-use-no-outside-world",
      comment: "Files, network, processes and the environment belong to dataset, models, checkpoints, tracing and cli.",
      severity: "error",
      from: { path: inSource(pureFolders) },
      to: { dependencyTypes: ["core"], path: `^(?:node:)?(?:${outsideWorld.join("|")})$` },
    },
    {
      name: "pure-folders-use-no-provider",
      comment: "Providers and services are reached through src/model-calls, and implemented in models, checkpoints and tracing.",
      severity: "error",
      from: { path: inSource(pureFolders) },
      to: { path: `(?:^|/)node_modules/(?:${providerPackages.join("|")})/` },
    },
    {
      name: "optional-packages-load-late",
      comment: "An optional package may be missing: import() it where it is needed, with a clear message when it is not installed.",
      severity: "error",
      from: { path: "^src/" },
      to: { dependencyTypes: ["npm-optional"], dependencyTypesNot: ["type-only"], dynamic: false },
    },
    {
      name: "files-are-split-by-our-own-lines",
      comment:
        "Newer node:readline breaks lines at U+2028 and U+2029, which may stand in JSON strings: use src/lines.ts. The command line reads a terminal.",
      severity: "error",
      from: { path: "^src/", pathNot: inSource(["cli"]) },
      to: { dependencyTypes: ["core"], path: "^(?:node:)?readline(?:/promises)?$" },
    },
    {
      name: "no-dev-packages-in-src",
      comment: "Users of the package do not get its devDependencies. Types of Node are the exception.",
      severity: "error",
      from: { path: "^src/" },
      to: { dependencyTypes: ["npm-dev"], pathNot: "node_modules/@types/" },
    },
    {
      name: "no-unlisted-packages",
      comment: "A package that is imported is named in package.json.",
      severity: "error",
      from: {},
      to: { dependencyTypes: ["npm-no-pkg", "npm-unknown"] },
    },
    {
      name: "src-stands-alone",
      comment: "The product does not use its tests, benches, examples, scripts or build.",
      severity: "error",
      from: { path: "^src/" },
      to: { path: "^(?:tests|bench|examples|scripts|dist)/" },
    },
    {
      name: "resolvable",
      comment: "The import leads nowhere. Relative imports end in .js.",
      severity: "error",
      from: {},
      to: { couldNotResolve: true },
    },
  ],
  options: {
    doNotFollow: { path: "(?:^|/)(?:node_modules|dist)/" },
    tsConfig: { fileName: "tsconfig.json" },
    // Type imports count as well: they couple folders just as much.
    tsPreCompilationDeps: true,
    enhancedResolveOptions: {
      exportsFields: ["exports"],
      conditionNames: ["import", "node", "default", "types"],
      mainFields: ["module", "main", "types"],
    },
  },
};
