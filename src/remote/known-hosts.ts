import { existsSync } from "node:fs";
import { runProcess } from "./process.ts";

/** What the known_hosts files say of a host. Keys are base64 as in those files. */
export interface KnownKeys {
  readonly trusted: ReadonlySet<string>;
  readonly revoked: ReadonlySet<string>;
  /** Key types of the trusted keys, e.g. `ssh-ed25519`. */
  readonly types: readonly string[];
  /** `file:line` of the first trusted key. */
  readonly at: string | null;
}

/** The name under which known_hosts files list a host: with its port when that is not 22 (sshd(8)). */
export function knownHostsName(hostName: string, port: number): string {
  return port === 22 ? hostName : `[${hostName}]:${String(port)}`;
}

/** Looks a host up by ssh-keygen, which knows hashed names, patterns and markers. */
export async function findKnownKeys(name: string, files: readonly string[]): Promise<KnownKeys> {
  const outputs = await Promise.all(
    files
      .filter((file) => existsSync(file))
      .map(async (file) => ({
        file,
        text: (await runProcess("ssh-keygen", ["-F", name, "-f", file], { timeoutMs: 10_000 })).stdout,
      })),
  );
  return parseKnownKeys(outputs);
}

/** Reads what `ssh-keygen -F` prints: a comment with the line number, then the line. Pure. */
export function parseKnownKeys(outputs: readonly { file: string; text: string }[]): KnownKeys {
  const trusted = new Set<string>();
  const revoked = new Set<string>();
  const types = new Set<string>();
  let at: string | null = null;
  for (const { file, text } of outputs) {
    let line = "";
    for (const entry of text.split("\n")) {
      const comment = /^# Host .* found: line (\d+)/.exec(entry);
      if (comment) {
        line = comment[1] ?? "";
        continue;
      }
      const words = entry.trim().split(/\s+/);
      const marker = words[0]?.startsWith("@") ? words.shift() : undefined;
      const [, type, key] = words;
      if (type === undefined || key === undefined) continue;
      if (marker === "@revoked") revoked.add(key);
      if (marker !== undefined) continue; // a certificate authority vouches for certificates, which only OpenSSH reads
      trusted.add(key);
      types.add(type);
      at ??= `${file}:${line}`;
    }
  }
  return { trusted, revoked, types: [...types], at };
}
