import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { LbctlError } from "../src/errors.ts";
import { labContext, type LabContext } from "../src/lab/context.ts";
import { describeImages, ensureImages } from "../src/lab/images.ts";
import { labTag } from "../src/lab/incus.ts";
import { createInstance, macOf, waitUntilUp, wantInstance } from "../src/lab/instances.ts";
import type { Member } from "../src/lab/members.ts";
import { findObjects } from "../src/lab/objects.ts";
import { expectSuccess } from "../src/lab/shell.ts";

export interface BenchHost {
  readonly name: string;
  readonly address: string;
}

export interface BenchHosts {
  readonly hosts: readonly BenchHost[];
  /** The lab's private key. */
  readonly key: string;
  /** A line of known_hosts without the names: every host is a copy of the first one. */
  readonly hostKey: string;
}

type Say = (line: string) => void;

const prefix = "bench-lb";

/**
 * Containers of the lab's own load balancer image, with what Ansible needs besides (python3, python3-apt) and two
 * more HAProxy services, so that lbctl, Ansible and the bare limit each have one of their own on the same host.
 * The lab's commands leave them alone. Throws LbctlError when the lab was never started here.
 */
export async function startHosts(count: number, say: Say): Promise<BenchHosts> {
  const context = labContext();
  const { incus, paths } = context;
  const objects = (await incus.answers()) ? await findObjects(incus) : undefined;
  if (objects?.subnet === undefined) {
    throw new LbctlError("invalid", { what: "the lab does not run", hint: "Run `lbctl lab up` first." });
  }
  const { subnet } = objects;
  const members = Array.from({ length: count }, (_, index) => memberOf(index + 1, subnet));
  const [first] = members;
  if (!first) throw new LbctlError("invalid", { what: "there must be at least one host" });
  const there = await existing(context);
  if (!there.has(first.name)) {
    say("making the first host");
    await makeFirst(first, context).catch(async (error: unknown) => {
      await incus.try(["delete", "-f", first.name]); // half-made, it would be taken for a whole one
      throw error;
    });
  }
  const copies = members.filter(({ name }) => !there.has(name) && name !== first.name);
  if (copies.length > 0) {
    say(`copying it ${String(copies.length)} times`);
    await incus.try(["stop", "-f", first.name]);
    for (const { name, ip } of copies) {
      const device = ["-d", `eth0,ipv4.address=${ip}`, "-d", `eth0,hwaddr=${macOf(ip)}`];
      const config = ["-c", `user.lbctl-lab.address=${ip}`, ...device];
      await incus.run(["copy", first.name, name, ...config]);
    }
  }
  const running = await existing(context, "status=running");
  for (const { name } of members) if (!running.has(name)) await incus.run(["start", name]);
  let hostKey = "";
  for (const member of members) hostKey = await waitUntilUp(incus, member);
  return { hosts: members.map(({ name, ip }) => ({ name, address: ip })), key: paths.key, hostKey };
}

/** Deletes every host of the bench. */
export async function removeHosts(): Promise<void> {
  const context = labContext();
  for (const name of await existing(context)) await context.incus.run(["delete", "-f", name]);
}

/** Addresses above those that the lab gives its own. */
function memberOf(number: number, subnet: string): Member {
  return { name: `${prefix}-${String(number)}`, role: "lb", ip: `${subnet}.${String(220 + number)}` };
}

async function existing({ incus }: LabContext, ...filter: string[]): Promise<Set<string>> {
  const rows = (await incus.run(["list", "--format", "csv", "-c", "n", ...filter])).trim().split("\n");
  return new Set(rows.filter((name) => name.startsWith(`${prefix}-`)));
}

async function makeFirst(member: Member, context: LabContext): Promise<void> {
  const { incus, paths } = context;
  const images = await describeImages("2.6");
  await ensureImages("2.6", images, await incus.imageAliases(), { ...context, progress: () => undefined });
  const publicKey = await readFile(`${paths.key}.pub`, "utf8");
  const want = wantInstance(member, images, "2.6", publicKey);
  const config = Object.fromEntries(Object.entries(want.config).filter(([key]) => key !== labTag));
  await createInstance(incus, { ...want, config }, "2.6");
  await waitUntilUp(incus, member);
  const packages = await pythonPackages(member.name, context);
  const inside = ["exec", member.name, "-T", "--", "sh", "-c", prepareScript];
  await incus.run(inside, { input: packages, timeoutMs: 300_000 });
  const apt = ["exec", member.name, "-T", "--", "sh", "-c", aptScript];
  await incus.run(apt, { input: await packageLists(context), timeoutMs: 300_000 });
}

