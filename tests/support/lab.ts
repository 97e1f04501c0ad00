import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { lbctl, lbctlJson, root, run, type Run } from "./lbctl.ts";

export const inventory = join(root, "inventories/lab");

/** Runs `script` as root in a container, past lbctl: through Incus, so that sshd sees nothing of it. */
export async function inside(host: string, script: string): Promise<Run> {
  const id = randomUUID();
  const said = `/run/said-${id}`;
  const tell = `cat ${said}.out; echo ${id}; cat ${said}.err; echo; echo ${id}`;
  const run = await incus("exec", host, "--", "sh", "-c", kept(said, tell), "sh", script);
  // on a busy machine Incus loses the end of what a command said, or all of it; what is kept can be read again
  for (let left = 3, { stdout } = run; ; left--) {
    const [out, err, end] = stdout.split(`${id}\n`);
    if (out !== undefined && err !== undefined && end === "") {
      return { code: run.code, stdout: out, stderr: err.slice(0, -1) };
    }
    // the host went down under the command
    if (left === 0) return run;
    ({ stdout } = await incus("exec", host, "--", "sh", "-c", tell));
  }
}

/** Runs its first argument with what it says in files, then `tell`. */
const kept = (said: string, tell: string): string =>
  `sh -c "$1" >${said}.out 2>${said}.err; code=$?; ${tell}; exit $code`;

export async function incus(...args: string[]): Promise<Run> {
  const [file = "", ...rest] = incusWords(...args);
  return run(file, rest);
}

/** A command line that runs incus on the lab, as root. */
export function incusWords(...args: string[]): string[] {
  const words = ["incus", "--project", "lbctl-lab", ...args];
  return process.getuid?.() === 0 ? words : ["sudo", "-n", ...words];
}

/** Output of `script` in a container; throws when it fails. */
export async function output(host: string, script: string): Promise<string> {
  const result = await inside(host, script);
  if (result.code !== 0) throw new Error(`${host}: ${script}: ${result.stderr}${result.stdout}`);
  return result.stdout.trim();
}

/** A lab of this release whose load balancer is as it left the image: no HAProxy, nothing applied. */
export async function freshLab(release: "2.6" | "3.0", ...size: string[]): Promise<void> {
  for (const name of await instances("lb-")) await incus("delete", "--force", name);
  const up = await lbctl(["lab", "up", "--yes", "--haproxy", release, ...size]);
  if (up.code !== 0) throw new Error(`lab up failed: ${up.stderr}${up.stdout}`);
}

async function instances(prefix: string): Promise<string[]> {
  const { document } = await lbctlJson<{ instances: { name: string }[] }>(["lab", "status"]);
  return document.instances.map(({ name }) => name).filter((name) => name.startsWith(prefix));
}

/** The address of a lab host, from its inventory. */
export function addressOf(host: string): string {
  const text = readFileSync(join(inventory, "hosts.yml"), "utf8");
  const found = new RegExp(`^ *${host}:\\n *ansible_host: (\\S+)`, "m").exec(text);
  if (!found?.[1]) throw new Error(`${host} is not in the lab's inventory`);
  return found[1];
}

/** What must not change when an apply is refused: the live files, the master and the worker. */
export async function liveState(host: string): Promise<string> {
  const script = `readlink -f /etc/haproxy/haproxy.cfg; cd /etc/haproxy; find -L . -type f | sort | xargs sha256sum; m=$(systemctl show -P MainPID haproxy); echo $m; pgrep -P $m -x haproxy | sort`;
  return output(host, script);
}

/** Runs `part` while a host cannot make namespaces, so that what a dry boot would refuse is tried for real. */
export async function withoutDryBoot<T>(host: string, part: () => Promise<T>): Promise<T> {
  await output(host, "mv /usr/bin/unshare /usr/bin/unshare.away");
  try {
    return await part();
  } finally {
    await output(host, "mv /usr/bin/unshare.away /usr/bin/unshare");
  }
}

/** HAProxy's answer to one command on the admin socket of a host. */
export async function runtime(host: string, command: string): Promise<string> {
  const perl = `use IO::Socket::UNIX; $s = IO::Socket::UNIX->new("/run/haproxy/admin.sock") or die; print $s "${command}\\n"; print <$s>`;
  return output(host, `perl -e '${perl}'`);
}
