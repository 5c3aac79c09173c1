/**
 * Who may import whom. A room not named in a list is closed to that room; every room may use its own files.
 * `cli/`, `auth.ts`, `server.ts` and `index.ts` stand outside and may import anything; nothing may import them.
 */
const arrows = {
  state: [],
  prompts: ["state", "errors.ts"],
  nodes: ["prompts", "state", "errors.ts"],
  graph: ["nodes", "state", "errors.ts"],
  models: ["state", "prompts", "nodes/model-access.ts", "errors.ts", "environment.ts", "logger.ts"],
  checkpoints: ["state", "errors.ts", "environment.ts", "logger.ts"],
  tracing: ["state", "errors.ts", "lines.ts", "environment.ts", "logger.ts"],
  dataset: ["state", "errors.ts", "lines.ts", "logger.ts"],
  generation: [
    "graph",
    "dataset",
    "checkpoints",
    "tracing",
    "models",
    "nodes/model-access.ts",
    "prompts/versions.ts",
    "state",
    "errors.ts",
    "lines.ts",
    "environment.ts",
    "logger.ts",
  ],
  analysis: ["dataset", "state", "errors.ts"],
  evaluation: ["models", "dataset", "graph", "nodes/model-access.ts", "state", "errors.ts", "environment.ts", "logger.ts"],
  report: ["analysis", "evaluation", "state", "errors.ts"],
  access: ["errors.ts"],
  "environment.ts": ["errors.ts"],
  "errors.ts": [],
  "lines.ts": [],
  "logger.ts": [],
};

/** Shapes that two rooms share; they leave nothing behind at run time. */
const typeArrows = { report: ["dataset"] };

const outside = ["cli", "auth.ts", "server.ts", "index.ts"];

/** Rooms that must run anywhere, a browser's worker included: no files, network, processes or provider SDKs. */
const pureRooms = ["state", "prompts", "nodes", "graph", "analysis"];
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
/** A regular expression for everything in these rooms and files of `src`. */
const inSource = (rooms) => `^src/(?:${rooms.map((room) => (room.endsWith(".ts") ? `${escaped(room)}$` : `${room}/`)).join("|")})`;

function roomRule(room, open, dependencyTypes = {}) {
  return {
    name: `${room.replace(".ts", "")}-arrows`,
    comment: `src/${room} may import only ${open.length > 0 ? open.join(", ") : "its own files"} of src.`,
    severity: "error",
    from: { path: inSource([room]) },
    to: { path: "^src/", pathNot: inSource([room, ...open]), ...dependencyTypes },
  };
}

function arrowRules([room, open]) {
  const forTypes = typeArrows[room];
  if (!forTypes) return [roomRule(room, open)];
  return [
    roomRule(room, open, { dependencyTypesNot: ["type-only"] }),
    { ...roomRule(room, [...open, ...forTypes], { dependencyTypes: ["type-only"] }), name: `${room}-type-arrows` },
  ];
}

/** @type {import("dependency-cruiser").IConfiguration} */
module.exports = {
  forbidden: [
    {
      name: "no-cycles",
      comment: "Two files that need each other are one file, or lack a third that both can use. (Elsewhere the linter forbids cycles at run time.)",
      severity: "error",
      from: { path: "^src/" },
      to: { circular: true },
    },
    {
      name: "nothing-imports-the-outside",
      comment: "cli, server and index are ways in; what others need of them belongs into a room.",
      severity: "error",
      from: { path: "^src/", pathNot: inSource(["cli"]) },
      to: { path: inSource(outside) },
    },
    {
      name: "cli-imports-no-other-way-in",
      comment: "The command line stands beside server and index, not upon them.",
      severity: "error",
      from: { path: inSource(["cli"]) },
      to: { path: inSource(["server.ts", "index.ts"]) },
    },
    ...Object.entries(arrows).flatMap(arrowRules),
    {
      name: "no-room-without-arrows",
      comment: "A new room gets its arrows in .dependency-cruiser.cjs first.",
      severity: "error",
      from: { path: "^src/", pathNot: inSource([...Object.keys(arrows), ...outside]) },
      to: {},
    },
    {
      name: "pure-rooms-know-no-outside-world",
      comment: "Files, network, processes and the environment belong to dataset, models, checkpoints, tracing and cli.",
      severity: "error",
      from: { path: inSource(pureRooms) },
      to: { dependencyTypes: ["core"], path: `^(?:node:)?(?:${outsideWorld.join("|")})$` },
    },
    {
      name: "pure-rooms-know-no-provider",
      comment: "Providers and services are reached through the interfaces in nodes/, and implemented in models, checkpoints and tracing.",
      severity: "error",
      from: { path: inSource(pureRooms) },
      to: { path: `(?:^|/)node_modules/(?:${providerPackages.join("|")})/` },
    },
    {
      name: "optional-packages-load-late",
      comment: "An optional package may be missing: import() it where it is needed, and say so clearly when it is not there.",
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
      comment: "Whoever installs the package does not get its devDependencies. Types of Node are the exception.",
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
      comment: "The product knows nothing of its tests, benches, examples, scripts or build.",
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
    // Type imports count as well: they bind rooms together just as much.
    tsPreCompilationDeps: true,
    enhancedResolveOptions: {
      exportsFields: ["exports"],
      conditionNames: ["import", "node", "default", "types"],
      mainFields: ["module", "main", "types"],
    },
  },
};
