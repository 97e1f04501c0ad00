import { createHash } from "node:crypto";
import type { HaproxyRelease, MemberRole } from "./members.ts";

/** A Debian release that has an HAProxy to practise on. */
export interface Release {
  readonly haproxy: HaproxyRelease;
  readonly codename: string;
  readonly version: string;
}

export type ImageKind = "lb" | "backend";

const releases: Readonly<Record<HaproxyRelease, Release>> = {
  "2.6": { haproxy: "2.6", codename: "bookworm", version: "12" },
  "3.0": { haproxy: "3.0", codename: "trixie", version: "13" },
};

export function releaseOf(haproxy: HaproxyRelease): Release {
  return releases[haproxy];
}

export function imageKind(role: MemberRole): ImageKind {
  return role === "lb" ? "lb" : "backend";
}

/** Everything else is Essential or drawn in by these. */
export const basePackages = ["usr-is-merged", "systemd-sysv", "openssh-server", "iproute2"];
/** Where an image keeps its only package archive. */
export const archiveFolder = "/srv/lbctl-archive";
/** Installed in backends only, from packages that are fetched with the base. */
export const backendPackages = ["python3"];
export const haproxyPackages = ["haproxy"];

interface OverlayFile {
  readonly path: string;
  readonly text: string;
}

/** What an image has on top of Debian's packages. */
export function overlay(release: Release): readonly OverlayFile[] {
  const lines = (...each: readonly string[]): string => `${each.join("\n")}\n`;
  const sshd = [
    "HostKey /etc/ssh/ssh_host_ed25519_key",
    "LogLevel VERBOSE",
    "UseDNS no",
    "PasswordAuthentication no",
    // a drill breaks connections on purpose; sshd 9.8 and later would lock its operator out
    ...(release.haproxy === "2.6" ? [] : ["PerSourcePenalties no"]),
  ];
  const makeKey =
    "/bin/sh -c '[ -s /etc/ssh/ssh_host_ed25519_key ] || ssh-keygen -q -t ed25519 -N \"\" -f /etc/ssh/ssh_host_ed25519_key'";
  return [
    { path: "etc/ssh/sshd_config.d/10-lab.conf", text: lines(...sshd) },
    {
      path: "etc/systemd/system/ssh.service.d/10-host-key.conf",
      text: lines("[Service]", "ExecStartPre=", `ExecStartPre=${makeKey}`, "ExecStartPre=/usr/sbin/sshd -t"),
    },
    { path: "etc/systemd/system/lab-network.service", text: networkUnit },
    {
      path: "etc/apt/sources.list.d/lbctl-lab.list",
      text: lines(`deb [trusted=yes] file:${archiveFolder} ./`),
    },
    // else apt looks for translations that the archive does not have
    { path: "etc/apt/apt.conf.d/10-lab", text: lines('Acquire::Languages "none";') },
  ];
}

// systemd's own network daemon would want udev
const networkUnit = `[Unit]
Description=The address of this host in the lbctl lab
DefaultDependencies=no
Before=network.target
Wants=network.target

[Service]
Type=oneshot
RemainAfterExit=yes
EnvironmentFile=/etc/default/lab-network
ExecStart=/bin/sh -c 'ip address replace "$ADDRESS"/24 broadcast + dev eth0 && ip link set eth0 up'

[Install]
WantedBy=multi-user.target
`;

export const enabledUnits = ["lab-network.service"];
export const maskedUnits = [
  // a container loads no modules, and Debian 13's fails for want of them
  "systemd-modules-load.service",
  "systemd-timesyncd.service",
  "apt-daily.timer",
  "apt-daily-upgrade.timer",
  "dpkg-db-backup.timer",
  "e2scrub_all.timer",
  "e2scrub_reap.service",
  "fstrim.timer",
  "sshd-keygen.service",
];

export const backendUnit = `[Unit]
Description=Demo backend of the lbctl lab
After=network.target

[Service]
EnvironmentFile=/etc/default/demo-backend
ExecStart=/usr/bin/python3 /srv/demo-backend.py
Restart=always
RestartSec=200ms
LimitNOFILE=65536

[Install]
WantedBy=multi-user.target
`;

/** Changes whenever a root file system made by `buildRootfs` would. */
export function rootfsName(release: Release, kind: ImageKind): string {
  const recipe = [
    basePackages,
    haproxyPackages,
    backendPackages,
    overlay(release),
    enabledUnits,
    maskedUnits,
    backendUnit,
  ];
  return `debian-${release.version}-${kind}-${hash(JSON.stringify([recipeNumber, recipe]))}`;
}

/** Raised when the way of building changes and the recipe's data do not show it. */
const recipeNumber = 1;

export function hash(text: string): string {
  return createHash("sha256").update(text).digest("hex").slice(0, 8);
}
