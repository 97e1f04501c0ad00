import type { Identity } from "./identity.ts";
import type { KnownKeys } from "./known-hosts.ts";
import { NoLink } from "./run.ts";
import type { EffectiveConfig } from "./ssh-config.ts";
import { unknownKey } from "./ssh-failure.ts";

export interface LoginMethod {
  readonly type: "publickey" | "agent";
  readonly username: string;
  readonly key?: Buffer;
  readonly agent?: string;
}

/** Throws NoLink when only OpenSSH can use the first thing it would try. */
export function refuseKeysOfOpenSsh(
  identities: readonly (Identity | undefined)[],
  config: EffectiveConfig,
): void {
  for (const identity of identities) {
    if (identity?.kind === "hardware") throw leaveIt(`the hardware key ${identity.path}`, "a hardware key");
    if (identity?.kind === "certificate") throw leaveIt(`the certificate ${identity.path}`, "a certificate");
    const inAgent = config.identitiesOnly && config.agent !== null;
    if (inAgent && (identity?.kind === "encrypted" || identity?.kind === "other"))
      throw leaveIt(
        `${identity.path} with IdentitiesOnly: its secret is in the agent`,
        "IdentitiesOnly with a key in the agent",
      );
  }
}

/** Throws NoLink when the host's key need not be asked for: nothing is known of it, or OpenSSH has to judge it. */
export function refuseUnknownHost(
  target: string,
  known: readonly KnownKeys[],
  { newKeys }: EffectiveConfig,
): void {
  if (known.some(({ vouched }) => vouched))
    throw leaveIt(`the @cert-authority that vouches for ${target}`, "a host certificate");
  if (newKeys === null && known.every(({ trusted, revoked }) => trusted.size + revoked.size === 0))
    throw new NoLink(unknownKey(target));
}

/** Keys of the configuration first, then the agent's unless IdentitiesOnly says otherwise. */
export function loginMethods(
  { user: username, identitiesOnly }: EffectiveConfig,
  identities: readonly (Identity | undefined)[],
  agent: string | null,
): LoginMethod[] {
  const fromFiles = identities.flatMap((identity): LoginMethod[] =>
    identity?.kind === "usable" ? [{ type: "publickey", username, key: identity.key }] : [],
  );
  return agent === null || identitiesOnly ? fromFiles : [...fromFiles, { type: "agent", username, agent }];
}

/** For what only OpenSSH can do; `why` in a few words. */
export function leaveIt(what: string, why: string): NoLink {
  return new NoLink(
    {
      what: `the node-ssh transport cannot honour ${what}`,
      hint: "Use --transport auto or openssh for this host.",
      code: "invalid",
    },
    why,
  );
}
