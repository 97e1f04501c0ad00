import { homedir } from "node:os";
import { readAddress } from "../document/address.ts";
import { LbctlError } from "../errors.ts";
import { outside } from "../document/formats.ts";
import type { Connection, Fleet, Host, InstanceConnection, SshConnection } from "../model/fleet.ts";
import { Problems } from "../document/problems.ts";
import { place } from "../document/words.ts";
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
  becomeExe: ["ansible_become_exe", "ansible_sudo_exe"],
  becomePassword: ["ansible_become_password", "ansible_become_pass", "ansible_sudo_pass"],
} as const;
const instanceNames = {
  incus: {
    instance: ["ansible_host", "ansible_incus_host"],
    remote: ["ansible_incus_remote"],
    project: ["ansible_incus_project"],
  },
  lxd: {
    instance: ["ansible_host", "ansible_lxd_host"],
    remote: ["ansible_lxd_remote"],
    project: ["ansible_lxd_project"],
  },
} as const;
const passwords = ["ansible_password", "ansible_ssh_pass", "ansible_ssh_password"];

/** Ansible's names of each kind of connection; `lxc` is the name of LXD's client. */
const kinds: Readonly<Record<string, Connection["kind"]>> = {
  ssh: "ssh",
  smart: "ssh",
  "ansible.builtin.ssh": "ssh",
  local: "local",
  "ansible.builtin.local": "local",
  incus: "incus",
  "community.general.incus": "incus",
  lxc: "lxd",
  lxd: "lxd",
  "community.general.lxd": "lxd",
};

/** Reads how to reach a host. Throws LbctlError `invalid` with every problem. */
export function readConnection(
  host: Pick<Host, "name" | "origin" | "vars" | "unresolved" | "isPartial">,
): Connection {
  const settings = new Settings(host);
  const named = settings.oneOf(names.kind, kinds, "lbctl connects by ssh, incus, lxd or local");
  const kind = named ?? (settings.has(names.kind) ? undefined : "ssh");
  settings.only(names.becomeMethod, /^(?:ansible\.builtin\.)?sudo$/, "lbctl becomes root with sudo");
  settings.only(names.becomeUser, /^root$/, "lbctl works as root");
  settings.only(names.becomeExe, /^(?:\/usr\/bin\/)?sudo$/, "lbctl becomes root with sudo");
  const password = settings.secret(names.becomePassword);
  const becoming = {
    become: settings.flag(names.become),
    ...(password === undefined ? {} : { becomePassword: () => password }),
  };
  const connection = kind && readKind(kind, host, settings);
  settings.problems.throwIfAny();
  // why it is not known is told elsewhere
  if (!connection) throw new LbctlError("invalid", []);
  return { ...connection, ...becoming };
}

function readKind(
  kind: Connection["kind"],
  host: Pick<Host, "name" | "origin" | "isPartial">,
  settings: Settings,
) {
  if (kind === "local") return { kind };
  return kind === "ssh" ? readSsh(host.name, settings) : readInstance(kind, host, settings);
}

function readSsh(host: string, settings: Settings): Omit<SshConnection, "become"> {
  settings.absent(
    passwords,
    "passwords are not supported: lbctl logs in with a key or an agent",
    "Remove it, and name a key in ansible_ssh_private_key_file or load one into your agent.",
  );
  const port = settings.port(names.port);
  const user = settings.text(names.user, userProblem);
  const keyFile = settings.text(names.key, keyProblem);
  return {
    kind: "ssh",
    address: settings.text(names.address, addressProblem) ?? host,
    ...(port === undefined ? {} : { port }),
    ...(user === undefined ? {} : { user }),
    ...(keyFile === undefined ? {} : { keyFile: keyFile.replace(/^~(?=\/|$)/, () => homedir()) }),
    sshArgs: [...settings.options(names.commonArgs), ...settings.options(names.extraArgs)],
  };
}

function readInstance(
  kind: "incus" | "lxd",
  { name: host, origin, isPartial }: Pick<Host, "name" | "origin" | "isPartial">,
  settings: Settings,
): Omit<InstanceConnection, "become"> {
  const { instance, remote, project } = instanceNames[kind];
  const name = shortName(settings.text(instance, instanceProblem) ?? host);
  const problem = isPartial || settings.has(instance) ? undefined : instanceProblem(name);
  if (problem !== undefined) {
    settings.problems.add({
      what: `${JSON.stringify(host)} ${problem}, so it cannot be an instance's name`,
      at: place(origin),
      hint: `Name the instance in ansible_${kind}_host.`,
    });
  }
  return {
    kind,
    instance: name,
    remote: settings.text(remote, nameProblem) ?? "local",
    project: settings.text(project, nameProblem) ?? "default",
  };
}

/** As Ansible's plugins do: instances have no dots in their names. */
function shortName(name: string): string {
  return name.replace(/\..*$/, "");
}

/** https://linuxcontainers.org/incus/docs/main/howto/instances_create/: a host name of one label. */
function instanceProblem(text: string): string | undefined {
  if (text.startsWith("-")) return asOption;
  const name = shortName(text);
  const bad = outside(name, /[A-Za-z0-9-]/);
  if (bad) return bad;
  if (!/^[A-Za-z]/.test(name)) return "does not start with a letter, as an instance's name does";
  return name.length > 63 ? "is longer than 63 characters" : undefined;
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
