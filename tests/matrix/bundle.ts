import { join } from "node:path";
import { build } from "esbuild";
import { root } from "../support/lbctl.ts";

/** Bundles the lbctl whose steps can be held. Returns its path. */
export async function bundlePaused(): Promise<string> {
  const outfile = join(root, "node_modules/.cache/matrix/paused.mjs");
  await build({
    entryPoints: [join(root, "tests/matrix/paused.ts")],
    ...{ outfile, bundle: true, platform: "node", format: "esm", packages: "external", logLevel: "warning" },
  });
  return outfile;
}
