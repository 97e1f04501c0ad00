import { readFile } from "node:fs/promises";
import { decodeText } from "../document/text.ts";
import { LbctlError } from "../errors.ts";
import { splitPattern, type PatternPart } from "./select.ts";

/**
 * The parts of --limit. One that is `@FILE` stands for the file's lines, each one part, as Ansible has it; lines that
 * start with # say nothing. Throws LbctlError `invalid`.
 */
export async function readLimit(limit: string): Promise<PatternPart[]> {
  const parts: PatternPart[] = [];
  for (const text of splitPattern(limit)) {
    if (text.startsWith("@")) parts.push(...(await linesOf(text.slice(1))));
    else parts.push({ text });
  }
  if (parts.length > 0) return parts;
  throw new LbctlError("invalid", {
    what: `--limit ${JSON.stringify(limit)} names nobody`,
    hint: "Name a host or a group, or leave out --limit.",
  });
}

async function linesOf(file: string): Promise<PatternPart[]> {
  const bytes = await readFile(file).catch((error: unknown) => {
    const reason =
      (error as NodeJS.ErrnoException).code === "ENOENT" ? "there is no such file" : String(error);
    throw new LbctlError("invalid", {
      what: `--limit @${file}: ${reason}`,
      hint: "Name a file with a host, a group or one part of a pattern on each line.",
    });
  });
  const lines = decodeText(bytes, file)
    .split("\n")
    .map((line, index) => ({ text: line.trim(), at: `${file}:${index + 1}` }))
    .filter(({ text }) => text !== "" && !text.startsWith("#"));
  if (lines.length > 0) return lines;
  // to Ansible an empty file means every host
  throw new LbctlError("invalid", {
    what: "the limit file names nobody",
    at: file,
    hint: "Write a host on each line, or leave out --limit.",
  });
}
