/** Splits a line into words as a POSIX shell quotes them, expanding nothing; undefined when it is not one closed line. */
export function splitWords(text: string): string[] | undefined {
  if (/[\x00-\x08\x0A-\x1F\x7F]/.test(text.trim())) return undefined;
  const words: string[] = [];
  let word: string | undefined;
  let quote: string | undefined;
  for (let index = 0; index < text.length; index++) {
    const character = text[index] ?? "";
    if (character === "\\" && quote !== "'") {
      const next = text[++index];
      if (next === undefined) return undefined;
      // in double quotes a backslash escapes only what would end them or itself
      word = (word ?? "") + (quote === '"' && next !== '"' && next !== "\\" ? `\\${next}` : next);
    } else if (quote !== undefined) {
      if (character === quote) quote = undefined;
      else word = (word ?? "") + character;
    } else if (character === "'" || character === '"') {
      quote = character;
      word ??= "";
    } else if (/\s/.test(character)) {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else word = (word ?? "") + character;
  }
  if (quote !== undefined) return undefined;
  if (word !== undefined) words.push(word);
  return words;
}
