import { fstatSync } from "node:fs";
import { withoutSecrets } from "../document/secrets.ts";
import { inActions, jsonWithoutCommands, withoutCommands } from "./actions.ts";
import { visibleInColour, visibleJson } from "./visible.ts";

// What lbctl prints goes through here: whatever a text was made of, no secret leaves in it, and no control character.

/** Results go to standard output. */
export function printLines(lines: readonly string[]): void {
  if (lines.length > 0) printText(`${lines.join("\n")}\n`);
}

/** Text that ends its own lines. */
export function printText(text: string): void {
  print(process.stdout, text);
}

export function printJson(document: object): void {
  const json = jsonText(document);
  process.stdout.write(`${guards(process.stdout) ? jsonWithoutCommands(json) : json}\n`);
}

/** A document that holds masks where secrets were; more of them could break it. */
export function printMasked(lines: readonly string[]): void {
  const text = lines.map((line) => `${line}\n`).join("");
  const isJson = text.startsWith("{");
  const guarded = isJson ? jsonWithoutCommands : withoutCommands;
  const shown = isJson ? visibleJson(text) : visibleInColour(text);
  process.stdout.write(guards(process.stdout) ? guarded(shown) : shown);
}

/** JSON for programs, its texts without secrets; keys stay, for programs rely on them. */
export function jsonText(document: object): string {
  const masked = (_key: string, value: unknown): unknown =>
    typeof value === "string" ? withoutSecrets(value) : value;
  return visibleJson(JSON.stringify(document, masked, 2));
}

/** Progress and messages go to standard error. */
export function printProgress(lines: readonly string[]): void {
  if (lines.length > 0) printProgressText(`${lines.join("\n")}\n`);
}

/** Progress that ends its own lines. */
export function printProgressText(text: string): void {
  print(process.stderr, text);
}

/** Commands that lbctl itself has for the runner of the job; made of masked texts. */
export function printCommands(lines: readonly string[]): void {
  for (const line of lines) process.stderr.write(`${line}\n`);
}

function print(stream: typeof process.stdout | typeof process.stderr, text: string): void {
  const shown = visibleInColour(withoutSecrets(text));
  stream.write(guards(stream) ? withoutCommands(shown) : shown);
}

/** A runner reads this stream; a file that it was sent to has every byte as it is. */
function guards(stream: { readonly fd: 1 | 2 }): boolean {
  return inActions && !fstatSync(stream.fd).isFile();
}
