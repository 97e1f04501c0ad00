import type { HostOutcome } from "../model/events.ts";
import { quote } from "../remote/shell.ts";

/**
 * Lines that say how to go on when a run over several hosts was not done everywhere. `resumes`: run again, the command
 * leaves hosts alone that are done; else it is limited to the others. `words` are its command line.
 */
export function howToGoOn(
  words: readonly string[],
  outcomes: readonly HostOutcome[],
  resumes: boolean,
): string[] {
  const begun = outcomes.filter(({ outcome }) => outcome !== "unchanged");
  const left = begun.filter(({ outcome }) => outcome !== "changed").map(({ host }) => host);
  if (left.length === 0 || begun.length === 1) return [];
  const done = resumes ? "The same command goes on: hosts that are done stay as they are." : "To go on:";
  const limit = resumes ? [] : ["-l", left.join(":")];
  return [done, `  ${commandLine([...words, ...limit])}`];
}

/** The command as it was given. */
export function commandLine(words: readonly string[]): string {
  return `lbctl ${withoutValues(words).map(word).join(" ")}`;
}

/** Values of variables may be secret, and nobody knows which. */
function withoutValues(words: readonly string[]): string[] {
  return words.map((text, index) => {
    const [, flag = "", value = ""] = /^(-[yqvK]*e|--extra-vars=)(.+)$/s.exec(text) ?? [];
    if (flag !== "") return value.startsWith("@") ? text : `${flag}${elided}`;
    const isValue = /^(-[yqvK]*e|--extra-vars)$/.test(words[index - 1] ?? "");
    return isValue && !text.startsWith("@") ? elided : text;
  });
}

const elided = "…";

function word(text: string): string {
  return /^[\w@%+=:,./…-]+$/.test(text) ? text : quote(text);
}