/** A tar of this machine's lists of Debian's packages, and of the sources they come from. */
async function packageLists({ shell }: LabContext): Promise<Uint8Array> {
  const folder = await mkdtemp(join(tmpdir(), "lbctl-bench-"));
  try {
    const tar = join(folder, "lists.tar");
    const script = `cd / && tar --exclude=partial --exclude=lock -cf "$0" etc/apt/sources.list* var/lib/apt/lists`;
    expectSuccess(await shell.run(["sh", "-c", script, tar]), "packing apt's lists");
    return await readFile(tar);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** A tar of the Debian packages that the host lacks for Ansible, fetched by this machine's apt. */
async function pythonPackages(host: string, { incus, shell }: LabContext): Promise<Uint8Array> {
  const folder = await mkdtemp(join(tmpdir(), "lbctl-bench-"));
  try {
    await mkdir(join(folder, "archives", "partial"), { recursive: true });
    await writeFile(
      join(folder, "status"),
      await incus.run(["exec", host, "--", "cat", "/var/lib/dpkg/status"]),
    );
    const options = [`Dir::State::status=${folder}/status`, `Dir::Cache::archives=${folder}/archives`];
    const words = ["Debug::NoLocking=1", "APT::Sandbox::User=root", ...options].flatMap((option) => [
      "-o",
      option,
    ]);
    const install = ["install", "-y", "--download-only", "--no-install-recommends", "python3", "python3-apt"];
    const fetched = await shell.run(["apt-get", ...words, ...install]);
    expectSuccess(
      fetched,
      "fetching python3 for the hosts",
      "This machine must run the hosts' release, Debian 12.",
    );
    const tar = join(folder, "packages.tar");
    expectSuccess(
      await shell.run([
        "tar",
        "-C",
        join(folder, "archives"),
        "--exclude=partial",
        "--exclude=lock",
        "-cf",
        tar,
        ".",
      ]),
      "packing",
    );
    return await readFile(tar);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** A host of a fleet has Debian's lists, for its updates, and a package check through apt's library reads them. */
const aptScript = `set -e
rm -rf /etc/apt/sources.list /etc/apt/sources.list.d /var/lib/apt/lists
tar -x -C / -f -
apt-get -q check >/dev/null
[ "$(apt-cache stats | sed -n 's/^Total package names: \\([0-9]*\\).*/\\1/p')" -gt 50000 ] || {
  echo "this machine has no lists of Debian's packages: run apt-get update" >&2; exit 1; }`;

/** Two more HAProxy services beside Debian's: the same unit with paths of its own. */
const prepareScript = `set -e
mkdir /tmp/packages
tar -x -C /tmp/packages -f -
chmod -R a+rX /tmp/packages
export DEBIAN_FRONTEND=noninteractive
apt-get -q update >/dev/null
apt-get -qy install --no-install-recommends haproxy /tmp/packages/*.deb >/dev/null
rm -r /tmp/packages
for own in ansible bare; do
  mkdir -p /etc/haproxy-$own/lists /etc/haproxy-$own/maps
  # a start without a configuration fails, and five such forbid any further one
  sed -e "s#/etc/haproxy#/etc/haproxy-$own#g" -e "s#/run/haproxy#/run/haproxy-$own#g" \\
    -e "s#^\\[Unit\\]#&\\nConditionPathExists=/etc/haproxy-$own/haproxy.cfg#" \\
    /lib/systemd/system/haproxy.service > /etc/systemd/system/haproxy-$own.service
  echo "d /run/haproxy-$own 2775 haproxy haproxy -" > /etc/tmpfiles.d/haproxy-$own.conf
done
systemd-tmpfiles --create
systemctl daemon-reload
systemctl enable -q haproxy-ansible haproxy-bare`;
