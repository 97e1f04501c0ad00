import { access, constants } from "node:fs/promises";
import { join } from "node:path";
import { LbctlError } from "../errors.ts";
import { formatDeb822, backportsOf, readAptSources } from "./apt-sources.ts";
import { readIfThere } from "./files.ts";
import { labName } from "./incus.ts";
import type { Shell } from "./shell.ts";
import type { AddedLine } from "./state.ts";

/** What the lab needs to know of the machine before it changes anything. */
export interface MachineFacts {
  readonly hasApt: boolean;
  readonly daemonAnswers: boolean;
  /** Programs that were found, of `toolPackages`. */
  readonly tools: readonly string[];
  readonly kernelHasBtrfs: boolean;
  /** Whether an image must be built first. */
  readonly needsBuild: boolean;
  /** Whether apt already knows a package that has Incus. */
  readonly aptHasIncus: boolean;
  /** The text of a source for Debian's backports suite, when the machine's sources name its archive. */
  readonly backports: string | undefined;
  readonly subuid: string;
  readonly subgid: string;
  readonly inotifyInstances: number;
  /** The first three numbers of the bridge that is there, or that would be made. */
  readonly subnet: string;
  readonly hasNetwork: boolean;
  readonly hasPool: boolean;
}

/** What must change on the machine. Empty parts stay out. */
export interface MachineChanges {
  readonly aptSource?: { readonly file: string; readonly text: string };
  readonly packages: readonly string[];
  readonly lines: readonly AddedLine[];
  readonly sysctl?: { readonly previous: number; readonly set: number };
  readonly startDaemon: boolean;
  readonly createNetwork: boolean;
  readonly createPool: boolean;
}

// systemd in each container takes some; at the kernel's 128 about the tenth container dies at boot
const wantedInotifyInstances = 1024;

const daemonTools = { incusd: "incus-base", dnsmasq: "dnsmasq-base" };
const buildTools = { mmdebstrap: "mmdebstrap", mksquashfs: "squashfs-tools" };
const toolPackages: Readonly<Record<string, string>> = {
  incus: "incus-client",
  "ssh-keygen": "openssh-client",
  "mkfs.btrfs": "btrfs-progs",
  ...daemonTools,
  ...buildTools,
};
const toolFolders = ["/usr/sbin", "/usr/bin", "/sbin", "/bin", "/usr/libexec/incus", "/opt/incus/bin"];

const backportsFile = `/etc/apt/sources.list.d/${labName}-backports.sources`;

/** Pure: facts in, changes out. */
export function planMachine(facts: MachineFacts): MachineChanges {
  const wanted = ["incus", "ssh-keygen", "dnsmasq"];
  if (!facts.daemonAnswers) wanted.push("incusd", ...(facts.kernelHasBtrfs ? ["mkfs.btrfs"] : []));
  if (facts.needsBuild) wanted.push("mmdebstrap", "mksquashfs");
  const missing = wanted.filter((tool) => !facts.tools.includes(tool));
  const packages = missing.flatMap((tool) => toolPackages[tool] ?? []).sort();
  if (packages.length > 0 && !facts.hasApt) {
    throw new LbctlError("invalid", {
      what: `this machine has no ${missing.join(", ")}, and no apt to install them with`,
      hint: "Install them yourself, or use a Debian or Ubuntu machine.",
    });
  }
  const needsBackports = packages.some((name) => name.startsWith("incus")) && !facts.aptHasIncus;
  if (needsBackports && facts.backports === undefined) {
    throw new LbctlError("invalid", {
      what: "apt knows no package incus-base, and this release's backports are not known",
      hint: "Install Incus yourself, then run `lbctl lab up` again.",
    });
  }
  const line = "root:1000000:1000000000";
  const files = [
    ["/etc/subuid", facts.subuid],
    ["/etc/subgid", facts.subgid],
  ] as const;
  const lines = facts.daemonAnswers
    ? []
    : files.filter(([, text]) => !/^root:/m.test(text)).map(([file]) => ({ file, line }));
  const raise = facts.inotifyInstances < wantedInotifyInstances;
  return {
    ...(needsBackports && facts.backports
      ? { aptSource: { file: backportsFile, text: facts.backports } }
      : {}),
    packages,
    lines,
    ...(raise ? { sysctl: { previous: facts.inotifyInstances, set: wantedInotifyInstances } } : {}),
    startDaemon: !facts.daemonAnswers,
    createNetwork: !facts.hasNetwork,
    createPool: !facts.hasPool,
  };
}

