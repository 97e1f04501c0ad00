import { createHmac, randomBytes } from "node:crypto";
import { appendFileSync, mkdirSync, readFileSync } from "node:fs";
import { basename, dirname } from "node:path";

/** Where the first key of a host is written down, and whether the host's name is hashed there (HashKnownHosts). */
export interface NewKeys {
  readonly file: string;
  readonly hashed: boolean;
}

/**
 * Appends a line to a known_hosts file. What cannot be written is let be, as ssh does: then the host is new the next
 * time too. In one write, and not waited for: nothing is sent to the host before.
 */
export function recordKey({ file, hashed }: NewKeys, name: string, key: Buffer, type: string): void {
  const listed = hashed ? hashName(name) : name;
  const line = `${listed} ${type} ${key.toString("base64")}\n`;
  try {
    // ssh makes its own folder, and no other
    if (basename(dirname(file)) === ".ssh") mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
    appendFileSync(file, `${endsOpen(file) ? "\n" : ""}${line}`, { mode: 0o600 });
  } catch {
    return;
  }
}

/** sshd(8), SSH_KNOWN_HOSTS FILE FORMAT. */
function hashName(name: string): string {
  const salt = randomBytes(20);
  const hash = createHmac("sha1", salt).update(name).digest("base64");
  return `|1|${salt.toString("base64")}|${hash}`;
}

/** The last line has no end, so that what is appended would become part of it. */
function endsOpen(file: string): boolean {
  try {
    const text = readFileSync(file, "latin1");
    return text !== "" && !text.endsWith("\n");
  } catch {
    return false;
  }
}
