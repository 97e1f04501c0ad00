import type { KnownKeys } from "./known-hosts.ts";
import { changedKey, revokedKey, unknownKey } from "./ssh-failure.ts";
import type { LinkProblem } from "./run.ts";

export type HostKeyAlgorithm =
  "rsa-sha2-512" | "rsa-sha2-256" | "ssh-ed25519" | `ecdsa-sha2-nistp${256 | 384 | 521}`;

/** undefined when the key is known, not revoked and long enough; else what is wrong. Pure. */
export function judgeKey(
  key: Buffer,
  known: KnownKeys,
  target: string,
  minRsaBits: number,
): LinkProblem | undefined {
  const text = key.toString("base64");
  if (known.revoked.has(text)) return revokedKey(target);
  if (!known.trusted.has(text)) {
    const { type } = readKey(key);
    if (known.types.includes(type)) return changedKey(target, known.at);
    const { what, hint } = unknownKey(target, `ssh ${target}`);
    return {
      what: `${what}: it is ${type}, and known is ${known.types.join(", ")}`,
      ...(hint ? { hint } : {}),
    };
  }
  const { rsaBits } = readKey(key);
  if (rsaBits === null || rsaBits >= minRsaBits) return undefined;
  return {
    what: `the host key of ${target} is too short: ${String(rsaBits)} bits (RequiredRSASize ${String(minRsaBits)})`,
    hint: "Make a new host key there (ssh-keygen -A).",
  };
}

/** The wire form of a public key: its type, and the bits of an RSA modulus (RFC 4253, section 6.6). */
function readKey(key: Buffer): { type: string; rsaBits: number | null } {
  const fields: Buffer[] = [];
  for (let at = 0; at + 4 <= key.length && fields.length < 3;) {
    const end = at + 4 + key.readUInt32BE(at);
    fields.push(key.subarray(at + 4, end));
    at = end;
  }
  const type = fields[0]?.toString("latin1") ?? "";
  const modulus = fields[2]?.toString("hex").replace(/^(?:00)+/, "") ?? "";
  const rsaBits = modulus === "" ? 0 : BigInt(`0x${modulus}`).toString(2).length;
  return { type, rsaBits: type === "ssh-rsa" ? rsaBits : null };
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
