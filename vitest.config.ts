import { defineConfig } from "vitest/config";

/** Tests that generate many inputs, or large ones: next to the unit tests of the same code, but in a project of their own. */
const propertyTests = "tests/unit/**/*.{property,streaming}.test.ts";

/** Creates one project of tests. Projects run one after the other, in `order`. */
function createProject(name: string, order: number, seconds: number, include: string, exclude: readonly string[] = []) {
  return {
    extends: true as const,
    test: {
      name,
      include: [include],
      exclude: [...exclude],
      testTimeout: seconds * 1000,
      hookTimeout: seconds * 1000,
      sequence: { groupOrder: order },
    },
  };
}

const e2e = createProject("e2e", 4, 600, "tests/e2e/**/*.test.ts");

export default defineConfig({
  test: {
    pool: "forks",
    maxWorkers: 2,
    // A developer's own tracing must not apply to tests.
    env: { LANGSMITH_TRACING: "false", LANGCHAIN_TRACING_V2: "false" },
    projects: [
      createProject("unit", 1, 30, "tests/unit/**/*.test.ts", [propertyTests]),
      createProject("property", 2, 60, propertyTests),
      createProject("integration", 3, 120, "tests/integration/**/*.test.ts"),
      // e2e tests install packages and start servers: one file at a time.
      { ...e2e, test: { ...e2e.test, maxWorkers: 1 } },
    ],
    coverage: { provider: "v8", include: ["src/**/*.ts"], reporter: ["text", "html"] },
  },
});