/** Pure: why Incus cannot run on this platform; the texts are those of /proc/self. A privileged container may try. */
export function findObstacle(platform: string, status: string, uidMap: string): string | undefined {
  if (platform !== "linux") return `containers need Linux, and this is ${platform}`;
  const allowed = BigInt(`0x${/^CapBnd:\s*([0-9a-f]+)$/m.exec(status)?.[1] ?? "0"}`);
  // CAP_SYS_ADMIN, capabilities(7)
  if ((allowed >> 21n) % 2n === 0n) return "this is a container without the right to mount (CAP_SYS_ADMIN)";
  if (!/^\s*0\s+0\s+4294967295\s*$/.test(uidMap)) return "this is a container whose user ids are mapped";
  return undefined;
}

/** Throws LbctlError `invalid` where no Incus daemon could start containers. */
export async function expectIncusPossible(): Promise<void> {
  const [status = "", uidMap = ""] = [
    await readIfThere("/proc/self/status"),
    await readIfThere("/proc/self/uid_map"),
  ];
  const obstacle = findObstacle(process.platform, status, uidMap);
  if (obstacle === undefined) return;
  throw new LbctlError("invalid", {
    what: `Incus cannot run here: ${obstacle}`,
    hint: "Use a Linux machine, real or virtual, or start an Incus daemon that answers here. Nothing was changed.",
  });
}

/** An installation as sentences, for the question before it. */
export function describeInstall(packages: readonly string[]): readonly string[] {
  return [
    `install the packages ${packages.join(", ")}, and what they depend on`,
    "keep the present version of each package that these need a newer one of, to put it back later",
  ];
}

/** The changes as sentences, for the question before them. */
export function describeChanges(changes: MachineChanges, subnet: string): readonly string[] {
  const { aptSource, packages, lines, sysctl } = changes;
  return [
    ...(aptSource ? [`add Debian's backports suite as an apt source (${aptSource.file})`] : []),
    ...(packages.length > 0 ? describeInstall(packages) : []),
    ...lines.map((each) => `add the line "${each.line}" to ${each.file}`),
    ...(sysctl ? [`set fs.inotify.max_user_instances from ${sysctl.previous} to ${sysctl.set}`] : []),
    ...(changes.startDaemon ? ["start the Incus daemon"] : []),
    ...(changes.createNetwork
      ? [`create the network bridge ${labName} with ${subnet}.1/24, which leads nowhere but the lab`]
      : []),
    ...(changes.createPool ? [`create the Incus storage pool, project and profile ${labName}`] : []),
  ];
}

export async function findTools(): Promise<readonly string[]> {
  const folders = [...new Set([...(process.env.PATH ?? "").split(":").filter(Boolean), ...toolFolders])];
  const isThere = async (tool: string): Promise<boolean> => {
    const tries = folders.map((folder) => access(join(folder, tool), constants.X_OK));
    return await Promise.any(tries).then(
      () => true,
      () => false,
    );
  };
  const tools = Object.keys(toolPackages);
  const found = await Promise.all(tools.map(isThere));
  return tools.filter((_, index) => found[index]);
}

type AptFacts = Pick<MachineFacts, "hasApt" | "aptHasIncus" | "backports">;

/** Asked only when something is missing, since apt is slow to answer. */
export async function readAptFacts(shell: Shell): Promise<AptFacts> {
  const codename = await debianCodename();
  const policy = await shell.run(["apt-cache", "policy", "incus-base"]);
  const backports = codename === undefined ? undefined : backportsOf(await readAptSources(), codename);
  return {
    hasApt: policy.exitCode === 0,
    aptHasIncus: /Candidate: (?!\(none\))/.test(policy.stdout),
    backports: backports && formatDeb822([backports]),
  };
}

/** The machine's own release, when it is Debian. */
export async function debianCodename(): Promise<string | undefined> {
  const release = (await readIfThere("/etc/os-release")) ?? "";
  return /^ID="?debian"?$/m.test(release) ? /^VERSION_CODENAME="?(\w+)/m.exec(release)?.[1] : undefined;
}

export async function kernelHasBtrfs(shell: Shell): Promise<boolean> {
  if (/\bbtrfs$/m.test((await readIfThere("/proc/filesystems")) ?? "")) return true;
  return (await shell.run(["/sbin/modprobe", "-n", "-q", "btrfs"])).exitCode === 0;
}
