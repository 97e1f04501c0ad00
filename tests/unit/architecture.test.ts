import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, normalize, relative } from "node:path";
import { expect, test } from "vitest";

const source = join(import.meta.dirname, "../../src");

/** What each room of src/ may import, besides itself, errors and the model. */
const allowed: Readonly<Record<string, readonly string[]>> = {
  model: [],
  "errors.ts": [],
  "version.ts": ["../package.json"],
  "package-root.ts": [],
  "user-name.ts": [],
  document: [],
  role: ["document"],
  inventory: ["document", "role"],
  render: ["document"],
  remote: ["user-name.ts"],
  haproxy: ["remote"],
  observe: ["remote", "haproxy"],
  plan: ["document"],
  validate: ["document"],
  apply: ["remote", "haproxy", "observe", "version.ts"],
  drain: ["remote", "haproxy", "observe", "document"],
  drill: ["remote", "haproxy", "document"],
  report: ["haproxy", "drill", "lab", "document", "plan"],
  lab: ["remote", "package-root.ts"],
};

/** The one module that imports each library. */
const importers: Readonly<Record<string, string>> = {
  ajv: "document/compile-schema.ts",
  chalk: "report/style.ts",
  commander: "cli.ts",
  diff: "plan/diff.ts",
  eta: "render/engine.ts",
  execa: "remote/process.ts",
  "ipaddr.js": "document/address.ts",
  leven: "document/words.ts",
  "node-ssh": "remote/link.ts",
  "p-map": "commands/hosts.ts",
  "tar-stream": "apply/bundle.ts",
  yaml: "document/yaml.ts",
};

interface Import {
  readonly from: string;
  readonly to: string;
}

const sources = readdirSync(source, { recursive: true, encoding: "utf8" }).filter((file) =>
  file.endsWith(".ts"),
);

const imports: Import[] = sources.flatMap((file) =>
  [...textOf(file).matchAll(/(?:\bfrom|\bimport\(|^import)\s*"([^"]+)"/gm)].map((match) => ({
    from: file,
    to: match[1] ?? "",
  })),
);

test("every room is named here", () => {
  const rooms = [...new Set(imports.map(({ from }) => roomOf(from)))];
  expect(
    rooms.filter((room) => allowed[room] === undefined && !["cli.ts", "commands"].includes(room)),
  ).toEqual([]);
});

test("only the report prints, but for the last words on a signal", () => {
  const printers = sources.filter((file) => /process\.std(out|err)\.write|console\./.test(textOf(file)));
  expect(printers.sort()).toEqual(["cli.ts", "report/out.ts"]);
});

test("modules import only what their floor may", () => {
  const wrong = imports
    .filter(({ to }) => to.startsWith("."))
    .map(({ from, to }) => ({ from, to: relative(source, normalize(join(source, dirname(from), to))) }))
    .filter(({ from, to }) => {
      const [room, target] = [roomOf(from), roomOf(to)];
      const may = allowed[room];
      return may !== undefined && target !== room && !["errors.ts", "model", ...may].includes(target);
    })
    .map(({ from, to }) => `${from} imports ${to}`);
  expect(wrong).toEqual([]);
});

test("each library is imported by one module", () => {
  const wrong = imports
    .filter(({ to }) => !to.startsWith(".") && !to.startsWith("node:"))
    .filter(({ from, to }) => importers[packageOf(to)] !== from)
    .map(({ from, to }) => `${from} imports ${to}`);
  expect(wrong).toEqual([]);
});

test("every library that the package depends on is imported", () => {
  const manifest = JSON.parse(readFileSync(join(source, "../package.json"), "utf8")) as {
    dependencies: object;
  };
  expect(Object.keys(importers).sort()).toEqual(Object.keys(manifest.dependencies).sort());
});

function textOf(file: string): string {
  return readFileSync(join(source, file), "utf8");
}

function roomOf(file: string): string {
  return file.startsWith("..") ? file : (file.split("/")[0] ?? "");
}

function packageOf(specifier: string): string {
  return specifier.split("/")[0] ?? "";
}
