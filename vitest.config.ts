import { defineConfig } from "vitest/config";

/** One kind of test; the kinds run one after the other, in `order`. */
function kind(name: string, order: number, seconds: number) {
  return {
    extends: true as const,
    test: {
      name,
      include: [`tests/${name}/**/*.test.ts`],
      testTimeout: seconds * 1000,
      hookTimeout: seconds * 1000,
      sequence: { groupOrder: order },
    },
  };
}

const e2e = kind("e2e", 3, 600);

export default defineConfig({
  test: {
    pool: "forks",
    maxWorkers: 2,
    // A developer's own tracing must not follow the tests.
    env: { LANGSMITH_TRACING: "false", LANGCHAIN_TRACING_V2: "false" },
    // e2e tests install packages and start servers: one file at a time.
    projects: [kind("unit", 1, 30), kind("integration", 2, 120), { ...e2e, test: { ...e2e.test, maxWorkers: 1 } }],
    coverage: { provider: "v8", include: ["src/**/*.ts"], reporter: ["text", "html"] },
  },
});
