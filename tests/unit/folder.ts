import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { LbctlError, type Problem } from "../../src/errors.ts";
import { onTestFinished } from "vitest";

/** Writes these files into a new folder, which goes when the test ends. */
export async function folderOf(files: Readonly<Record<string, string | Uint8Array>>): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "lbctl-test-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  for (const [name, content] of Object.entries(files)) {
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await writeFile(join(folder, name), content);
  }
  return folder;
}

/** The problems that `run` throws; fails when it throws none, or anything but `invalid`. */
export async function problemsOf(run: () => unknown): Promise<readonly Problem[]> {
  try {
    await run();
  } catch (error) {
    if (error instanceof LbctlError && error.code === "invalid") return error.problems;
    throw error;
  }
  throw new Error("expected an error, and there was none");
}

/** `file:line what` of each problem, without the folder. */
export async function textsOf(run: () => unknown, folder = ""): Promise<string[]> {
  const problems = await problemsOf(run);
  return problems.map(({ at, what }) => `${at ?? ""} ${what}`.replaceAll(`${folder}/`, "").trim());
}
