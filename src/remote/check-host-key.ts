import type { Greeting } from "./greeting.ts";
import { judgeKey } from "./host-key.ts";
import { readKey } from "./key-blob.ts";
import type { KnownKeys } from "./known-hosts.ts";
import { leaveIt } from "./logins.ts";
import { recordKey } from "./record-key.ts";
import { NoLink } from "./run.ts";
import type { EffectiveConfig } from "./ssh-config.ts";

/** Judges the key of one connection. */
export interface HostKeyCheck {
  /** For the library: false ends the connection, and `refusal` says why. */
  readonly verify: (key: Buffer) => boolean;
  readonly refusal: () => NoLink | undefined;
  /** To be called when the host has proved that the key is its own. */
  readonly proved: () => void;
}

export function checkHostKey(
  target: string,
  { minRsaBits, newKeys }: EffectiveConfig,
  known: readonly KnownKeys[],
  greeting: Greeting,
): HostKeyCheck {
  let refusal: NoLink | undefined;
  let accepted: Buffer | undefined;
  let isNew = false;
  const judge = (key: Buffer): NoLink | undefined => {
    const name = known[0]?.name ?? "";
    const verdict = judgeKey(key, known, target, { minRsaBits, acceptNew: newKeys !== null });
    if (typeof verdict === "object") return new NoLink(verdict);
    // ssh would be shown the certificate, and the revoked key may be its authority's
    if (known.some(({ revoked }) => revoked.size > 0) && greeting.offersCertificate()) {
      return leaveIt(`the host certificate of ${target} beside revoked keys`, "a host certificate");
    }
    isNew = verdict === "new";
    if (isNew && !isPlainName(name)) return leaveIt(`a new host key under the name ${name}`, "its name");
    return undefined;
  };
  return {
    verify(key) {
      // a connection that makes new secrets later on stays with its key
      if (accepted) return accepted.equals(key);
      refusal = judge(key);
      if (!refusal) accepted = Buffer.from(key);
      return !refusal;
    },
    refusal: () => refusal,
    proved() {
      const name = known[0]?.name;
      if (isNew && accepted && newKeys && name !== undefined) {
        recordKey(newKeys, name, accepted, readKey(accepted).type);
      }
      isNew = false;
    },
  };
}

/** A name that a known_hosts line can hold and that is no pattern there; with a port it stands in brackets. */
function isPlainName(name: string): boolean {
  return /^(?:[\w.:%-]+|\[[\w.:%-]+\]:\d+)$/.test(name);
}
