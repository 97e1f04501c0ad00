import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createHash } from "node:crypto";
import { spawnSync } from "node:child_process";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { bundle } from "../../../src/apply/bundle.ts";
import { applyFunctions } from "../../../src/apply/functions.ts";
import { steps } from "../../../src/apply/steps.ts";
import type { Manifest } from "../../../src/model/history.ts";
import { loadRole } from "../../../src/role/load.ts";

const folder = mkdtempSync(join(tmpdir(), "lbctl-bundle-"));
const role = await loadRole("haproxy", [join(import.meta.dirname, "../../../roles")]);

const files = ["haproxy.cfg", "lists/a.list"].map((path) => {
  const content = `${path}\n`;
  return { path, mode: "0644", content, sha256: createHash("sha256").update(content).digest("hex") };
});
const manifest: Manifest = {
  format: 1,
  identity: "lbctl:0",
  by: "anna@desk",
  at: "2026-03-04T05:06:07.890Z",
  lbctl: "0.1.0",
  git: null,
  restores: null,
  changes: [],
  files: files.map(({ path, mode, sha256 }) => ({ path, mode, sha256 })),
};
const parcel = { files, folders: ["lists", "certs"], expectations: "port 80 x\n", console: "#!/bin/sh\n" };

/** The step that takes a set in, with this on its standard input: whether it went through. */
function isTaken(input: Uint8Array, from: number | null, wholeBytes = input.length): boolean {
  const step = steps.find(({ name }) => name === "stage");
  const context = {
    role,
    plan: {} as never,
    digest: "",
    identity: "",
    from: from === null ? null : { generation: from, stays: [], carries: true },
    ownCerts: [],
    keep: 10,
    isGated: true,
    isEdited: false,
    commit: { token: "0a", confirmSeconds: 30, by: "", at: "" },
  };
  const functions = `${applyFunctions}\nproblems_of() { cd "$1" && sha256sum --quiet -c .sha256sums; }`;
  const script = `bytes=${String(wholeBytes)} state=${folder}/haproxy live=${folder}/live\n${functions}\n${step?.script(context) ?? "exit 9"}`;
  const result = spawnSync("sh", ["-c", script.replaceAll("/var/lib/lbctl", folder)], { input });
  return result.status === 0;
}

test.each([
  ["a set", null],
  ["what comes along with a rollback", 1],
])("%s that is cut off at any byte is not taken", async (_, from) => {
  const whole = await bundle(from === null ? parcel : { ...parcel, files: [], folders: [] }, manifest);
  // a generation that is whole
  const old = join(folder, "haproxy/generations/1");
  mkdirSync(old, { recursive: true });
  spawnSync("tar", ["-xf", "-", "-C", old], { input: await bundle(parcel, manifest) });
  expect(isTaken(whole, from)).toBe(true);
  expect(readFileSync(join(folder, "haproxy/staging/haproxy.cfg"), "utf8")).toBe("haproxy.cfg\n");

  // without the blocks of zeros at its end the archive is whole
  const end = Buffer.from(whole).findLastIndex((byte) => byte !== 0) + 1;
  const cuts = new Set(Array.from({ length: Math.ceil(end / 512) }, (_each, block) => block * 512));
  for (const cut of [...cuts, 1, 700, 1025, end - 100, end - 1]) {
    expect(
      isTaken(whole.subarray(0, cut), from, whole.length),
      `cut at ${String(cut)} of ${String(end)}`,
    ).toBe(false);
    expect(existsSync(join(folder, "haproxy/staging"))).toBe(false);
  }
  rmSync(folder, { recursive: true });
});
