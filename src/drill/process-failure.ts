import { withoutAnySecret } from "../document/secrets.ts";
import type { ProcessResult } from "../remote/process.ts";

/** One line on why a local command failed. */
export function failureOf(command: string, result: ProcessResult): string {
  const said = withoutAnySecret((result.stderr.trim() || result.stdout.trim()).split("\n").at(-1) ?? "");
  const end = result.timedOut
    ? "timed out"
    : result.exitCode === null
      ? "did not run"
      : `exit ${result.exitCode}`;
  const why = said === "" ? (result.cause ?? "") : said;
  return `${command}: ${end}${why === "" ? "" : `: ${why.slice(0, 300)}`}`;
}

/** Words as an operator could type them. */
export function shellWords(words: readonly string[]): string {
  return words
    .map((word) => (/^[A-Za-z0-9._:/@=+,-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`))
    .join(" ");
}
