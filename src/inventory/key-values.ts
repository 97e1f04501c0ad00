/** One word of `name=value name2="a b"`: a pair, or what is none. */
export type Word = { readonly name: string; readonly value: string } | { readonly bare: string };

/** Reads `-e name=value …` as Ansible does; undefined when a quote or a `{{` is not closed. */
export function readKeyValues(text: string): Word[] | undefined {
  return splitArguments(text)?.map((word): Word => {
    const plain = decodeEscapes(word);
    const equals = findEquals(plain);
    if (equals < 0) return { bare: word.trim() };
    return { name: plain.slice(0, equals).trim(), value: unquote(plain.slice(equals + 1).trim()) };
  });
}

/** The first `=` that no backslash stands before. */
function findEquals(text: string): number {
  let at = text.indexOf("=", 1);
  while (at > 0 && text[at - 1] === "\\") at = text.indexOf("=", at + 1);
  return at;
}

function unquote(text: string): string {
  const [first, last] = [text[0], text.at(-1)];
  const isQuoted =
    text.length > 1 && first === last && (first === '"' || first === "'") && text.at(-2) !== "\\";
  return isQuoted ? text.slice(1, -1) : text;
}

const escapes = /\\U([0-9a-fA-F]{8})|\\u([0-9a-fA-F]{4})|\\x([0-9a-fA-F]{2})|\\([\\'"abfnrtv])/g;
const controls: Readonly<Record<string, string>> = {
  a: "\x07",
  b: "\b",
  f: "\f",
  n: "\n",
  r: "\r",
  t: "\t",
  v: "\v",
};

function decodeEscapes(text: string): string {
  return text.replace(escapes, (whole, long?: string, short?: string, byte?: string, single?: string) => {
    if (single !== undefined) return controls[single] ?? single;
    const code = Number.parseInt(long ?? short ?? byte ?? "", 16);
    return code <= 0x10ffff ? String.fromCodePoint(code) : whole;
  });
}

const brackets = [
  ["{{", "}}"],
  ["{%", "%}"],
  ["{#", "#}"],
] as const;

/** Splits at spaces and line ends, but not in quotes nor in Jinja's brackets. */
function splitArguments(text: string): string[] | undefined {
  const words: string[] = [];
  const depths = [0, 0, 0];
  let quote: string | undefined;
  const join = (more: string): void => {
    words.push((words.pop() ?? "") + more);
  };
  const lines = text.split("\n");
  for (const [number, line] of lines.entries()) {
    const tokens = line.split(" ");
    let isContinued = false;
    for (const [index, token] of tokens.entries()) {
      if (token === "" && index > 0) {
        join(" ");
        continue;
      }
      if (token === "\\" && quote === undefined) {
        isContinued = true;
        continue;
      }
      const wasQuoted = quote !== undefined;
      const wasDeep = depths.some((depth) => depth > 0);
      quote = quoteAfter(token, quote);
      for (const [kind, [open, close]] of brackets.entries()) {
        const change = count(token, open) - count(token, close);
        depths[kind] = Math.max(0, (depths[kind] ?? 0) + change);
      }
      if (!wasDeep && !wasQuoted) {
        if (token !== "") words.push(token);
      } else if (index === 0 && wasQuoted) join(token);
      else join((tokens.length > 1 ? (index > 0 ? " " : "") : "\n") + token);
    }
    if (number < lines.length - 1 && !isContinued) join("\n");
  }
  return quote === undefined && depths.every((depth) => depth === 0) ? words : undefined;
}

/** The quote that is open after a token. */
function quoteAfter(token: string, before: string | undefined): string | undefined {
  let quote = before;
  for (const match of token.matchAll(/(?<!\\)["']/g)) {
    if (quote === undefined) [quote] = match;
    else if (quote === match[0]) quote = undefined;
  }
  return quote;
}

function count(text: string, piece: string): number {
  return text.split(piece).length - 1;
}
