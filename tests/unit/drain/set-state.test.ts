import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { lookBeforeDrain } from "../../../src/drain/look.ts";
import { readStatus } from "../../../src/drain/records.ts";
import { readLoad } from "../../../src/drain/sessions.ts";
import { setState, type StateChange } from "../../../src/drain/set-state.ts";
import { FakeHaproxy } from "../../support/fake-haproxy.ts";

let haproxy: FakeHaproxy;

beforeEach(async () => {
  haproxy = new FakeHaproxy();
  haproxy.add("api/a").add("api/b").add("api/c");
  await haproxy.start();
});

afterEach(() => {
  haproxy.stop();
});

const set = (state: StateChange["state"], over: Partial<StateChange> = {}) =>
  setState(haproxy.remote, haproxy.role, {
    state,
    servers: ["api/a"],
    goes: ["api/a"],
    by: "ana@laptop",
    reason: null,
    token: "00ff",
    forSeconds: null,
    again: false,
    lockWait: 0,
    ...over,
  });

const shown = async () => {
  const { drains } = await readStatus(haproxy.remote, haproxy.role, new AbortController().signal);
  return drains.map(({ server, state, by }) => [server, state, by]);
};

/** Of a process that has ended. */
const endedPid = () => spawnSync("true").pid;

describe("what is set", () => {
  test("is noted down, read back and told to the journal, with its end", async () => {
    const { done } = await set("maint", { forSeconds: 7200, reason: "a disk" });
    expect(done).toEqual(["api/a"]);
    expect(haproxy.statuses()).toMatchObject({ "api/a": "MAINT", "api/b": "UP" });
    expect(await shown()).toEqual([["api/a", "maint", "ana@laptop"]]);
    expect(haproxy.log()).toContain("logger -t lbctl -- api/a maint by ana@laptop for 7200 s: a disk");
  });

  test("has a timer that perl runs, for what is below /run may not be run by itself", async () => {
    await set("maint", { forSeconds: 5 });
    expect(haproxy.log()).toMatch(/^systemd-run .*--on-active=5 .* \/usr\/bin\/perl \S+\/ready-00ff /m);
  });

  test("is noted down before HAProxy is told; where that is impossible nothing is touched", async () => {
    rmSync(join(haproxy.state, "state"), { recursive: true });
    writeFileSync(join(haproxy.state, "state"), "");
    await expect(set("maint", { forSeconds: 5 })).rejects.toMatchObject({
      code: "rejected",
      problems: [
        { what: expect.stringContaining("noted down") as string, hint: "Nothing was touched there." },
      ],
    });
    expect(haproxy.told).toEqual([]);
    expect(haproxy.log()).toContain("systemctl stop -q lbctl-ready-00ff.timer");
  });

  test("has its record and its timer before HAProxy is told, so that a script that is killed leaves both", async () => {
    const seen: string[] = [];
    haproxy.onSet = () => {
      seen.push(...haproxy.records(), haproxy.log());
    };
    await set("drain", { forSeconds: 5 });
    expect(seen).toEqual([
      expect.stringMatching(/^api\/a \S+ 00ff \d+ [1-9]\d* drain \{/),
      expect.stringMatching(/^systemd-run /m),
    ]);
  });

  test("goes back to what was noted down before of those that HAProxy refuses", async () => {
    await set("drain", { by: "bo@x", token: "aa" });
    const before = haproxy.records();
    haproxy.refusals.set("set server api/a state maint", "Permission denied");
    const { done, refused } = await set("maint", { servers: ["api/a", "api/b"], goes: ["api/a", "api/b"] });
    expect([done, [...refused]]).toEqual([["api/b"], [["api/a", "Permission denied"]]]);
    expect(haproxy.records()).toContain(before[0]);
    expect(await shown()).toEqual([
      ["api/a", "drain", "bo@x"],
      ["api/b", "maint", "ana@laptop"],
    ]);
  });

  test("by a master that does not answer is refused, and nobody is forgotten", async () => {
    await set("drain", { servers: ["api/b"], by: "bo@x" });
    haproxy.masterAnswers = false;
    await expect(set("maint")).rejects.toMatchObject({ code: "unreachable" });
    expect(haproxy.statuses()).toMatchObject({ "api/a": "UP" });
    expect(await shown()).toEqual([["api/b", "drain", "bo@x"]]);
    await set("ready", { goes: [] });
    expect(await shown()).toEqual([["api/b", "drain", "bo@x"]]);
  });

  test("by a master that has ended is forgotten, as is a server that is gone", async () => {
    await set("drain", { servers: ["api/a", "api/b"] });
    const file = join(haproxy.state, "state/drains");
    const own = `api/a ${String(process.pid)}.`;
    writeFileSync(file, readFileSync(file, "utf8").replace(own, `api/a ${String(endedPid())}.`));
    expect(await shown()).toEqual([["api/b", "drain", "ana@laptop"]]);
    haproxy.servers.delete("api/b");
    await set("maint", { servers: ["api/c"], goes: [] });
    expect(haproxy.records().map((line) => line.split(" ")[0])).toEqual(["api/c"]);
  });
});

describe("under the lock", () => {
  test("a server that somebody has taken into maintenance is left so by a drain", async () => {
    haproxy.add("api/a", { admin: 1 });
    expect(await set("drain", { servers: ["api/a", "api/b"] })).toMatchObject({
      left: ["api/a"],
      done: ["api/b"],
    });
    expect(haproxy.told).toEqual(["api/b drain"]);
  });

  test.each([
    ["the others are down", "drain", { status: "UP" }, { status: "DOWN" }, true],
    ["the others are going down", "drain", { status: "UP" }, { status: "UP 1/3" }, true],
    ["the others have no weight", "drain", { status: "UP" }, { status: "no check", weight: 0 }, true],
    ["one is up", "drain", { status: "UP" }, { status: "UP" }, false],
    ["one has no check", "maint", { status: "UP" }, { status: "no check" }, false],
    ["it is down itself", "maint", { status: "DOWN" }, { status: "DOWN" }, false],
    [
      "maintenance takes the clients that stay while it drains",
      "maint",
      { admin: 8 },
      { status: "DOWN" },
      true,
    ],
    ["it drains already", "drain", { admin: 8 }, { status: "DOWN" }, false],
  ] as const)("a pool is not emptied: %s", async (_, state, own, others, refused) => {
    haproxy.add("api/a", own).add("api/b", others).add("api/c", others);
    const result = set(state);
    if (refused) {
      await expect(result).rejects.toMatchObject({
        code: "busy",
        problems: [{ what: "no other server of api is up any more: nobody would serve it" }],
      });
      expect(haproxy.told).toEqual([]);
    } else expect(await result).toMatchObject({ done: ["api/a"] });
  });

  test("a drill that holds the lease is not disturbed; another lease does not matter", async () => {
    const lease = (reason: string): void => {
      const start =
        readFileSync(`/proc/${String(process.pid)}/stat`, "utf8")
          .split(") ")[1]
          ?.split(" ")[19] ?? "";
      const holder = `${String(process.pid)} ${start}`;
      const text = `id x\nowner bo@x\nreason ${reason}\ntoken 1\nup 1\nttl 9\nholder ${holder}\nbeat 1\n`;
      writeFileSync(join(haproxy.dir, "run/haproxy.lease"), text);
    };
    lease("drill");
    await expect(set("maint")).rejects.toMatchObject({
      code: "busy",
      message: "lb-1: bo@x is drilling this load balancer, and a pool could be left without a server",
    });
    const signal = new AbortController().signal;
    expect(await lookBeforeDrain(haproxy.remote, haproxy.role, signal)).toMatchObject({
      drillBy: "bo@x",
      keepsStates: false,
    });
    expect(await set("ready", { goes: [] })).toMatchObject({ done: ["api/a"] });
    lease("apply");
    expect(await set("maint")).toMatchObject({ done: ["api/a"] });
    expect((await lookBeforeDrain(haproxy.remote, haproxy.role, signal)).drillBy).toBeNull();
  });

  test("the second state of one command keeps the first one's timer, unless somebody else has the say", async () => {
    await set("drain", { forSeconds: 60 });
    const [first = ""] = haproxy.records();
    await set("maint", { forSeconds: 30, again: true });
    const [second = ""] = haproxy.records();
    expect(second.split(" ")[4]).toBe(first.split(" ")[4]);
    expect(haproxy.log().match(/^systemd-run/gm)).toHaveLength(1);
    await set("ready", { goes: [], token: "aa" });
    const moved = await set("maint", { again: true }).catch((error: unknown) => error);
    expect(moved).toMatchObject({
      code: "busy",
      problems: [{ what: "somebody else has set api/a meanwhile, and that was left" }],
    });
    expect(JSON.stringify(moved)).not.toContain("othing was touched");
    expect(haproxy.statuses()).toMatchObject({ "api/a": "UP" });
  });
});

describe("who did it is shown", () => {
  test.each([
    ["drain", 1, []],
    ["drain", 9, []],
    ["drain", 0, []],
    ["drain", 8 + 2, [["api/a", "drain", "ana@laptop"]]],
    ["maint", 8, []],
    ["maint", 1 + 4, [["api/a", "maint", "ana@laptop"]]],
  ] as const)("while the state is as it was set: %s, then %d", async (state, admin, expected) => {
    await set(state);
    haproxy.add("api/a", { admin });
    expect(await shown()).toEqual(expected);
  });

  test("with a line separator in its reason", async () => {
    await set("maint", { reason: "a\u2028b" });
    const { drains } = await readStatus(haproxy.remote, haproxy.role, new AbortController().signal);
    expect(drains).toMatchObject([{ reason: "a\u2028b" }]);
  });
});

describe("when its time is over", () => {
  test("the load comes back, though the master does not answer", async () => {
    await set("maint", { forSeconds: 5 });
    await set("drain", { servers: ["api/b"], token: "aa", goes: [] });
    haproxy.masterAnswers = false;
    await haproxy.giveBack("00ff");
    expect(haproxy.statuses()).toMatchObject({ "api/a": "UP", "api/b": "DRAIN" });
    expect(haproxy.records().map((line) => line.split(" ")[0])).toEqual(["api/b"]);
    expect(haproxy.log()).toContain("ready, as its time was over: api/a");
  });

  test("a reload that brings the old state back is not the end", async () => {
    await set("maint", { forSeconds: 5 });
    haproxy.onSet = () => {
      haproxy.onSet = () => undefined;
      setTimeout(() => haproxy.add("api/a", { admin: 1 }), 30);
    };
    await haproxy.giveBack("00ff");
    expect(haproxy.told).toEqual(["api/a maint", "api/a ready", "api/a ready"]);
    expect(haproxy.statuses()).toMatchObject({ "api/a": "UP" });
    expect(haproxy.records()).toEqual([]);
  });

  test("it is tried again until HAProxy does so", async () => {
    await set("maint", { forSeconds: 5 });
    haproxy.refusals.set("show servers state", "");
    setTimeout(() => {
      haproxy.refusals.clear();
    }, 300);
    await haproxy.giveBack("00ff");
    expect(haproxy.statuses()).toMatchObject({ "api/a": "UP" });
  });

  test("a server whose state is another is left alone, and so is one that is gone", async () => {
    await set("drain", { servers: ["api/a", "api/b"], goes: [], forSeconds: 5 });
    haproxy.add("api/a", { admin: 1 });
    haproxy.servers.delete("api/b");
    await haproxy.giveBack("00ff");
    expect(haproxy.statuses()).toEqual({ "api/a": "MAINT", "api/c": "UP" });
    expect(haproxy.records()).toEqual([]);
  });
});

describe("sessions of an old worker that does not answer", () => {
  test("are unknown while it lives, and none once it has ended", async () => {
    haproxy.old.set(endedPid(), null);
    expect(await readLoad(haproxy.remote, ["api/a"])).toMatchObject({ silent: [] });
    haproxy.old.set(process.pid, null);
    expect(await readLoad(haproxy.remote, ["api/a"])).toMatchObject({ silent: [String(process.pid)] });
    haproxy.masterAnswers = false;
    expect(await readLoad(haproxy.remote, ["api/a"])).toMatchObject({ silent: ["master"] });
  });
});

test("a full disk: the file of records stays as it was", async () => {
  await set("drain", { servers: ["api/b"] });
  const before = haproxy.records();
  // a folder in its way fails for root, too
  mkdirSync(join(haproxy.state, "state/drains.new"));
  await expect(set("maint")).rejects.toMatchObject({ code: "rejected" });
  expect(haproxy.records()).toEqual(before);
  const { done, notes } = await set("ready", { servers: ["api/b"], goes: [], token: "aa" });
  expect(done).toEqual(["api/b"]);
  expect(notes.join()).toContain("is there still");
});
