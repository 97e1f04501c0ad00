import { visible } from "../report/visible.ts";
import { createInterface } from "node:readline";
import { withoutSecrets } from "../document/secrets.ts";
import { LbctlError } from "../errors.ts";

/** Asks on a terminal; elsewhere `--yes` is needed. Throws LbctlError when the answer is no or cannot be had. */
export async function confirm(
  question: string,
  options: { yes?: boolean; input: boolean; signal?: AbortSignal },
): Promise<void> {
  if (options.yes) return;
  if (!mayAsk(options.input)) {
    throw new LbctlError("invalid", {
      what: `this changes something, and ${options.input ? "there is no terminal to ask on" : "nobody may be asked"}`,
      hint: "Pass --yes to go ahead without being asked. Nothing was touched.",
    });
  }
  if (await ask(question, options.signal)) return;
  throw new LbctlError("interrupted", { what: "not confirmed; nothing was touched" });
}

/** There is a person at a terminal to ask. */
export function mayAsk(input: boolean): boolean {
  return process.stdin.isTTY && process.stderr.isTTY && input;
}

/** Ctrl-C, Ctrl-D and an abort close the prompt, which is a no. */
export function ask(question: string, signal?: AbortSignal): Promise<boolean> {
  const terminal = createInterface({
    input: process.stdin,
    output: process.stderr,
    ...(signal ? { signal } : {}),
  });
  return new Promise((resolve) => {
    terminal.on("close", () => {
      resolve(false);
    });
    terminal.question(`${visible(withoutSecrets(question))} [y/N] `, (answer) => {
      resolve(/^y(es)?$/i.test(answer.trim()));
      terminal.close();
    });
  });
}
