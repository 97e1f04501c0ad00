import { createInterface } from "node:readline/promises";
import { LbctlError } from "../errors.ts";

/** Asks on a terminal; elsewhere `--yes` is needed. Throws LbctlError when the answer is no or cannot be had. */
export async function confirm(question: string, options: { yes?: boolean; input: boolean }): Promise<void> {
  if (options.yes) return;
  if (!process.stdin.isTTY || !process.stderr.isTTY || !options.input) {
    throw new LbctlError("invalid", {
      what: "this changes something, and there is no terminal to ask on",
      hint: "Pass --yes to go ahead without being asked. Nothing was touched.",
    });
  }
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    const answer = await terminal.question(`${question} [y/N] `);
    if (/^y(es)?$/i.test(answer.trim())) return;
  } finally {
    terminal.close();
  }
  throw new LbctlError("interrupted", { what: "not confirmed; nothing was touched" });
}
