import { readdir, readFile, stat } from "node:fs/promises";
import type { Stats } from "node:fs";
import { LbctlError } from "../errors.ts";
import { invalid } from "./problems.ts";
import { refuseTooLarge } from "./text.ts";

/** A file's bytes, or undefined when nothing is there. Throws LbctlError `invalid` when it cannot be read. */
export async function readIfThere(file: string): Promise<Uint8Array | undefined> {
  return ifThere(file, async () => {
    const stats = await stat(file);
    // one that nobody writes to would be waited for for ever; the shell's <(...) is below /dev
    if (!stats.isFile() && !stats.isDirectory() && !file.startsWith("/dev/"))
      throw invalid("is no regular file", file, "Put a file in its place.");
    refuseTooLarge(stats.size, file);
    return readFile(file);
  });
}

/** What stands at a path, links followed, or undefined. */
export async function statIfThere(path: string): Promise<Stats | undefined> {
  return ifThere(path, () => stat(path));
}

/** Names in a folder in code point order, as Python sorts, or undefined when there is no folder. */
export async function namesIn(folder: string): Promise<string[] | undefined> {
  const names = await ifThere(folder, () => readdir(folder));
  return names?.sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
}

async function ifThere<T>(path: string, read: () => Promise<T>): Promise<T | undefined> {
  try {
    return await read();
  } catch (error) {
    if (error instanceof LbctlError) throw error;
    const code = (error as NodeJS.ErrnoException).code;
    if (code === "ENOENT" || code === "ENOTDIR") return undefined;
    throw invalid(
      `cannot be read: ${reasons[code ?? ""] ?? (error as Error).message}`,
      path,
      "Check the path and its permissions.",
    );
  }
}

const reasons: Readonly<Record<string, string>> = {
  EACCES: "permission denied",
  EPERM: "permission denied",
  EISDIR: "it is a folder",
  ELOOP: "its links go round in a circle",
};
