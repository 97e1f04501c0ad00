import type { Origin, Path, Value } from "./model/fleet.ts";

/** `file:line`, as messages and editors write it. */
export function place(origin: Origin): string {
  return `${origin.file}:${origin.line}`;
}

/** ` at haproxy_trusted_ips/2`-style path. */
export function pathText(path: Path): string {
  return path.join("/");
}

/** What was read and its type, since YAML may have changed what was written: `false (a boolean)`. */
export function readAs(value: Value | undefined): string {
  if (value === undefined) return "nothing";
  if (value === null) return "nothing (null)";
  if (typeof value === "string") return `${shorten(JSON.stringify(value))} (a string)`;
  if (typeof value === "boolean") return `${String(value)} (a boolean)`;
  if (typeof value === "number")
    return `${value} (${Number.isInteger(value) ? "a whole number" : "a number"})`;
  if (Array.isArray(value)) return `${shorten(JSON.stringify(value))} (a list)`;
  return `${shorten(JSON.stringify(value))} (a map)`;
}

export function shorten(text: string): string {
  return text.length > 80 ? `${text.slice(0, 77)}...` : text;
}

/** `did you mean "x"?` for the nearest name, or undefined when none is near. */
export function didYouMean(name: string, known: Iterable<string>): string | undefined {
  const allowed = Math.max(1, Math.floor(name.length / 4));
  let best: string | undefined;
  let bestDistance = allowed + 1;
  for (const candidate of known) {
    if (Math.abs(candidate.length - name.length) >= bestDistance) continue;
    const found = distance(name.toLowerCase(), candidate.toLowerCase());
    if (found < bestDistance) [best, bestDistance] = [candidate, found];
  }
  return best === undefined ? undefined : `did you mean "${best}"?`;
}

/** Insertions, deletions, replacements and swaps of neighbours between two words. */
function distance(a: string, b: string): number {
  let before: number[] = [];
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const cost = a[i - 1] === b[j - 1] ? 0 : 1;
      let best = Math.min((row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1, (row[j - 1] ?? 0) + cost);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        best = Math.min(best, (before[j - 2] ?? 0) + 1);
      }
      next.push(best);
    }
    [before, row] = [row, next];
  }
  return row[b.length] ?? 0;
}
