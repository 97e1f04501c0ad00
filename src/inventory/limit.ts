import { readFile } from "node:fs/promises";
import { decodeText } from "../document/text.ts";
import { LbctlError } from "../errors.ts";
import { splitPattern } from "./select.ts";

/** The parts of --limit. One that is `@FILE` stands for the file's lines, each a part of its own. */
export async function readLimit(limit: string): Promise<string[]> {
  const parts: string[] = [];
  for (const part of splitPattern(limit)) {
    if (part.startsWith("@")) parts.push(...(await linesOf(part.slice(1))));
    else parts.push(part);
  }
  return parts;
}

async function linesOf(file: string): Promise<string[]> {
  const bytes = await readFile(file).catch((error: unknown) => {
    const reason =
      (error as NodeJS.ErrnoException).code === "ENOENT" ? "there is no such file" : String(error);
    throw new LbctlError("invalid", {
      what: `--limit @${file}: ${reason}`,
      hint: "Name a file with a host, a group or a pattern on each line.",
    });
  });
  const lines = decodeText(bytes, file)
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "");
  if (lines.length > 0) return lines;
  // to Ansible an empty file means every host
  throw new LbctlError("invalid", {
    what: "the limit file is empty",
    at: file,
    hint: "Write a host on each line, or leave out --limit.",
  });
}
