import { homedir } from "node:os";
import { readAddress } from "../document/address.ts";
import { LbctlError } from "../errors.ts";
import { outside } from "../document/formats.ts";
import type { Connection, Fleet, Variables } from "../model/fleet.ts";
import { Problems } from "../document/problems.ts";
import { nameProblem } from "./names.ts";
import { Settings } from "./settings.ts";

const names = {
  kind: ["ansible_connection"],
  address: ["ansible_host", "ansible_ssh_host"],
  port: ["ansible_port", "ansible_ssh_port"],
  user: ["ansible_user", "ansible_ssh_user"],
  key: ["ansible_private_key_file", "ansible_ssh_private_key_file"],
  commonArgs: ["ansible_ssh_common_args"],
  extraArgs: ["ansible_ssh_extra_args"],
  become: ["ansible_become"],
  becomeMethod: ["ansible_become_method"],
  becomeUser: ["ansible_become_user"],
} as const;
const passwords = ["ansible_password", "ansible_ssh_pass", "ansible_ssh_password"];

/** Every variable that says how to connect. */
export const connectionNames: readonly string[] = Object.values(names).flat();

/** Reads how to reach a host. Throws LbctlError `invalid` with every problem. */
export function readConnection(host: string, vars: Variables): Connection {
  const settings = new Settings(vars);
  settings.only(
    names.kind,
    /^(?:ansible\.builtin\.)?ssh$|^smart$/,
    "this version of lbctl connects with ssh",
  );
  settings.only(names.becomeMethod, /^(?:ansible\.builtin\.)?sudo$/, "lbctl becomes root with sudo");
  settings.only(names.becomeUser, /^root$/, "lbctl works as root");
  settings.absent(
    passwords,
    "passwords are not supported: lbctl logs in with a key or an agent",
    "Remove it, and name a key in ansible_ssh_private_key_file or load one into your agent.",
  );
  const address = settings.text(names.address, addressProblem) ?? host;
  const port = settings.port(names.port);
  const user = settings.text(names.user, userProblem);
  const keyFile = settings.text(names.key, keyProblem);
  const sshArgs = [...settings.options(names.commonArgs), ...settings.options(names.extraArgs)];
  const become = settings.flag(names.become);
  settings.problems.throwIfAny();
  return {
    kind: "ssh",
    address,
    ...(port === undefined ? {} : { port }),
    ...(user === undefined ? {} : { user }),
    ...(keyFile === undefined ? {} : { keyFile: keyFile.replace(/^~(?=\/|$)/, () => homedir()) }),
    sshArgs,
    become,
  };
}

/** Checks how each of these hosts is reached. Throws LbctlError `invalid` with the problems of all. */
export function checkConnections(fleet: Fleet, hosts: readonly string[]): void {
  const problems = new Problems();
  for (const host of hosts) {
    try {
      // looking at it is what checks it
      if (!fleet.hosts.get(host)?.connection) continue;
    } catch (error) {
      if (!(error instanceof LbctlError)) throw error;
      problems.take(error);
    }
  }
  problems.throwIfAny();
}

function addressProblem(text: string): string | undefined {
  return text.includes(":") && "canonical" in readAddress(text) ? undefined : nameProblem(text);
}

function userProblem(text: string): string | undefined {
  return text.startsWith("-") ? asOption : outside(text, /[A-Za-z0-9_.@-]/);
}

function keyProblem(text: string): string | undefined {
  if (text.startsWith("-")) return asOption;
  if (/^~[^/]/.test(text)) return "starts with ~ and a user's name, which is not supported";
  // ssh expands % and ${} in this path
  return outside(text, /[A-Za-z0-9_.~/+@,:= -]/);
}

const asOption = "starts with -, and would be read as an option";
