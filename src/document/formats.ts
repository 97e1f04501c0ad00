import { readAddress, readNetwork } from "./address.ts";

/** A named form of a string. `problemIn` says what is wrong with one, or nothing. */
export interface Format {
  /** Completes "must be …". */
  readonly means: string;
  problemIn(text: string): string | undefined;
}

const label = /^(?!-)[A-Za-z0-9-]{1,63}(?<!-)$/;

/** Every custom format that a role's schema may name. Lists of what is allowed, never of what is not. */
export const formats: Readonly<Record<string, Format>> = {
  ip: { means: "an IPv4 or IPv6 address", problemIn: (text) => problemOf(readAddress(text)) },
  "ip-or-cidr": {
    means: "an IP address, or a network such as 10.0.0.0/8",
    problemIn: (text) => problemOf(readNetwork(text)),
  },
  hostname: { means: "a host name such as api.example.com", problemIn: hostnameProblem },
  "ip-or-hostname": {
    means: "an IP address or a host name",
    problemIn: (text) => (/^[\d.]+$|:/.test(text) ? problemOf(readAddress(text)) : hostnameProblem(text)),
  },
  "safe-word": {
    means: "a word of letters, digits, `.`, `_` and `-` that starts with a letter or digit",
    problemIn: (text) =>
      outside(text, /[A-Za-z0-9._-]/) ??
      mustMatch(text, /^[A-Za-z0-9]/, "does not start with a letter or digit"),
  },
  "target-file": {
    means: "an absolute path of letters, digits, `.`, `_`, `-`, `+`, `@` and `/`, without `..`",
    problemIn: targetFileProblem,
  },
  "target-path": {
    means: "an absolute path of letters, digits, `.`, `_`, `-`, `+`, `@` and `/`, without `..`, or empty",
    problemIn: (text) => (text === "" ? undefined : targetFileProblem(text)),
  },
  "url-path": {
    means: "a path that starts with `/`, of letters, digits and `-._~/`",
    problemIn: (text) => outside(text, /[A-Za-z0-9._~/-]/) ?? pathProblem(text),
  },
  "url-prefix": {
    means: "a path that starts with `/` and does not end with one, of letters, digits and `-._~/`",
    problemIn: (text) =>
      outside(text, /[A-Za-z0-9._~/-]/) ??
      pathProblem(text) ??
      mustMatch(text, /../, "is every path, which needs no prefix") ??
      mustMatch(text, /[^/]$/, "ends with `/`; what is below it is meant anyway"),
  },
  "cookie-name": {
    means: "a cookie name (RFC 6265) of letters, digits, `_`, `-` and `.`",
    problemIn: (text) => outside(text, /[A-Za-z0-9_.-]/),
  },
  "group-name": {
    means: "the name of an inventory group",
    problemIn: (text) =>
      outside(text, /[A-Za-z0-9_.-]/) ??
      mustMatch(text, /^[A-Za-z0-9_]/, "does not start with a letter or digit"),
  },
  "pool-name": {
    means: "the name of a pool: letters, digits, `_`, `-` and `.`, of which the first is a letter or digit",
    problemIn: (text) =>
      outside(text, /[A-Za-z0-9_.-]/) ??
      mustMatch(text, /^[A-Za-z0-9]/, "does not start with a letter or digit"),
  },
  "host-pattern": {
    means: "a host name such as api.example.com, or `*.example.com` for all below",
    problemIn: (text) =>
      text.replace(/^\*\./, "").includes("*")
        ? "has a `*` that is not its first part alone"
        : hostnameProblem(text.replace(/^\*\./, "")),
  },
  balance: {
    means: "one of roundrobin, leastconn, source, uri, random, first and hdr(NAME)",
    problemIn: (text) =>
      mustMatch(
        text,
        /^(?:roundrobin|leastconn|source|uri|random|first|hdr\([A-Za-z0-9-]{1,64}\))$/,
        "is none of them",
      ),
  },
  "status-codes": {
    means: "HTTP status codes and ranges such as 200-299,404",
    problemIn: statusProblem,
  },
  "variable-name": {
    means: "the name of a variable",
    problemIn: (text) =>
      outside(text, /\w/) ?? mustMatch(text, /^[A-Za-z_]/, "does not start with a letter or _"),
  },
  "relative-path": {
    means: "a relative path of letters, digits, `.`, `_`, `-` and `/`, without `..`",
    problemIn: (text) => outside(text, /[A-Za-z0-9._/-]/) ?? pathProblem(`/${text}`),
  },
  "file-mode": {
    means: 'a file mode of four octal digits in quotes, such as "0644"',
    problemIn: (text) => mustMatch(text, /^0[0-7]{3}$/, "is none"),
  },
};

function problemOf(read: ReturnType<typeof readAddress>): string | undefined {
  return "problem" in read ? read.problem : undefined;
}

/** The same as ajv takes them. */
export const ajvFormats = Object.fromEntries(
  Object.entries(formats).map(([name, format]) => [
    name,
    { type: "string" as const, validate: (text: string) => format.problemIn(text) === undefined },
  ]),
);

/** Names the first character that is not allowed; an empty text is a problem too. */
export function outside(text: string, allowed: RegExp): string | undefined {
  if (text === "") return "is empty";
  for (const character of text) {
    if (!allowed.test(character)) return `contains ${nameOf(character)}`;
  }
  return undefined;
}

const names: Readonly<Record<string, string>> = {
  "\n": "a line break",
  "\r": "a carriage return",
  "\t": "a tab",
  " ": "a space",
  '"': 'a double quote (")',
  "'": "a single quote (')",
  "`": "a backtick (`)",
  "\\": "a backslash (\\)",
};

function nameOf(character: string): string {
  const code = character.codePointAt(0) ?? 0;
  if (names[character]) return names[character];
  if (code > 0x20 && code < 0x7f) return `the character ${character}`;
  return `the character U+${code.toString(16).toUpperCase().padStart(4, "0")}`;
}

function mustMatch(text: string, pattern: RegExp, problem: string): string | undefined {
  return pattern.test(text) ? undefined : problem;
}

function pathProblem(text: string): string | undefined {
  if (!text.startsWith("/")) return "does not start with /";
  const parts = text.split("/").slice(1);
  if (parts.some((part) => part === ".." || part === ".")) return "has a `.` or `..` part";
  return text.includes("//") ? "has an empty part (//)" : undefined;
}

function targetFileProblem(text: string): string | undefined {
  return (
    outside(text, /[A-Za-z0-9._+@/-]/) ??
    pathProblem(text) ??
    mustMatch(text, /[^/]$/, "ends with `/`, so it is no file")
  );
}

function statusProblem(text: string): string | undefined {
  const bad = outside(text, /[0-9,-]/);
  if (bad) return bad;
  const ranges = text.split(",").map((part) => /^([1-5]\d\d)(?:-([1-5]\d\d))?$/.exec(part));
  if (ranges.some((range) => range === null))
    return "has a part that is no code from 100 to 599, and no range";
  const isFalling = ranges.some((range) => Number(range?.[2] ?? 599) < Number(range?.[1]));
  return isFalling ? "has a range that falls" : undefined;
}

function hostnameProblem(text: string): string | undefined {
  const bad = outside(text, /[A-Za-z0-9.-]/);
  if (bad) return bad;
  if (text.length > 253) return "is longer than 253 characters";
  if (!text.split(".").every((part) => label.test(part))) {
    return "has a part that is empty, longer than 63 characters, or starts or ends with `-`";
  }
  return /^[\d.]+$/.test(text) ? "is all digits" : undefined;
}
