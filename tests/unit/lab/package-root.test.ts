import { existsSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { packageRoot } from "../../../src/package-root.ts";

test("the package root is found from sources as from a bundle", () => {
  const root = packageRoot();
  expect(existsSync(join(root, "src", "lab", "demo-backend.py"))).toBe(true);
  expect(packageRoot(join(root, "dist", "cli.js"))).toBe(root);
});
