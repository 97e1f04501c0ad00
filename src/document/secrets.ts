/** Stands where a secret would be shown. */
export const mask = "<secret>";

// shorter ones would mask half of every text; what holds them is masked as a whole where it is known
const shortest = 4;

// a word that anybody may say: in lbctl's own sentences and places a mask for it would only point at it
const ordinary = /^(?:.{0,7}|[a-z._-]{0,11})$/isu;

const known = new Set<string>();
let patterns: { readonly any: RegExp; readonly unusual: RegExp } | undefined;
let count = 0;

/**
 * Remembers a secret for the rest of the process, so that no text shows it: as a whole, each of its lines, and each
 * longer word, since a program may quote one word of a line.
 */
export function keepSecret(text: string): void {
  count += 1;
  const lines = text.split(/[\r\n]+/).map((line) => line.trim());
  const words = text.split(/\s+/).filter((word) => word.length >= 6);
  const before = known.size;
  for (const piece of [text, ...lines, ...words]) if (piece.length >= shortest) known.add(piece);
  if (known.size > before) patterns = undefined;
}

/** Whether anything is secret: most fleets have no vault. */
export function hasSecrets(): boolean {
  return count > 0;
}

/**
 * The text with known secrets masked, also where they stand as JSON writes them; but for those that are an ordinary
 * word, such as `haproxy`, which stands in file names and variable names too. The net below everything printed.
 */
export function withoutSecrets(text: string): string {
  return known.size === 0 ? text : text.replace(netOf().unusual, mask);
}

/** The same for a value, and for what another program says: here ordinary words are masked too. */
export function withoutAnySecret(text: string): string {
  return known.size === 0 ? text : text.replace(netOf().any, mask);
}

function netOf(): NonNullable<typeof patterns> {
  patterns ??= {
    any: patternOfAll([...known]),
    unusual: patternOfAll([...known].filter((secret) => !ordinary.test(secret))),
  };
  return patterns;
}

function patternOfAll(secrets: readonly string[]): RegExp {
  const sources = secrets
    .flatMap((secret) => [secret, JSON.stringify(secret).slice(1, -1)])
    .sort((a, b) => b.length - a.length)
    .map(patternOf);
  return new RegExp(sources.length === 0 ? "(?!)" : sources.join("|"), "gu");
}

function patternOf(secret: string): string {
  // a number is not looked for inside hashes and longer numbers
  if (/^\d+$/.test(secret)) return `(?<![0-9A-Za-z])${secret}(?![0-9A-Za-z])`;
  return secret.replace(
    /[^A-Za-z0-9]/gu,
    (character) => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`,
  );
}
