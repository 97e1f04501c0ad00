import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    reporters: ["default", "./tests/support/failures.ts"],
    projects: [
      { test: { name: "unit", include: ["tests/unit/**/*.test.ts"], testTimeout: 20_000 } },
      // what Ansible itself makes of the same inventories; needs ansible-core
      {
        test: {
          name: "ansible",
          include: ["tests/ansible/**/*.test.ts"],
          testTimeout: 60_000,
          hookTimeout: 120_000,
        },
      },
      {
        // One lab of containers serves all files, so they take turns.
        test: {
          name: "containers",
          globalSetup: "tests/support/turns.ts",
          setupFiles: "tests/support/end-children.ts",
          include: ["tests/containers/**/*.test.ts"],
          fileParallelism: false,
          testTimeout: 180_000,
          hookTimeout: 600_000,
        },
      },
      {
        // On hosts of their own, so that they can run beside those above; scripts/containers.sh starts both.
        test: {
          name: "hosts",
          globalSetup: ["tests/support/turns.ts", "tests/support/make-hosts.ts"],
          setupFiles: "tests/support/end-children.ts",
          include: ["tests/hosts/**/*.test.ts"],
          fileParallelism: false,
          testTimeout: 180_000,
          hookTimeout: 600_000,
        },
      },
    ],
  },
});
