import { LbctlError } from "../errors.ts";
import { labName, labTag, type Incus } from "./incus.ts";
import { everyMember } from "./members.ts";

/** The lab's own objects in Incus that hold no instance. */
export interface LabObjects {
  readonly project: boolean;
  readonly pool: boolean;
  readonly profile: boolean;
  /** The bridge's first three numbers, when there is one. */
  readonly subnet: string | undefined;
}

const tag = `${labTag}=1`;
const paths = {
  network: `/1.0/networks/${labName}`,
  pool: `/1.0/storage-pools/${labName}`,
  project: `/1.0/projects/${labName}`,
  profile: `/1.0/profiles/${labName}?project=${labName}`,
};

/** Looks, and refuses objects of this name that somebody else made. */
export async function findObjects(incus: Incus): Promise<LabObjects> {
  const [network, pool, project] = await Promise.all([
    incus.get(paths.network),
    incus.get(paths.pool),
    incus.get(paths.project),
  ]);
  const profile = project && (await incus.get(paths.profile));
  for (const [kind, object] of Object.entries({ network, pool, project, profile })) {
    if (object && object.config[labTag] === undefined) {
      throw new LbctlError("invalid", {
        what: `Incus has a ${kind} ${labName} that the lab did not make`,
        hint: `Rename or delete it; the lab marks its own with ${labTag}.`,
      });
    }
  }
  const address = network?.config["ipv4.address"];
  return {
    project: project !== undefined,
    pool: pool !== undefined,
    profile: profile !== undefined,
    subnet: address?.split(".").slice(0, 3).join("."),
  };
}

/** Creates what is missing. The bridge leads nowhere: no NAT, no routing, no firewall rules, no IPv6. */
export async function createObjects(incus: Incus, has: LabObjects, subnet: string): Promise<void> {
  const names = everyMember(subnet).map(({ name, ip }) => `host-record=${name}.lab,${name},${ip}`);
  const network = [
    "--type=bridge",
    `ipv4.address=${subnet}.1/24`,
    "ipv4.nat=false",
    "ipv4.routing=false",
    "ipv4.firewall=false",
    "ipv6.address=none",
    "ipv6.firewall=false",
    "dns.domain=lab",
    // its own names only, and no default route
    `raw.dnsmasq=${["no-resolv", "dhcp-option=3", ...names].join("\n")}`,
  ];
  await Promise.all([
    has.subnet === undefined ? global(incus, ["network", "create", labName, ...network, tag]) : undefined,
    has.pool ? undefined : createPool(incus),
    has.project
      ? undefined
      : global(incus, ["project", "create", labName, "-c", "features.networks=false", "-c", tag]),
  ]);
  if (has.profile) return;
  const profile = {
    config: { "boot.autostart": "false", [labTag]: "1" },
    devices: {
      root: { type: "disk", path: "/", pool: labName },
      eth0: { type: "nic", name: "eth0", network: labName },
    },
  };
  await incus.run(["profile", "create", labName], { input: JSON.stringify(profile) });
}

async function createPool(incus: Incus): Promise<void> {
  // btrfs clones an image at once; dir copies it
  const driver = (await incus.storageDrivers()).includes("btrfs") ? ["btrfs", "size=8GiB"] : ["dir"];
  await global(incus, ["storage", "create", labName, ...driver, tag]);
}

/** Deletes each object of the lab that is there, users before what they use. */
export async function deleteObjects(incus: Incus): Promise<void> {
  const has = await findObjects(incus);
  if (has.project) {
    const aliases = await incus.imageAliases();
    if (aliases.length > 0) await incus.run(["image", "delete", ...aliases]);
    if (has.profile) await incus.run(["profile", "delete", labName]);
    await global(incus, ["project", "delete", labName]);
  }
  if (has.subnet !== undefined) await global(incus, ["network", "delete", labName]);
  if (has.pool) await global(incus, ["storage", "delete", labName]);
}

/** Networks, pools and projects belong to the server: the lab's project may not be there yet, or no longer. */
async function global(incus: Incus, args: readonly string[]): Promise<void> {
  await incus.run(args, { env: { INCUS_PROJECT: "default" } });
}
