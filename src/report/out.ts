import { fstatSync } from "node:fs";
import { inActions, jsonWithoutCommands, withoutCommands } from "./actions.ts";

/** Results go to standard output. */
export function printLines(lines: readonly string[]): void {
  if (lines.length > 0) printText(`${lines.join("\n")}\n`);
}

/** Text that ends its own lines. */
export function printText(text: string): void {
  process.stdout.write(guards(process.stdout) ? withoutCommands(text) : text);
}

export function printJson(document: object): void {
  const json = JSON.stringify(document, null, 2);
  process.stdout.write(`${guards(process.stdout) ? jsonWithoutCommands(json) : json}\n`);
}

/** Progress and messages go to standard error. */
export function printProgress(lines: readonly string[]): void {
  if (lines.length > 0) printProgressText(`${lines.join("\n")}\n`);
}

/** Progress that ends its own lines. */
export function printProgressText(text: string): void {
  process.stderr.write(guards(process.stderr) ? withoutCommands(text) : text);
}

/** Commands that lbctl itself has for the runner of the job. */
export function printCommands(lines: readonly string[]): void {
  for (const line of lines) process.stderr.write(`${line}\n`);
}

/** A runner reads this stream; a file that it was sent to has every byte as it is. */
function guards(stream: { readonly fd: 1 | 2 }): boolean {
  return inActions && !fstatSync(stream.fd).isFile();
}
