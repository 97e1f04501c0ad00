import type { ChildProcess } from "node:child_process";
import { addressOf, incus, output } from "../support/lab.ts";

/** What breaks while an apply waits before a step. */
export interface Fault {
  readonly name: string;
  /** Before lbctl starts. */
  readonly prepare?: (host: string) => Promise<void>;
  readonly strike: (host: string, lbctl: ChildProcess) => Promise<void>;
  /** The host goes on with its step only after this long. */
  readonly heldMs?: number;
  /** It lasts until the host has decided, and this long at least. */
  readonly lastsMs?: number;
  readonly lift?: (host: string, lbctl: ChildProcess) => Promise<void>;
  /** After all has been looked at. */
  readonly tidy?: (host: string) => Promise<void>;
  /** The load balancer itself is away meanwhile, so requests fail. */
  readonly away?: boolean;
}

/** A sign of life each 250 ms, and the end of a lease after 3 s of silence. */
export const leaseMs = "250,3000";
const longerThanLeaseMs = 4000;

const state = "/var/lib/lbctl/haproxy";
const up =
  "i=0; until systemctl is-active -q ssh && systemctl is-active -q haproxy; do i=$((i + 1)); [ $i -lt 600 ] || exit 1; sleep 0.1; done";
/** Where lbctl comes from, as a host sees it: this machine's address on the lab's network. */
const operatorOf = (host: string): string => addressOf(host).replace(/\d+$/, "1");

/** Files that were copied are newer than what HAProxy has loaded of them, and that is a change. */
const loadAnew = "systemctl reload haproxy";

export const faults: readonly Fault[] = [
  {
    name: "kill",
    strike: (_, lbctl) => {
      lbctl.kill("SIGKILL");
      return Promise.resolve();
    },
  },
  {
    // for so long that a lease ends before the step begins, or the commit goes on without one
    name: "stop",
    strike: (_, lbctl) => {
      lbctl.kill("SIGSTOP");
      return Promise.resolve();
    },
    heldMs: longerThanLeaseMs,
    lift: (_, lbctl) => {
      lbctl.kill("SIGCONT");
      return Promise.resolve();
    },
  },
  {
    // no packet comes or goes between lbctl and the host, silently; clients and servers are elsewhere. The steps go on
    // at once, so they come to the swap while the lease still lasts.
    name: "link",
    strike: async (host) => {
      await output(
        host,
        `echo 1 >/proc/sys/net/ipv4/conf/eth0/rp_filter; ip route add blackhole ${operatorOf(host)}/32`,
      );
    },
    lastsMs: longerThanLeaseMs,
    lift: async (host) => {
      await output(
        host,
        `ip route del blackhole ${operatorOf(host)}/32; echo 0 >/proc/sys/net/ipv4/conf/eth0/rp_filter`,
      );
    },
  },
  {
    // the one that listens, and each that has a session
    name: "sshd",
    strike: async (host) => {
      await output(host, "kill -9 $(pgrep -x 'sshd|sshd-session')");
    },
    lift: async (host) => {
      await output(host, up);
    },
  },
  {
    // lbctl's state on a small file system of its own, which is full to the last byte
    name: "disk",
    prepare: async (host) => {
      await output(
        host,
        `set -e; mount -t tmpfs -o size=16m tmpfs /mnt; cp -a ${state}/. /mnt; mount --bind /mnt ${state}; umount /mnt; ${loadAnew}`,
      );
    },
    strike: async (host) => {
      await output(host, `head -c 32M /dev/zero >${state}/filler 2>/dev/null || :`);
    },
    lift: async (host) => {
      await output(host, `rm ${state}/filler`);
    },
    tidy: async (host) => {
      await output(
        host,
        `set -e; cp -a ${state} /run/lbctl-kept; umount -l ${state}; find ${state} -mindepth 1 -delete; cp -a /run/lbctl-kept/. ${state}; rm -r /run/lbctl-kept; ${loadAnew}`,
      );
    },
  },
  {
    name: "reboot",
    strike: async (host) => {
      await incus("restart", "--force", host);
      await output(host, up);
    },
    away: true,
  },
];
