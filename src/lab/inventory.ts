import { existsSync } from "node:fs";
import { join } from "node:path";
import { readIfThere, writeAtomically } from "./files.ts";
import { labName } from "./incus.ts";
import type { Member, MemberRole } from "./members.ts";
import type { LabPaths } from "./paths.ts";
import { sshOptions } from "./ssh.ts";

const groups: readonly (readonly [name: string, role: MemberRole])[] = [
  ["haproxy", "lb"],
  ["backend_api_instances", "api"],
  ["stream_server_instances", "stream"],
];

/** Pure: an Ansible inventory of the lab. */
export function formatInventory(members: readonly Member[], paths: LabPaths): string {
  const lines = [
    "# Written by `lbctl lab up`, which writes it again when the lab changes.",
    "all:",
    "  vars:",
    "    ansible_user: root",
    `    ansible_ssh_private_key_file: ${quote(paths.key)}`,
    `    ansible_ssh_common_args: ${quote(sshOptions(paths).map(quoteWord).join(" "))}`,
    `    ansible_incus_project: ${labName}`,
    "  children:",
  ];
  for (const [group, role] of groups) {
    const own = members.filter((member) => member.role === role);
    lines.push(`    ${group}:`, own.length > 0 ? "      hosts:" : "      hosts: {}");
    for (const { name, ip } of own) {
      lines.push(
        `        ${name}:`,
        `          ansible_host: ${ip}`,
        `          ansible_incus_host: ${name}`,
      );
    }
  }
  return `${lines.join("\n")}\n`;
}

const settings = `# Settings for the lab. Yours to change: \`lbctl lab up\` writes this file only when it is missing.

# A dead backend is noticed within seconds, so that a drill does not wait long.
haproxy_health_check_interval_ms: 1000

# Requests for these paths go to the stream servers.
# haproxy_stream_path_prefixes: [/stream]
`;

/** Writes \`inventories/lab\` below \`cwd\`, only where it differs. Returns the folder. */
export async function writeInventory(
  cwd: string,
  members: readonly Member[],
  paths: LabPaths,
): Promise<string> {
  const folder = join(cwd, "inventories", "lab");
  const hosts = join(folder, "hosts.yml");
  const text = formatInventory(members, paths);
  if ((await readIfThere(hosts)) !== text) await writeAtomically(hosts, text);
  const vars = join(folder, "group_vars", "all.yml");
  if (!existsSync(vars)) await writeAtomically(vars, settings);
  return folder;
}

/** A YAML double-quoted scalar is a JSON string. */
function quote(text: string): string {
  return /^[\w/.-]+$/.test(text) && !/^[\d.-]/.test(text) ? text : JSON.stringify(text);
}

/** For the way Ansible and lbctl split ansible_ssh_common_args: as a shell would. */
function quoteWord(word: string): string {
  return /^[\w/.=,:@%+-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
