import { execFile } from "node:child_process";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { LbctlError } from "../src/errors.ts";
import { packageRoot } from "../src/package-root.ts";
import { bareSet, commands } from "./contestants.ts";
import type { BenchHost } from "./hosts.ts";
import { closeMasters, measure } from "./measure.ts";
import { writeInventory, type BenchProject } from "./project.ts";

/**
 * Gives each contestant's HAProxy its first configuration and starts it. Throws LbctlError when Ansible's playbook does
 * not make the same files as lbctl: then it would not be the same work.
 */
export async function prepareHosts(
  project: BenchProject,
  hosts: readonly BenchHost[],
  key: string,
  say: (line: string) => void,
): Promise<void> {
  say("the first apply of each");
  const inventory = await writeInventory(project, "all", hosts, key);
  await makeBareSet(project, inventory, hosts[0]?.name ?? "");
  const task = { project, inventory, targets: hosts, maxconn: 1000, work: "changed" as const };
  await measure(commands.lbctl(task), project);
  await measure(commands.ansible(task), project);
  for (const { address } of hosts) {
    const start =
      "tar -x -C /etc/haproxy-bare -f - && systemctl -q restart haproxy-bare && systemctl -q is-active haproxy haproxy-ansible";
    await measure(
      ["sh", "-c", `ssh ${project.sshOptions.join(" ")} ${address} '${start}' <${bareSet(project)}`],
      project,
    );
  }
  const [first] = hosts;
  if (first) await refuseUnequalWork(project, first);
  await closeMasters(project);
}

/** What lbctl renders, at the paths of the third HAProxy. */
async function makeBareSet(project: BenchProject, inventory: string, host: string): Promise<void> {
  const run = promisify(execFile);
  const output = join(project.folder, "rendered");
  const lbctl = join(packageRoot(), "bin", "lbctl.js");
  await run(process.execPath, [lbctl, "render", "-i", inventory, "-l", host, "-o", output]);
  const set = join(output, host);
  const text = await readFile(join(set, "haproxy.cfg"), "utf8");
  const moved = text
    .replaceAll("/run/haproxy/", "/run/haproxy-bare/")
    .replace("/var/lib/lbctl/haproxy/state/servers", "/etc/haproxy-bare/servers")
    .replace("bind :80", "bind :2080")
    .replace("127.0.0.1:9100", "127.0.0.1:9102");
  await mkdir(set, { recursive: true });
  await writeFile(join(set, "haproxy.cfg"), moved);
  await run("tar", ["-C", set, "--owner=0", "--group=0", "-cf", bareSet(project), "."]);
}

const files = ["haproxy.cfg", "lists/trusted_ips.list", "maps/trusted_ips.map"];
/** Comments, and what differs because three HAProxys share a host. */
const own = /^\s*(#|description |default-path |stats socket |server-state-file |bind |$)/;

async function refuseUnequalWork(project: BenchProject, { address }: BenchHost): Promise<void> {
  const read = async (folder: string): Promise<string[]> => {
    const words = ["ssh", ...project.sshOptions, address, `cd ${folder} && cat ${files.join(" ")}`];
    return (await measure(words, project)).output.split("\n").filter((line) => !own.test(line));
  };
  const [mine, theirs] = [await read("/etc/haproxy"), await read("/etc/haproxy-ansible")];
  const line = mine.findIndex((each, index) => each !== theirs[index]);
  if (line < 0 && mine.length === theirs.length) return;
  throw new LbctlError("bug", {
    what: `Ansible's playbook makes other files than lbctl: "${theirs[line] ?? ""}" for "${mine[line] ?? ""}"`,
    at: "bench/ansible",
    hint: "Bring its templates up to those of templates/haproxy.",
  });
}
