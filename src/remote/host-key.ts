import type { Problem } from "../errors.ts";
import type { KnownKeys } from "./known-hosts.ts";

type HostKeyAlgorithm =
  "rsa-sha2-512" | "rsa-sha2-256" | "ssh-ed25519" | `ecdsa-sha2-nistp${256 | 384 | 521}`;

/** undefined when the key is known and not revoked. */
export function judgeKey(key: string, known: KnownKeys, name: string): Problem | undefined {
  if (known.revoked.has(key))
    return { what: `the host key of ${name} is revoked`, hint: "Do not connect; ask who revoked it." };
  if (known.trusted.has(key)) return undefined;
  return {
    what: `the host key of ${name} is not the one that is known (${known.at ?? ""})`,
    hint: "If the host was reinstalled, remove that line and connect once by hand to check the new key. If not, somebody may be in between.",
  };
}

export function unknownKey(name: string): Problem {
  return {
    what: `the host key of ${name} is unknown`,
    hint: "Connect once by hand with ssh, check the key and accept it, or put it into known_hosts.",
  };
}

/** Ask for a key of a type that is known, as OpenSSH does. */
export function hostKeyAlgorithms(types: readonly string[]): HostKeyAlgorithm[] {
  return types.flatMap((type): HostKeyAlgorithm[] => {
    switch (type) {
      case "ssh-rsa":
        return ["rsa-sha2-512", "rsa-sha2-256"];
      case "ssh-ed25519":
      case "ecdsa-sha2-nistp256":
      case "ecdsa-sha2-nistp384":
      case "ecdsa-sha2-nistp521":
        return [type];
      default:
        return [];
    }
  });
}
