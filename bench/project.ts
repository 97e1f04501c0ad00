import { mkdir, mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { packageRoot } from "../src/package-root.ts";
import type { BenchHost, BenchHosts } from "./hosts.ts";

/** A temporary folder with everything the contestants read and write. */
export interface BenchProject {
  readonly folder: string;
  /** Its sockets of OpenSSH masters: closing them all makes the next run a cold one. */
  readonly sockets: string;
  readonly env: Readonly<Record<string, string>>;
  /** Words for a bare `ssh`. */
  readonly sshOptions: readonly string[];
}

const serversInEachPool = 10;

export async function makeProject({ key, hostKey }: BenchHosts): Promise<BenchProject> {
  const folder = await mkdtemp(join(tmpdir(), "lbench-"));
  const sockets = join(folder, "s");
  await mkdir(join(sockets, "ansible"), { recursive: true, mode: 0o700 });
  const knownHosts = join(folder, "known_hosts");
  await writeFile(knownHosts, `* ${hostKey}\n`);
  const strict = ["-o", "IdentitiesOnly=yes", "-o", "StrictHostKeyChecking=yes"];
  await writeFile(join(folder, "ansible.cfg"), ansibleConfig(join(sockets, "ansible")));
  return {
    folder,
    sockets,
    // XDG_RUNTIME_DIR: where lbctl keeps its masters
    env: { ANSIBLE_CONFIG: join(folder, "ansible.cfg"), XDG_RUNTIME_DIR: sockets, NO_COLOR: "1" },
    sshOptions: [
      "-i",
      key,
      "-l",
      "root",
      "-o",
      `UserKnownHostsFile=${knownHosts}`,
      ...strict,
      "-o",
      "BatchMode=yes",
    ],
  };
}

/** Ansible's best: pipelining, forks, kept connections, no facts, a fast output plugin. */
function ansibleConfig(controlPath: string): string {
  return `[defaults]
forks = 20
gathering = explicit
host_key_checking = True
retry_files_enabled = False
stdout_callback = default
interpreter_python = /usr/bin/python3
[ssh_connection]
pipelining = True
ssh_args = -o ControlMaster=auto -o ControlPersist=60s
control_path_dir = ${controlPath}
`;
}

/** Writes an inventory of these hosts, read by lbctl and Ansible alike; the servers are loopback addresses. */
export async function writeInventory(
  project: BenchProject,
  name: string,
  hosts: readonly (BenchHost & { readonly port?: number })[],
  key: string,
): Promise<string> {
  const folder = join(project.folder, name);
  await mkdir(folder, { recursive: true });
  const pool = (prefix: string, net: number): object =>
    Object.fromEntries(
      Array.from({ length: serversInEachPool }, (_, index) => [
        `${prefix}-${String(index + 1)}`,
        { haproxy_server_address: `127.0.${String(net)}.${String(index + 1)}` },
      ]),
    );
  const balancers = hosts.map(({ name: host, address, port }) => [
    host,
    { ansible_host: address, ...(port === undefined ? {} : { ansible_port: port }) },
  ]);
  const inventory = {
    all: {
      vars: {
        ansible_user: "root",
        ansible_ssh_private_key_file: key,
        ansible_ssh_common_args: `-o UserKnownHostsFile=${project.folder}/known_hosts -o IdentitiesOnly=yes -o StrictHostKeyChecking=yes`,
      },
      children: {
        haproxy: {
          hosts: Object.fromEntries(balancers) as object,
          vars: {
            haproxy_maxconn: 1000,
            // the servers do not exist; without checks all that is measured is the change
            haproxy_health_check_interval_ms: 3_600_000,
            haproxy_health_check_downinter_ms: 3_600_000,
            haproxy_graceful_drain_seconds: 3601,
            haproxy_trusted_ips: Array.from({ length: 50 }, (_, index) => `198.51.100.${String(index)}`),
          },
        },
        backend_api_instances: { hosts: pool("api", 1) },
        stream_server_instances: { hosts: pool("stream", 2) },
      },
    },
  };
  // JSON is YAML too
  const file = join(folder, "hosts.yml");
  await writeFile(file, JSON.stringify(inventory, null, 2));
  return file;
}

export const ansibleFolder = join(packageRoot(), "bench", "ansible");
