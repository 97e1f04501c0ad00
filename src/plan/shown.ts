import { mask } from "../document/secrets.ts";
import type { DesiredFile, ObservedFile } from "../model/host.ts";
import { withoutIdentity } from "./diff.ts";

/** Both sides of a file as a diff may show them, or null when nothing of it may be shown. */
export function shownSides(
  desired: DesiredFile | undefined,
  observed: Pick<ObservedFile, "content" | "mode"> | undefined,
): { readonly before: string; readonly after: string } | null {
  const before = withoutIdentity(observed?.content ?? "");
  const after = withoutIdentity(desired?.content ?? "");
  // lbctl leaves only files without secrets for everybody to read, so what else there is may hold old ones
  const mayHoldOld = observed !== undefined && (Number.parseInt(observed.mode, 8) & 0o004) === 0;
  if (desired?.masked === null) return null;
  if (desired?.masked === undefined && !mayHoldOld) return { before, after };
  const masked = withoutIdentity(desired?.masked ?? after).split("\n");
  const shownLine = new Map(after.split("\n").map((line, index) => [line, masked[index] ?? mask]));
  const secretWords = new Set(
    [...shownLine].flatMap(([line, shown]) => (line === shown ? [] : firstWord(line))),
  );
  const shown = before.split("\n").map((line) => {
    const same = shownLine.get(line);
    if (same !== undefined) return same;
    return line.trim() !== "" && (mayHoldOld || secretWords.has(firstWord(line))) ? mask : line;
  });
  return { before: shown.join("\n"), after: masked.join("\n") };
}

function firstWord(line: string): string {
  return line.trim().split(/\s/)[0] ?? "";
}
