import type { SshConnection } from "../model/fleet.ts";
import { noProgram } from "./process-way.ts";
import { lostWhileRunning, type LinkProblem, type Lost } from "./run.ts";

/** The host as a person would name it to ssh. */
export function targetOf({ user, address, port }: SshConnection): string {
  return `${user === undefined ? "" : `${user}@`}${address}${port === undefined ? "" : `:${String(port)}`}`;
}

/** Says in words why a run of the OpenSSH client has no result. Pure. */
export function explainSshFailure(connection: SshConnection, { said, began, cause }: Lost): LinkProblem {
  const target = targetOf(connection);
  const last = said.split("\n").at(-1) ?? "";
  if (cause === noProgram) {
    return {
      what: "there is no ssh program on this machine",
      hint: "Install the OpenSSH client, or use --transport node-ssh.",
    };
  }
  if (began) return lostWhileRunning(target, last);
  if (said.includes("REMOTE HOST IDENTIFICATION HAS CHANGED")) {
    const line = /Offending .* key in (\S+):(\d+)/.exec(said);
    return changedKey(target, line ? `${line[1] ?? ""}:${line[2] ?? ""}` : null);
  }
  if (/REVOKED HOST KEY|is marked as revoked/i.test(said)) return revokedKey(target);
  if (/Host key verification failed|No .* host key is known/.test(said)) {
    return unknownKey(target, `ssh ${target}`);
  }
  if (/Bad permissions|UNPROTECTED PRIVATE KEY/.test(said)) {
    return {
      what: `the key file's permissions are too open: ${connection.keyFile ?? ""}`,
      hint: "chmod 600 it.",
    };
  }
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

export function unknownKey(target: string, command: string): LinkProblem {
  return {
    what: `the host key of ${target} is unknown`,
    hint: `Connect once by hand (${command}), check the key and accept it, or put it into known_hosts.`,
  };
}

export function refusedLogin(target: string, keyFile: string | undefined): LinkProblem {
  return {
    what: `${target} refused the login${keyFile === undefined ? "" : ` with ${keyFile}`}`,
    hint: "Check ansible_user and ansible_ssh_private_key_file, or load the key into your agent (ssh-add).",
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

export function unreached(target: string, why: string): LinkProblem {
  return {
    what: `${target} cannot be reached: ${why}`,
    hint: "Check ansible_host and ansible_port, and that sshd runs there.",
  };
}
