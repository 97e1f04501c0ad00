import { existsSync } from "node:fs";
import { labName, labTag, type Incus, type IncusInstance } from "./incus.ts";
import type { LabImages } from "./images.ts";
import type { HaproxyRelease, Member } from "./members.ts";
import { imageKind } from "./releases.ts";

/** An instance as it should be. Its own keys in `config` are compared, so that a change of any makes it anew. */
export interface WantedInstance {
  readonly member: Member;
  readonly image: string;
  readonly config: Readonly<Record<string, string>>;
}

/** What must happen to the instances. */
export interface InstanceChanges {
  readonly remove: readonly string[];
  readonly create: readonly string[];
  readonly start: readonly string[];
}

const ownerKey = "user.lbctl-lab.owner";
const imageKey = "user.lbctl-lab.image";
const hostKeyKey = "user.lbctl-lab.host-key";

/** Pure. */
export function wantInstance(
  member: Member,
  images: LabImages,
  haproxy: HaproxyRelease,
  publicKey: string,
): WantedInstance {
  const image = images[imageKind(member.role)].alias;
  const config = {
    [labTag]: member.role,
    [ownerKey]: ownUser(),
    [imageKey]: image,
    "user.lbctl-lab.haproxy": haproxy,
    "user.lbctl-lab.ssh-key": publicKey.trim(),
    "user.lbctl-lab.address": member.ip,
    "user.lbctl-lab.dns": member.ip.replace(/\d+$/, "1"),
    ...(member.port === undefined ? {} : { "user.lbctl-lab.port": String(member.port) }),
  };
  return { member, image, config };
}

/** The user id of somebody else whose lab this is. */
export function otherOwner(existing: readonly IncusInstance[]): string | undefined {
  return existing
    .map(({ config }) => config[ownerKey])
    .find((owner) => owner !== undefined && owner !== ownUser());
}

/** Whether the lab made it, for itself or for a bench, which takes the lab's mark off. */
export function isMadeByLab({ config }: IncusInstance): boolean {
  return config[labTag] !== undefined || config[ownerKey] !== undefined;
}

function ownUser(): string {
  return String(process.getuid?.() ?? "");
}

/** Pure: an instance that is not as wanted is removed and made anew. */
export function planInstances(
  wanted: readonly WantedInstance[],
  existing: readonly IncusInstance[],
): InstanceChanges {
  const byName = new Map(wanted.map((each) => [each.member.name, each]));
  const isRight = (instance: IncusInstance): boolean => {
    const want = byName.get(instance.name);
    if (!want) return false;
    const sameConfig = Object.entries(want.config).every(([key, value]) => instance.config[key] === value);
    return sameConfig && instance.devices.eth0?.["ipv4.address"] === want.member.ip;
  };
  const right = existing.filter(isRight);
  const names = new Set(right.map((instance) => instance.name));
  return {
    remove: existing.filter((instance) => !isRight(instance)).map((instance) => instance.name),
    create: [...byName.keys()].filter((name) => !names.has(name)),
    start: right.filter((instance) => instance.status !== "Running").map((instance) => instance.name),
  };
}

export async function createInstance(
  incus: Incus,
  want: WantedInstance,
  haproxy: HaproxyRelease,
): Promise<void> {
  const { member, image } = want;
  const config = { ...want.config, ...legacyCgroups(haproxy) };
  const address = ["-d", `eth0,ipv4.address=${member.ip}`, "-d", `eth0,hwaddr=${macOf(member.ip)}`];
  await incus.run([
    ...["launch", "-q", image, member.name, "-p", labName, ...address],
    ...Object.entries(config).flatMap(([key, value]) => ["-c", `${key}=${value}`]),
  ]);
}

/** One address, one MAC: else this machine goes on speaking to the container that had the address before. */
export function macOf(ip: string): string {
  const last = ip
    .split(".")
    .slice(1)
    .map((part) => Number(part).toString(16).padStart(2, "0"));
  return ["10", "66", "6a", ...last].join(":");
}

/** systemd 256 and later refuse to boot on a machine with the old cgroup hierarchy unless told not to. */
function legacyCgroups(haproxy: HaproxyRelease): Record<string, string> {
  if (haproxy === "2.6" || existsSync("/sys/fs/cgroup/cgroup.controllers")) return {};
  return { "environment.SYSTEMD_PROC_CMDLINE": "SYSTEMD_CGROUP_ENABLE_LEGACY_FORCE=1" };
}

export async function deleteInstances(incus: Incus, names: readonly string[]): Promise<void> {
  await Promise.all(names.map((name) => incus.run(["delete", "-f", name])));
}

export async function startInstance(incus: Incus, name: string): Promise<void> {
  await incus.run(["start", name]);
}

/** Waits inside the container until sshd (and a demo backend) is up; the public host key, read without the network. */
export async function waitUntilUp(incus: Incus, member: Member): Promise<string> {
  const units = member.port === undefined ? "ssh" : "ssh demo-backend";
  const script = `n=0
until [ "$(systemctl is-active ${units} 2>/dev/null | sort -u)" = active ] && ip -4 -o addr show dev eth0 | grep -q "inet ${member.ip}/"; do
  n=$((n + 1))
  [ $n -lt 300 ] || { systemctl --failed --no-legend; exit 1; }
  sleep 0.1
done
cat /etc/ssh/ssh_host_ed25519_key.pub`;
  const key = await incus.run(["exec", member.name, "-T", "--", "sh", "-c", script], { timeoutMs: 60_000 });
  return key.trim().split(" ").slice(0, 2).join(" ");
}

/** One that a drill stopped, say. Nothing where it runs, or cannot: whoever waits for it will tell. */
export async function startBackend(incus: Incus, name: string): Promise<void> {
  await incus.try(["exec", name, "-T", "--", "systemctl", "start", "demo-backend"]);
}

export async function rememberHostKey(incus: Incus, name: string, hostKey: string): Promise<void> {
  await incus.run(["config", "set", name, `${hostKeyKey}=${hostKey}`]);
}

export function hostKeyOf(instance: IncusInstance): string | undefined {
  return instance.config[hostKeyKey];
}

export function imageOf(instance: IncusInstance): string {
  return instance.config[imageKey] ?? "";
}
