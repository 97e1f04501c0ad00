import { join } from "node:path";
import { namesIn, readIfThere, statIfThere } from "../document/files.ts";

/** Reads `relative` from the first of these folders that has it: an earlier folder's file shadows a later one's. */
export async function readShadowed(
  relative: string,
  dirs: readonly string[],
): Promise<{ readonly file: string; readonly bytes: Uint8Array } | undefined> {
  for (const dir of dirs) {
    const file = join(dir, relative);
    const bytes = await readIfThere(file);
    if (bytes) return { file, bytes };
  }
  return undefined;
}

/** Paths of the files below `folder` in all of these folders, relative to them, in order and each once. */
export async function filesShadowed(folder: string, dirs: readonly string[]): Promise<string[]> {
  const found = new Set<string>();
  for (const dir of dirs) await walk(dir, folder, found);
  return [...found].sort();
}

async function walk(dir: string, folder: string, found: Set<string>): Promise<void> {
  for (const name of (await namesIn(join(dir, folder))) ?? []) {
    if (name.startsWith(".")) continue;
    const relative = `${folder}/${name}`;
    if ((await statIfThere(join(dir, relative)))?.isDirectory()) await walk(dir, relative, found);
    else found.add(relative);
  }
}
