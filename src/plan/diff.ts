import { createTwoFilesPatch } from "diff";

/** A unified diff; empty when the texts are equal. The identity's hash is left out: it always differs. */
export function unifiedDiff(path: string, before: string, after: string): string {
  const [old, next] = [withoutIdentity(before), withoutIdentity(after)];
  if (old === next) return "";
  const patch = createTwoFilesPatch(`a/${path}`, `b/${path}`, old, next, undefined, undefined, {
    context: 3,
  });
  return patch.replace(/^=+\n/, "");
}

/** The text was rendered by lbctl. */
export function hasIdentity(text: string): boolean {
  return /lbctl:[0-9a-f]{32}/.test(text);
}

/** The text with one word for every identity, shown or masked. */
export function withoutIdentity(text: string): string {
  return text.replace(/lbctl:(?:[0-9a-f]{32}|<secret>)/g, "lbctl:…");
}
