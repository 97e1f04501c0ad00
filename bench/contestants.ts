import { join } from "node:path";
import { packageRoot } from "../src/package-root.ts";
import type { BenchHost } from "./hosts.ts";
import { ansibleFolder, type BenchProject } from "./project.ts";

/** Who does the work. `limit` is one bare ssh per host, all at once: less than either of the others does. */
export type Contestant = "lbctl" | "ansible" | "limit";
export type Work = "no-op" | "changed";

export interface Target extends BenchHost {
  readonly port?: number;
}

export interface Task {
  readonly project: BenchProject;
  readonly inventory: string;
  readonly targets: readonly Target[];
  /** A value of haproxy_maxconn: another one than before makes the work `changed`. */
  readonly maxconn: number;
  readonly work: Work;
}

/** The command of a contestant, as words. Ansible and lbctl read the same inventory. */
export const commands: Readonly<Record<Contestant, (task: Task) => readonly string[]>> = {
  lbctl: ({ inventory, maxconn }) => [
    ...[
      process.execPath,
      join(packageRoot(), "bin", "lbctl.js"),
      "apply",
      "--yes",
      "--adopt",
      "--forks",
      "20",
      "--serial",
      "100%",
    ],
    ...["-i", inventory, "-e", `haproxy_maxconn=${String(maxconn)}`],
  ],
  ansible: ({ inventory, maxconn }) => [
    ...["ansible-playbook", "--forks", "20", "-i", inventory, join(ansibleFolder, "site.yml")],
    ...["-e", JSON.stringify({ haproxy_maxconn: maxconn })],
  ],
  limit: (task) => ["sh", "-c", bareSsh(task)],
};

const live = ["haproxy.cfg", "lists/trusted_ips.list", "maps/trusted_ips.map"];

/** Every host's ssh in the background; the status is of the last one that failed. */
function bareSsh({ project, targets, work, maxconn }: Task): string {
  const remote =
    work === "no-op" ? `cd /etc/haproxy-bare && sha256sum ${live.join(" ")}` : changeOnTarget(maxconn);
  const input = work === "no-op" ? "/dev/null" : bareSet(project);
  const master = `-o ControlMaster=auto -o ControlPersist=60 -o ControlPath=${project.sockets}/bare-%C`;
  const each = targets.map(
    ({ address, port }) =>
      `ssh ${project.sshOptions.join(" ")} ${master} -p ${String(port ?? 22)} ${address} '${remote}' <${input} & pids="$pids $!"`,
  );
  return `${each.join("\n")}\ns=0; for p in $pids; do wait $p || s=$?; done; exit $s`;
}

/** The set that the limit uploads: what lbctl rendered, in a tar. */
export function bareSet(project: BenchProject): string {
  return join(project.folder, "bare.tar");
}

/** Stages, validates, moves and reloads, and waits for nothing. */
function changeOnTarget(maxconn: number): string {
  return [
    "set -e; cd /etc/haproxy-bare; rm -rf new; mkdir new; tar -x -C new -f -",
    `sed -i "s/^    maxconn .*/    maxconn ${String(maxconn)}/" new/haproxy.cfg`,
    `haproxy -Ws -c -f new/haproxy.cfg >/dev/null`,
    ...live.map((file) => `mv new/${file} ${file}`),
    "kill -USR2 $(cat /run/haproxy-bare.pid)",
  ].join("; ");
}
