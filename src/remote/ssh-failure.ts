import type { SshConnection } from "../model/fleet.ts";
import { noProgram } from "./process-way.ts";
import { lostWhileRunning, type LinkProblem, type Lost } from "./run.ts";
import { explainWayFailure } from "./way-failure.ts";

/** How ssh begins when it is run by a user that has no name. */
export const noUser = "No user exists for uid";

/** The host as a person would name it to ssh. */
export function targetOf({ user, address, port }: SshConnection): string {
  return nameTarget(user, address, port);
}

/** `user@host:port` as in an ssh:// address: an IPv6 address with a port stands in brackets. */
export function nameTarget(user: string | undefined, host: string, port: number | undefined): string {
  const place = port === undefined ? host : `${host.includes(":") ? `[${host}]` : host}:${String(port)}`;
  return user === undefined ? place : `${user}@${place}`;
}

/** What a person types to connect there. Pure. */
export function byHand(target: string): string {
  const [, user = "", name, bracketed = "", port] = /^(.*@)?(?:([^:@]+)|\[(.*)\]):(\d+)$/.exec(target) ?? [];
  return port === undefined ? `ssh ${target}` : `ssh -p ${port} ${user}${name ?? bracketed}`;
}

/** Says in words why a run of the OpenSSH client has no result. Pure. */
export function explainSshFailure(connection: SshConnection, lost: Lost): LinkProblem {
  const { began, cause } = lost;
  const said = lost.said.replaceAll("\r", "");
  const target = targetOf(connection);
  const last = said.split("\n").at(-1) ?? "";
  if (cause === noProgram) {
    return {
      what: "there is no ssh program on this machine",
      hint: "Install the OpenSSH client, or use --transport node-ssh.",
    };
  }
  if (said.startsWith(noUser)) {
    return {
      what: `ssh does not run here: ${last}`,
      hint: "Give this user a name, or use --transport node-ssh.",
    };
  }
  if (began) return lostWhileRunning(target, last);
  const onTheWay = explainWayFailure(target, said);
  if (onTheWay) return onTheWay;
  if (said.includes("REMOTE HOST IDENTIFICATION HAS CHANGED")) {
    const line = /Offending .* key in (\S+):(\d+)/.exec(said);
    return changedKey(target, line ? `${line[1] ?? ""}:${line[2] ?? ""}` : null);
  }
  if (/REVOKED HOST KEY|is marked as revoked|revoked by file/i.test(said)) return revokedKey(target);
  const [unchecked] = /Error checking host key .*/.exec(said) ?? [];
  if (unchecked !== undefined) return uncheckedKey(target, unchecked);
  if (said.includes("Session open refused by peer")) return unreached(target, noSession);
  if (/^ssh ended with (?!255)/.test(cause)) return notRun(target, lost);
  if (/Host key verification failed|No .* host key is known/.test(said)) {
    return unknownKey(target);
  }
  if (said.includes("Invalid key length")) return shortKey(target);
  const [, open] = /Permissions \d+ for '(.*)' are too open/.exec(said) ?? [];
  if (open !== undefined) return openKeyFile(open);
  if (said.includes("Too many authentication failures")) return tooManyKeys(target);
  const [, absent] = /Identity file (.*) not accessible: No such file/.exec(said) ?? [];
  if (absent !== undefined && said.includes("Permission denied")) return noKeyFile(target, absent);
  if (said.includes("Permission denied")) return refusedLogin(target, connection.keyFile);
  if (/kex_exchange_identification|ssh_exchange_identification|Not allowed at this time/.test(said)) {
    return turnedAway(target);
  }
  return unreached(target, last === "" ? cause : last);
}

// The same trouble has the same words on every transport.

export function changedKey(target: string, at: string | null): LinkProblem {
  return {
    what: `the host key of ${target} is not the one that is known${at === null ? "" : ` (${at})`}`,
    hint: "If the host was reinstalled, remove that line and connect once by hand to check the new key. If not, somebody may be in between.",
  };
}

export function revokedKey(target: string): LinkProblem {
  return { what: `the host key of ${target} is revoked`, hint: "Do not connect; ask who revoked it." };
}

function uncheckedKey(target: string, why: string): LinkProblem {
  return {
    what: `the host key of ${target} cannot be looked up: ${why}`,
    hint: "Check RevokedHostKeys of your ssh settings.",
  };
}

export function shortKey(target: string): LinkProblem {
  return {
    what: `the host key of ${target} is shorter than RequiredRSASize of your ssh settings`,
    hint: "Make a new host key there (ssh-keygen -A).",
  };
}

export function unknownKey(target: string): LinkProblem {
  return {
    what: `the host key of ${target} is unknown`,
    hint: `Connect once by hand (${byHand(target)}), check the key and accept it, or put it into known_hosts.`,
  };
}

export function refusedLogin(target: string, keyFile: string | undefined): LinkProblem {
  return {
    what: `${target} refused the login${keyFile === undefined ? "" : ` with ${keyFile}`}`,
    hint: "Check ansible_user and ansible_ssh_private_key_file, or load the key into your agent (ssh-add).",
  };
}

export function openKeyFile(path: string): LinkProblem {
  return { what: `the key file's permissions are too open: ${path}`, hint: "chmod 600 it." };
}

export function noKeyFile(target: string, path: string): LinkProblem {
  return {
    what: `${target} refused the login, and there is no key file ${path}`,
    hint: "Check ansible_ssh_private_key_file.",
  };
}

export function tooManyKeys(target: string): LinkProblem {
  return {
    what: `${target} ended the login after too many keys (MaxAuthTries of its sshd)`,
    hint: "Name the one with ansible_ssh_private_key_file, and set IdentitiesOnly yes in your ssh configuration.",
  };
}

/** The connection was made and closed before a word on keys or logins: nothing was run. */
export function turnedAway(target: string): LinkProblem {
  return {
    what: `${target} closed the connection before the login`,
    hint: "Too many at once (MaxStartups of its sshd), or it does not let this machine in.",
    again: true,
  };
}

/** sshd lets the user in and opens nothing. */
export const noSession = "sshd opens no session (MaxSessions?)";

/** The login worked, and what it runs is not what it was told. */
export function notRun(target: string, { said, printed, cause }: Lost): LinkProblem {
  // either may end with the noise of a .bashrc
  const words = [printed, said].map((text) => (text.trim().split("\n").at(-1) ?? "").slice(0, 200));
  const shown = words.filter((line) => line !== "").join(" / ");
  return {
    what: `${target} lets you in, but does not run lbctl's script: ${shown === "" ? cause : shown}`,
    hint: "The login must run commands: no nologin, restricted shell or ForceCommand, and /bin/sh is there.",
  };
}

export function unreached(target: string, why: string): LinkProblem {
  return {
    what: `${target} cannot be reached: ${why}`,
    hint: "Check ansible_host and ansible_port, and that sshd runs there.",
  };
}
