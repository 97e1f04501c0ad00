import { describe, expect, test } from "vitest";
import { imageMetadata } from "../../../src/lab/image-metadata.ts";
import type { IncusInstance } from "../../../src/lab/incus.ts";
import {
  isMadeByLab,
  otherOwner,
  planInstances,
  wantInstance,
  type WantedInstance,
} from "../../../src/lab/instances.ts";
import { labMembers, type HaproxyRelease } from "../../../src/lab/members.ts";
import { releaseOf } from "../../../src/lab/releases.ts";

function want(
  haproxy: HaproxyRelease = "2.6",
  lb = 1,
  key = "ssh-ed25519 AAAA lab",
  script = "print()",
): readonly WantedInstance[] {
  const release = releaseOf(haproxy);
  const images = {
    lb: imageMetadata(release, "lb", script),
    backend: imageMetadata(release, "backend", script),
  };
  const members = labMembers({ lb, api: 1, stream: 1, haproxy }, "10.214.7");
  return members.map((member) => wantInstance(member, images, haproxy, key));
}

function running(wanted: readonly WantedInstance[]): readonly IncusInstance[] {
  return wanted.map(({ member, config }) => ({
    name: member.name,
    status: "Running",
    config: { ...config, "volatile.uuid": "x" },
    devices: { eth0: { "ipv4.address": member.ip } },
  }));
}

describe("what happens to the instances", () => {
  test("nothing, when all are as wanted", () => {
    expect(planInstances(want(), running(want()))).toEqual({ remove: [], create: [], start: [] });
  });

  test("the lab of another user is not taken over", () => {
    expect(otherOwner(running(want()))).toBeUndefined();
    const theirs = running(want()).map((each) => ({
      ...each,
      config: { ...each.config, "user.lbctl-lab.owner": "4711" },
    }));
    expect(otherOwner(theirs)).toBe("4711");
  });

  test("what somebody made in the lab's project is not the lab's", () => {
    const [one] = running(want());
    expect(one && isMadeByLab(one)).toBe(true);
    expect(one && isMadeByLab({ ...one, config: { "volatile.uuid": "x" } })).toBe(false);
  });

  test("all are created in an empty lab", () => {
    expect(planInstances(want(), []).create).toEqual(["lb-1", "backend-api-1", "stream-server-1"]);
  });

  test("a stopped one is started", () => {
    const existing = running(want()).map((each) =>
      each.name === "lb-1" ? { ...each, status: "Stopped" } : each,
    );
    expect(planInstances(want(), existing)).toEqual({ remove: [], create: [], start: ["lb-1"] });
  });

  test("another count adds or removes and leaves the others alone", () => {
    expect(planInstances(want("2.6", 2), running(want()))).toEqual({
      remove: [],
      create: ["lb-2"],
      start: [],
    });
    expect(planInstances(want(), running(want("2.6", 2)))).toEqual({
      remove: ["lb-2"],
      create: [],
      start: [],
    });
  });

  test("another HAProxy release makes them anew", () => {
    const { remove, create } = planInstances(want("3.0"), running(want("2.6")));
    expect(remove).toEqual(create);
    expect(create).toHaveLength(3);
  });

  test("a new demo backend makes only the backends anew", () => {
    const changed = want("2.6", 1, "ssh-ed25519 AAAA lab", "print(1)");
    expect(planInstances(changed, running(want())).create).toEqual(["backend-api-1", "stream-server-1"]);
  });

  test("a lab whose key was lost is made anew, since nobody could log in", () => {
    expect(planInstances(want("2.6", 1, "ssh-ed25519 BBBB lab"), running(want())).create).toHaveLength(3);
  });
});

test("the demo backend reaches the container as it is, whatever braces it has", () => {
  const image = imageMetadata(releaseOf("2.6"), "backend", "x = {{ 1 }}\n");
  expect(Object.values(image.files)).toContain("{% verbatim %}x = {{ 1 }}\n{% endverbatim %}");
});

test("addresses of a role do not move when the count of another changes", () => {
  const ips = (lb: number): readonly string[] =>
    labMembers({ lb, api: 2, stream: 1, haproxy: "2.6" }, "10.9.8")
      .filter((member) => member.role !== "lb")
      .map((member) => `${member.name} ${member.ip}`);
  expect(ips(1)).toEqual([
    "backend-api-1 10.9.8.51",
    "backend-api-2 10.9.8.52",
    "stream-server-1 10.9.8.101",
  ]);
  expect(ips(9)).toEqual(ips(1));
});

test.each([[-1], [1.5], [41], [Number.NaN]])("%d load balancers are refused", (lb) => {
  expect(() => labMembers({ lb, api: 2, stream: 2, haproxy: "2.6" }, "10.9.8")).toThrow(/--lb/);
});
