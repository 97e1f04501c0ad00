/** A line of haproxy.cfg that says something. */
export interface ConfigLine {
  /** From 1. */
  readonly number: number;
  /** The section it is in, or begins: `frontend web`, `global`; empty before the first. */
  readonly section: string;
  /** Unquoted; `unknown` stands where HAProxy would put a variable of its environment. */
  readonly words: readonly string[];
  /** Between `.if` and `.endif`: HAProxy may pass over it. */
  readonly conditional: boolean;
}

/** In a word whose value only the target knows. */
export const unknown = "\u0000";

// Configuration Manual, 2 to 12
const sections = new Set(
  (
    "global defaults frontend backend listen resolvers peers userlist mailers program ring http-errors cache " +
    "fcgi-app log-forward log-profile crt-store acme traces"
  ).split(" "),
);

/** Reads a configuration as far as sections and words. Pure; what HAProxy would refuse is read somehow. */
export function readConfig(text: string): ConfigLine[] {
  let section = "";
  let depth = 0;
  return text.split("\n").flatMap((line, index): ConfigLine[] => {
    const words = wordsOf(line);
    const [first = ""] = words;
    if (first === ".if") depth++;
    else if (first === ".endif") depth--;
    if (first === "" || first.startsWith(".")) return [];
    if (sections.has(first)) section = words.slice(0, 2).join(" ");
    return [{ number: index + 1, section, words, conditional: depth > 0 }];
  });
}

/** Words as the Configuration Manual quotes and escapes them (2.2). */
function wordsOf(line: string): string[] {
  if (!/["'\\#]/.test(line)) return line.split(/\s+/).filter((word) => word !== "");
  const words: string[] = [];
  let word: string | undefined;
  const token =
    /(?<space>\s+)|(?<comment>#.*)|\\(?<escaped>.)|'(?<strong>[^']*)'?|"(?<weak>(?:[^"\\]|\\.)*)"?|(?<plain>[^\s#\\'"]+)/g;
  for (const { groups = {} } of line.matchAll(token)) {
    if (groups.comment !== undefined) break;
    if (groups.space === undefined) {
      const weak = groups.weak?.replace(
        /\\(.)|\$(?:\{[^}]*\}|\w+)/g,
        (_, escaped?: string) => escaped ?? unknown,
      );
      word = (word ?? "") + (groups.escaped ?? groups.strong ?? weak ?? groups.plain ?? "");
    } else if (word !== undefined) {
      words.push(word);
      word = undefined;
    }
  }
  return word === undefined ? words : [...words, word];
}
