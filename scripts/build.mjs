// Bundles src/ into dist/: one small entry, heavy modules in chunks that load when they are first needed.
// esbuild splits only ES modules, and V8 keeps compiled code only of scripts, so each chunk becomes CommonJS afterwards.
import { build, transform } from "esbuild";
import { mkdir, rm, writeFile } from "node:fs/promises";

const { outputFiles } = await build({
  entryPoints: { cli: "src/cli.ts" },
  outdir: "dist",
  bundle: true,
  write: false,
  splitting: true,
  format: "esm",
  platform: "node",
  target: "node20",
  minifySyntax: true,
  // native parts of ssh2, which cannot be bundled and which it can do without
  external: ["*.node", "cpu-features"],
  define: { "import.meta.url": "__moduleUrl" },
  logLevel: "warning",
});
await rm("dist", { recursive: true, force: true });
await mkdir("dist");
for (const { path, text } of outputFiles) {
  const options = { format: "cjs", platform: "node", target: "node20", supported: { "dynamic-import": false } };
  await writeFile(path, (await transform(text, options)).code);
}
