import { appendFileSync, statSync } from "node:fs";
import { printProgress } from "./out.ts";

/** A part of a summary, and what stands in for it where there is no room. */
export interface Block {
  readonly text: string;
  readonly short: string;
}

// GitHub shows nothing at all of a step whose summary is larger
const mostBytes = 1024 * 1024;
const leftOut = "\nNot all of it fits into a summary. The log has the rest.\n";

/** Appends Markdown to the job's summary page, where there is one. That it cannot be written fails nothing. */
export function appendSummary(blocks: readonly Block[], file = process.env.GITHUB_STEP_SUMMARY): void {
  if (file === undefined || file === "" || blocks.length === 0) return;
  try {
    const used = statSync(file, { throwIfNoEntry: false })?.size ?? 0;
    appendFileSync(file, fitBlocks(blocks, mostBytes - used));
  } catch (error) {
    printProgress([`! the step summary cannot be written: ${String(error)}`]);
  }
}

/** The blocks in at most `room` bytes: each whole, else in short, else left out, and a sentence says so. Pure. */
export function fitBlocks(blocks: readonly Block[], room: number): string {
  let text = "\n";
  let free = room - size(text) - size(leftOut);
  let cut = false;
  for (const block of blocks) {
    const fits = [block.text, block.short].find((candidate) => size(candidate) <= free) ?? "";
    if (fits !== block.text) cut = true;
    text += fits;
    free -= size(fits);
  }
  if (cut) text += leftOut;
  return size(text) <= room ? text : "";
}

function size(text: string): number {
  return Buffer.byteLength(text);
}
