import { LbctlError, type Problem } from "../errors.ts";
import type { Connection } from "../model/fleet.ts";
import type { ProcessResult } from "./process.ts";

export interface SshFailure {
  readonly host: string;
  readonly connection: Connection;
  readonly result: ProcessResult;
  /** The script had begun when the link was lost. */
  readonly began: boolean;
  /** It was given up because nothing arrived for too long. */
  readonly idle: boolean;
}

/** Says in words why a run over ssh has no result. Pure. */
export function explainSshFailure(failure: SshFailure): LbctlError {
  const { connection, result } = failure;
  const said = result.stderr.trim();
  const target = `${connection.user === undefined ? "" : `${connection.user}@`}${connection.address}${
    connection.port === undefined ? "" : `:${String(connection.port)}`
  }`;
  return new LbctlError("unreachable", { at: failure.host, ...describe(failure, said, target) });
}

function describe(failure: SshFailure, said: string, target: string): Problem {
  const { connection, result } = failure;
  const last = said.split("\n").at(-1) ?? "";
  if (result.exitCode === null && (result.cause ?? "").includes("ENOENT")) {
    return { what: "there is no ssh program on this machine", hint: "Install the OpenSSH client." };
  }
  // Once the script has begun, what stands on stderr may be its own.
  if (failure.idle) {
    return {
      what: `${target} stopped answering`,
      hint: "Check the network and the host, then run it again.",
    };
  }
  if (failure.began) {
    return {
      what: `the connection to ${target} was lost while a script ran${last === "" ? "" : ` (${last})`}`,
      hint: "Run it again: lbctl looks first at what is there.",
    };
  }
  if (said.includes("REMOTE HOST IDENTIFICATION HAS CHANGED")) {
    const line = /Offending .* key in (\S+):(\d+)/.exec(said);
    return {
      what: `the host key of ${target} is not the one that is known${line ? ` (${line[1] ?? ""}:${line[2] ?? ""})` : ""}`,
      hint: "If the host was reinstalled, remove that line and connect once by hand to check the new key. If not, somebody may be in between.",
    };
  }
  if (/Host key verification failed|No .* host key is known/.test(said)) {
    return {
      what: `the host key of ${target} is unknown`,
      hint: `Connect once by hand (ssh ${target}), check the key and accept it, or put it into known_hosts.`,
    };
  }
  if (/Bad permissions|UNPROTECTED PRIVATE KEY/.test(said)) {
    return {
      what: `the key file's permissions are too open: ${connection.keyFile ?? ""}`,
      hint: "chmod 600 it.",
    };
  }
  if (said.includes("Permission denied")) {
    return {
      what: `${target} refused the login${connection.keyFile === undefined ? "" : ` with ${connection.keyFile}`}`,
      hint: "Check ansible_user and ansible_ssh_private_key_file, or load the key into your agent (ssh-add).",
    };
  }
  if (/a password is required|sudo:/.test(said)) {
    return {
      what: `sudo on ${target}: ${last}`,
      hint: "Allow the user to run sudo without a password, or log in as root (ansible_become: false).",
    };
  }
  return {
    what: `${target} cannot be reached: ${last === "" ? `ssh ended with ${String(result.exitCode)}` : last}`,
    hint: "Check ansible_host and ansible_port, and that sshd runs there.",
  };
}
