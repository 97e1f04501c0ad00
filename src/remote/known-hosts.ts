import { createHmac } from "node:crypto";
import { readFile } from "node:fs/promises";
import { isKeyText } from "./key-blob.ts";

/** What the known_hosts files say of one name of a host. Keys are base64 as in those files. */
export interface KnownKeys {
  readonly name: string;
  readonly trusted: ReadonlySet<string>;
  readonly revoked: ReadonlySet<string>;
  /** Key types of the trusted keys, e.g. `ssh-ed25519`. */
  readonly types: readonly string[];
  /** A certificate authority vouches for the host. */
  readonly vouched: boolean;
  /** `file:line` of the first trusted key. */
  readonly at: string | null;
}

/**
 * The names under which known_hosts files may list a host: with its port when that is not 22, then without, as ssh
 * does. An alias (HostKeyAlias) stands for both.
 */
export function knownHostsNames(hostName: string, port: number, alias: string | null): readonly string[] {
  if (alias !== null) return [alias];
  return port === 22 ? [hostName] : [`[${hostName}]:${String(port)}`, hostName];
}

/** For each name, in order. A file that cannot be read says nothing. */
export async function findKnownKeys(
  names: readonly string[],
  files: readonly string[],
): Promise<readonly KnownKeys[]> {
  const texts = await Promise.all(
    files.map(async (file) => ({ file, text: await readFile(file, "latin1").catch(() => "") })),
  );
  return names.map((name) => knownKeys(name.toLowerCase(), texts));
}

/** Reads known_hosts files (sshd(8), SSH_KNOWN_HOSTS FILE FORMAT): patterns, hashed names, markers. The name in small letters. Pure. */
export function knownKeys(name: string, files: readonly { file: string; text: string }[]): KnownKeys {
  const trusted = new Set<string>();
  const revoked = new Set<string>();
  const types = new Set<string>();
  let vouched = false;
  let at: string | null = null;
  for (const { file, text } of files) {
    for (const [index, line] of text.split("\n").entries()) {
      const words = line.trim().split(/[ \t]+/);
      const marker = words[0]?.startsWith("@") ? words.shift() : undefined;
      const [patterns = "", type, key] = words;
      if (type === undefined || key === undefined || patterns.startsWith("#")) continue;
      if (!matches(name, patterns) || !isKeyText(key, type)) continue;
      if (marker === "@revoked") revoked.add(key);
      else if (marker === "@cert-authority") vouched = true;
      else if (marker === undefined) {
        trusted.add(key);
        types.add(type);
        at ??= `${file}:${String(index + 1)}`;
      }
    }
  }
  return { name, trusted, revoked, types: [...types], vouched, at };
}

/** A hashed name, or patterns with `*` and `?` of which none with `!` may match. */
function matches(name: string, patterns: string): boolean {
  if (patterns.startsWith("|")) {
    const [, kind, salt = "", hash] = patterns.split("|");
    const own = createHmac("sha1", Buffer.from(salt, "base64")).update(name).digest("base64");
    return kind === "1" && own === hash;
  }
  return matchesPatterns(name, patterns.toLowerCase().split(","));
}

/** As in ssh_config(5), PATTERNS: a negated match excludes, whatever else matches. Pure. */
export function matchesPatterns(name: string, patterns: readonly string[]): boolean {
  const fits = (pattern: string): boolean => {
    const escaped = pattern.replace(/[.+^${}()|[\]\\]/g, "\\$&");
    return new RegExp(`^${escaped.replaceAll("*", ".*").replaceAll("?", ".")}$`).test(name);
  };
  const [excluded, included] = [true, false].map((negated) =>
    patterns
      .filter((pattern) => pattern.startsWith("!") === negated)
      .some((pattern) => fits(pattern.replace(/^!/, ""))),
  );
  return included === true && excluded === false;
}
