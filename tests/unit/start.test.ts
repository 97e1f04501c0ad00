import { execFileSync, spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { root } from "../support/lbctl.ts";

let folder = "";

/** As the build writes a file. */
const wrapped = (code: string): string =>
  `(function (exports, require, module, __filename, __dirname, __moduleUrl) {${code}\n})`;

/** bin/ as it is, with a small bundle of two files. */
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "lbctl-start-"));
  cpSync(join(root, "bin"), join(folder, "bin"), { recursive: true });
  mkdirSync(join(folder, "dist"));
  writeFileSync(
    join(folder, "dist", "cli.js"),
    wrapped(`exports.main = (argv) => {
       const { greet } = require("./part.js");
       process.exitCode = Number(argv[3] ?? 0);
       console.log(greet(require("node:path").basename(__filename)), __moduleUrl.startsWith("file:"));
     };`),
  );
  writeFileSync(join(folder, "dist", "entry"), "cli.js");
  writeFileSync(join(folder, "dist", "part.js"), wrapped("exports.greet = (name) => `hello from ${name}`;"));
});

afterEach(() => {
  rmSync(folder, { recursive: true });
});

function start(...args: string[]): string {
  return execFileSync(process.execPath, [join(folder, "bin", "lbctl.js"), ...args], { encoding: "utf8" });
}

function kept(): string[] {
  const files = readdirSync(join(folder, "dist"), { recursive: true, encoding: "utf8" });
  return files.filter((file) => /compiled.*\.js/.test(file)).sort();
}

test("a start keeps what it compiled, each command for itself, and the next one takes it", () => {
  expect(start("apply")).toBe("hello from cli.js true\n");
  const files = kept().map((file) => file.split("/").slice(2).join("/"));
  expect(files).toEqual(["apply/cli.js", "apply/part.js"]);
  const before = readFileSync(join(folder, "dist", kept()[0] ?? ""));
  expect(start("apply")).toBe("hello from cli.js true\n");
  expect(readFileSync(join(folder, "dist", kept()[0] ?? "")).equals(before)).toBe(true);
  start("plan");
  expect(kept()).toHaveLength(4);
});

test("what was kept and is spoilt is made anew", () => {
  start("apply");
  for (const file of kept()) writeFileSync(join(folder, "dist", file), "spoilt");
  expect(start("apply")).toBe("hello from cli.js true\n");
  expect(readFileSync(join(folder, "dist", kept()[0] ?? ""), "latin1")).not.toBe("spoilt");
});

test("one wrong byte in the middle of what was kept is seen", () => {
  start("apply");
  const [file = ""] = kept().map((name) => join(folder, "dist", name));
  const whole = readFileSync(file);
  const damaged = Buffer.from(whole);
  const middle = damaged.length >> 1;
  damaged[middle] = (damaged[middle] ?? 0) ^ 0xff;
  writeFileSync(file, damaged);
  expect(start("apply")).toBe("hello from cli.js true\n");
  expect(readFileSync(file).equals(damaged)).toBe(false);
});

test("a run that failed early keeps nothing: it compiled too little", () => {
  const failed = spawnSync(process.execPath, [join(folder, "bin", "lbctl.js"), "apply", "3"]);
  expect(failed.status).toBe(3);
  expect(kept()).toEqual([]);
});

test.each(["entry", "cli.js", ""])("without dist/%s it says what to do, in place of a stack", (missing) => {
  rmSync(join(folder, "dist", missing), { recursive: true });
  const { status, stderr } = spawnSync(process.execPath, [join(folder, "bin", "lbctl.js"), "apply"], {
    encoding: "utf8",
  });
  expect(stderr).toMatch(/^error: lbctl is not built: run `npm ci && npm run build` in .*\n$/);
  expect(status).toBe(1);
});

test("where nothing can be kept, lbctl starts all the same", () => {
  writeFileSync(join(folder, "dist", "compiled"), "in the way");
  expect(start("apply")).toBe("hello from cli.js true\n");
});

test("output that cannot be written is an error, whatever the command came to", () => {
  const full = spawnSync(
    "sh",
    ["-c", `"$0" bin/lbctl.js inventory -i tests/goldens/two-pools/hosts.yml >/dev/full`, process.execPath],
    {
      cwd: root,
    },
  );
  expect(full.status).toBe(1);
});
