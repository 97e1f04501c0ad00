/** Stands where a secret would be shown. */
export const mask = "<secret>";

// shorter ones would mask half of every text; what holds them is masked as a whole where it is known
const shortest = 4;

const known = new Set<string>();
let pattern: RegExp | undefined;
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
  if (known.size > before) pattern = undefined;
}

/** Whether anything is secret: most fleets have no vault. */
export function hasSecrets(): boolean {
  return count > 0;
}

/** The text with every known secret masked, also where it stands as JSON writes it. */
export function withoutSecrets(text: string): string {
  if (known.size === 0) return text;
  pattern ??= new RegExp(
    [...known]
      .flatMap((secret) => [secret, JSON.stringify(secret).slice(1, -1)])
      .sort((a, b) => b.length - a.length)
      .map(patternOf)
      .join("|"),
    "gu",
  );
  return text.replace(pattern, mask);
}

function patternOf(secret: string): string {
  // a number is not looked for inside hashes and longer numbers
  if (/^\d+$/.test(secret)) return `(?<![0-9A-Za-z])${secret}(?![0-9A-Za-z])`;
  return secret.replace(
    /[^A-Za-z0-9]/gu,
    (character) => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`,
  );
}
