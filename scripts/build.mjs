// Bundles src/ into dist/: one small entry, heavy modules in chunks that load when they are first needed.
// esbuild splits only ES modules, and V8 keeps compiled code only of scripts, so each chunk becomes CommonJS afterwards.
import { build, transform } from "esbuild";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { basename, dirname } from "node:path";

/** What is known of the shipped role takes the place of empty maps: compiling and parsing it would be a fifth of a start. */
const precompiled = {
  name: "precompiled",
  setup({ onLoad }) {
    onLoad({ filter: /src\/document\/(?:precompiled|parsed-at-build)\.ts$/ }, async ({ path }) => {
      const { precompiledSource, parsedSource } = await generator;
      const source = path.endsWith("precompiled.ts") ? precompiledSource() : parsedSource();
      return { contents: source, loader: "js", resolveDir: dirname(path) };
    });
  },
};

/**
 * Of ssh2: its server, its key maker and its agents for HTTP, which load half of Node's network libraries. And the native
 * library that asks the processor which ciphers to offer first; lbctl says that itself.
 */
const withoutUnused = {
  name: "without-unused",
  setup({ onResolve, onLoad }) {
    const none = ({ path }) => ({ path, namespace: "none" });
    onResolve({ filter: /^cpu-features$/ }, none);
    onResolve({ filter: /^\.\/(?:http-agents|server|keygen)\.js$/ }, (found) =>
      found.importer.includes("/node_modules/ssh2/") ? none(found) : undefined,
    );
    onLoad({ filter: /.*/, namespace: "none" }, () => ({ contents: "module.exports = () => undefined;" }));
  },
};

const outfile = "node_modules/.cache/lbctl/precompile.mjs";
const generator = build({
  entryPoints: ["scripts/precompile.ts"],
  outfile,
  bundle: true,
  format: "esm",
  platform: "node",
  packages: "external",
}).then(() => import(`../${outfile}?${Date.now()}`));

const { outputFiles } = await build({
  entryPoints: { cli: "src/cli.ts" },
  outdir: "dist",
  entryNames: "[name]-[hash]",
  bundle: true,
  write: false,
  splitting: true,
  format: "esm",
  platform: "node",
  target: "node20",
  minifySyntax: true,
  // a native part of ssh2, which cannot be bundled and which it can do without
  external: ["*.node"],
  define: { "import.meta.url": "__moduleUrl" },
  plugins: [precompiled, withoutUnused],
  logLevel: "warning",
});
await rm("dist", { recursive: true, force: true });
await mkdir("dist");
for (const { path, text } of outputFiles) {
  const options = {
    format: "cjs",
    platform: "node",
    target: "node20",
    supported: { "dynamic-import": false },
  };
  const { code } = await transform(text, options);
  // Latin-1, so that V8 takes the file's bytes as they are; esbuild writes ASCII
  await writeFile(
    path,
    `(function (exports, require, module, __filename, __dirname, __moduleUrl) {${code}\n})`,
    "latin1",
  );
  if (basename(path).startsWith("cli-")) await writeFile("dist/entry", basename(path));
}
