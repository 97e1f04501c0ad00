// Bundles src/ into dist/: one small entry, heavy modules in chunks that load when they are first needed.
import { build } from "esbuild";
import { rm } from "node:fs/promises";

await rm("dist", { recursive: true, force: true });
await build({
  entryPoints: { cli: "src/cli.ts" },
  outdir: "dist",
  bundle: true,
  splitting: true,
  format: "esm",
  platform: "node",
  target: "node20",
  minifySyntax: true,
  sourcemap: true,
  // native parts of ssh2, which cannot be bundled and which it can do without
  external: ["*.node", "cpu-features"],
  // commander and ajv are CommonJS and call require() for Node's own modules
  banner: {
    js: 'import { createRequire as __cr } from "node:module"; const require = __cr(import.meta.url); const __dirname = import.meta.dirname;',
  },
  logLevel: "warning",
});
