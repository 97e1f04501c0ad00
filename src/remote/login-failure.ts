import { existsSync } from "node:fs";
import type { Identity } from "./identity.ts";
import { leaveIt } from "./logins.ts";
import { NoLink } from "./run.ts";
import { noKeyFile, openKeyFile, refusedLogin, tooManyKeys, turnedAway, unreached } from "./ssh-failure.ts";

/** What a login over node-ssh went by. */
export interface LoginAttempt {
  readonly target: string;
  /** The inventory's key file. */
  readonly keyFile: string | undefined;
  readonly identities: readonly (Identity | undefined)[];
  /** The host said that it speaks SSH. */
  readonly isSsh: boolean;
}

/** Says why it failed, from the library's own word on it. */
export function explainLoginFailure(message: string, { target, keyFile, identities, isSsh }: LoginAttempt) {
  if (/authentication methods failed/i.test(message)) {
    const open = identities.find((identity) => identity?.kind === "open");
    if (open) return new NoLink(openKeyFile(open.path), couldNot);
    if (keyFile !== undefined && !existsSync(keyFile))
      return new NoLink(noKeyFile(target, keyFile), couldNot);
    const [only, ...others] = identities;
    const tried = keyFile ?? (others.length === 0 ? only?.path : undefined);
    return new NoLink(refusedLogin(target, tried), couldNot);
  }
  // ssh tries those of the agent first that the configuration names
  if (/too many authentication failures/i.test(message)) return new NoLink(tooManyKeys(target), couldNot);
  if (/no matching/i.test(message)) {
    return leaveIt(`what ${target} speaks (${message})`, "node-ssh has none of its algorithms");
  }
  return new NoLink(isSsh || /timed out/i.test(message) ? unreached(target, message) : turnedAway(target));
}

const couldNot = "node-ssh could not log in";
