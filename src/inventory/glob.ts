import { LbctlError } from "../errors.ts";

/** Tells whether a name matches a shell glob as Python's fnmatch reads it, or a `~regex` from its beginning. */
export function hostTest(pattern: string): (name: string) => boolean {
  if (!pattern.startsWith("~") && !/[?*[]/.test(pattern)) return (name) => name === pattern;
  const regex = pattern.startsWith("~") ? pythonRegex(pattern.slice(1)) : globRegex(pattern);
  if (!regex) {
    throw new LbctlError("invalid", {
      what: `the host pattern ${JSON.stringify(pattern)} is not a valid regular expression`,
      hint: "Check its brackets. lbctl reads JavaScript's expressions and Python's (?i), (?P<name>…), (?P=name), \\A and \\Z.",
    });
  }
  return (name) => regex.test(name);
}

/** What Python spells otherwise: leading flags, named groups, the ends of the text. */
function pythonRegex(source: string): RegExp | undefined {
  const [, flags = "", rest = ""] = /^(?:\(\?([aimsux]+)\))?(.*)$/s.exec(source) ?? [];
  const spelled: Readonly<Record<string, string>> = { "(?P<": "(?<", "\\A": "^", "\\Z": "$" };
  const translated = rest.replace(/\\[\s\S]|\(\?P<|\(\?P=(\w+)\)/g, (piece, name?: string) =>
    name === undefined ? (spelled[piece] ?? piece) : `\\k<${name}>`,
  );
  try {
    return new RegExp(`^(?:${translated})`, flags.replace(/[aux]/g, ""));
  } catch {
    return undefined;
  }
}

function globRegex(glob: string): RegExp | undefined {
  const source = glob.replace(/\[!?\]?[^\]]*\]|[^A-Za-z0-9]/g, (piece) => {
    if (piece === "*") return ".*";
    if (piece === "?") return ".";
    return piece.length > 1 ? characterClass(piece.slice(1, -1)) : `\\${piece}`;
  });
  try {
    return new RegExp(`^${source}$`, "s");
  } catch {
    return undefined;
  }
}

/** The inside of `[…]`; a range that runs backwards holds nothing. */
function characterClass(inside: string): string {
  if (inside === "" || inside === "!") return "(?!)";
  const isNegated = inside.startsWith("!");
  const items = (isNegated ? inside.slice(1) : inside)
    .replace(/([\s\S])-([\s\S])/g, (range, from: string, to: string) => (from > to ? "" : range))
    .replace(/[\\\]^[]/g, "\\$&");
  if (items === "") return isNegated ? "." : "(?!)";
  return `[${isNegated ? "^" : ""}${items}]`;
}
