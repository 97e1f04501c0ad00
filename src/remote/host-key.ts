import { readKey } from "./key-blob.ts";
import type { KnownKeys } from "./known-hosts.ts";
import { changedKey, revokedKey, shortKey, unknownKey } from "./ssh-failure.ts";
import type { LinkProblem } from "./run.ts";

export type HostKeyAlgorithm =
  "rsa-sha2-512" | "rsa-sha2-256" | "ssh-ed25519" | `ecdsa-sha2-nistp${256 | 384 | 521}`;

export interface KeyRules {
  readonly minRsaBits: number;
  /** A host of which no key is known is taken at its word (StrictHostKeyChecking accept-new). */
  readonly acceptNew: boolean;
}

/**
 * `known`, `new` when it is to be written down, or what is wrong. As OpenSSH: the host's first name in known_hosts
 * decides; a key under its second, without the port, counts only where the first has none. Pure.
 */
export function judgeKey(
  key: Buffer,
  [first, second]: readonly KnownKeys[],
  target: string,
  { minRsaBits, acceptNew }: KeyRules,
): "known" | "new" | LinkProblem {
  const { rsaBits } = readKey(key);
  if (rsaBits !== null && rsaBits < minRsaBits) return shortKey(target);
  const text = key.toString("base64");
  if (first?.revoked.has(text)) return revokedKey(target);
  if (first?.trusted.has(text)) return "known";
  if (first && first.trusted.size > 0) return changedKey(target, first.at);
  const revoked = second?.revoked.has(text) === true;
  if (second?.trusted.has(text) && !revoked) return "known";
  if (acceptNew) return "new";
  return revoked ? revokedKey(target) : unknownKey(target);
}

/** Those of `allowed` that ask for a key of a known type come first, as with OpenSSH. */
export function preferKnown(
  allowed: readonly HostKeyAlgorithm[],
  types: readonly string[],
): HostKeyAlgorithm[] {
  const known = (algorithm: HostKeyAlgorithm): boolean =>
    types.includes(algorithm.startsWith("rsa-") ? "ssh-rsa" : algorithm);
  return [...allowed.filter(known), ...allowed.filter((algorithm) => !known(algorithm))];
}
