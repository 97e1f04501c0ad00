import { withoutSecrets } from "../document/secrets.ts";

// What lbctl prints goes through here: whatever a text was made of, no secret leaves in it.

/** Results go to standard output. */
export function printLines(lines: readonly string[]): void {
  if (lines.length > 0) process.stdout.write(`${withoutSecrets(lines.join("\n"))}\n`);
}

/** Text that ends its own lines. */
export function printText(text: string): void {
  process.stdout.write(withoutSecrets(text));
}

export function printJson(document: object): void {
  process.stdout.write(`${jsonText(document)}\n`);
}

/** A document that holds masks where secrets were; more of them could break it. */
export function printMasked(lines: readonly string[]): void {
  if (lines.length > 0) process.stdout.write(`${lines.join("\n")}\n`);
}

/** JSON for programs, its texts without secrets; keys stay, for programs rely on them. */
export function jsonText(document: object): string {
  const masked = (_key: string, value: unknown): unknown =>
    typeof value === "string" ? withoutSecrets(value) : value;
  return JSON.stringify(document, masked, 2);
}

/** Progress and messages go to standard error. */
export function printProgress(lines: readonly string[]): void {
  if (lines.length > 0) process.stderr.write(`${withoutSecrets(lines.join("\n"))}\n`);
}

/** A question, whose line goes on. */
export function printPrompt(text: string): void {
  process.stderr.write(withoutSecrets(text));
}
