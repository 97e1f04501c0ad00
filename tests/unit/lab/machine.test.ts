import { describe, expect, test } from "vitest";
import { LbctlError } from "../../../src/errors.ts";
import { describeChanges, findObstacle, planMachine, type MachineFacts } from "../../../src/lab/machine.ts";

const everyTool = ["incus", "ssh-keygen", "mkfs.btrfs", "incusd", "dnsmasq", "mmdebstrap", "mksquashfs"];

const ready: MachineFacts = {
  hasApt: true,
  daemonAnswers: true,
  tools: everyTool,
  kernelHasBtrfs: true,
  needsBuild: false,
  aptHasIncus: true,
  backports: undefined,
  subuid: "root:1000000:1000000000\n",
  subgid: "root:1000000:1000000000\n",
  inotifyInstances: 1024,
  subnet: "10.214.7",
  hasNetwork: true,
  hasPool: true,
};

const bare: MachineFacts = {
  ...ready,
  daemonAnswers: false,
  tools: ["ssh-keygen"],
  needsBuild: true,
  aptHasIncus: false,
  backports: "Types: deb\n",
  subuid: "",
  subgid: "someone:1:2\n",
  inotifyInstances: 128,
  hasNetwork: false,
  hasPool: false,
};

function describePlan(facts: MachineFacts): readonly string[] {
  return describeChanges(planMachine(facts), facts.subnet);
}

describe("what the lab changes on the machine", () => {
  test("nothing, when everything is there", () => {
    expect(describePlan(ready)).toEqual([]);
  });

  test("all of it is said, on a machine that has nothing", () => {
    expect(describePlan(bare)).toEqual([
      "add Debian's backports suite as an apt source (/etc/apt/sources.list.d/lbctl-lab-backports.sources)",
      "install the packages btrfs-progs, dnsmasq-base, incus-base, incus-client, mmdebstrap, squashfs-tools, and what they depend on",
      "keep the present version of each package that these need a newer one of, to put it back later",
      'add the line "root:1000000:1000000000" to /etc/subuid',
      'add the line "root:1000000:1000000000" to /etc/subgid',
      "set fs.inotify.max_user_instances from 128 to 1024",
      "start the Incus daemon",
      "create the network bridge lbctl-lab with 10.214.7.1/24, which leads nowhere but the lab",
      "create the Incus storage pool, project and profile lbctl-lab",
    ]);
  });

  test("a running daemon keeps its own idmaps and storage tools", () => {
    const changes = planMachine({
      ...ready,
      tools: ["incus", "ssh-keygen", "dnsmasq"],
      subuid: "",
      subgid: "",
    });
    expect(changes).toMatchObject({ packages: [], lines: [], startDaemon: false });
  });

  test("the tools that build images are wanted only when an image must be built", () => {
    const tools = everyTool.filter((tool) => !["mmdebstrap", "mksquashfs"].includes(tool));
    expect(planMachine({ ...ready, tools }).packages).toEqual([]);
    const packages = planMachine({ ...ready, tools, needsBuild: true }).packages;
    expect(packages).toEqual(["mmdebstrap", "squashfs-tools"]);
  });

  test("backports are not added when apt has Incus without them", () => {
    expect(planMachine({ ...bare, aptHasIncus: true })).not.toHaveProperty("aptSource");
  });

  test("a higher inotify limit than the lab needs is left alone", () => {
    expect(planMachine({ ...ready, inotifyInstances: 8192 })).not.toHaveProperty("sysctl");
  });

  test("a machine without apt is told what to install", () => {
    expect(() => planMachine({ ...bare, hasApt: false })).toThrow(LbctlError);
    expect(() => planMachine({ ...bare, hasApt: false })).toThrow(/incus.*no apt/);
  });

  test("a release without Incus and without known backports is refused", () => {
    expect(() => planMachine({ ...bare, backports: undefined })).toThrow(/incus-base/);
  });
});

const full = "CapEff:\t000001ffffffffff\nCapBnd:\t000001ffffffffff\nCapAmb:\t0000000000000000\n";
const identity = "         0          0 4294967295\n";

test.each([
  ["a machine", "linux", full, identity, undefined],
  ["a Mac", "darwin", "", "", "containers need Linux, and this is darwin"],
  // the bounding set that Docker and Podman give by default
  ["a Docker container", "linux", "CapBnd:\t00000000a80425fb\n", identity, "without the right to mount"],
  ["an unprivileged container", "linux", full, "0 1000000 1000000000\n", "whose user ids are mapped"],
])("whether Incus can run on %s", (_, platform, status, uidMap, obstacle) => {
  const found = findObstacle(platform, status, uidMap);
  if (obstacle === undefined) expect(found).toBeUndefined();
  else expect(found).toContain(obstacle);
});
