import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { openConnections } from "../../src/remote/connect.ts";
import { instanceConnection } from "../support/contract.ts";
import { makeHost } from "../support/fleet.ts";
import { incus } from "../support/lab.ts";
import { otherHost } from "../support/sshd.ts";

describe("incus", { concurrent: false }, () => {
  const to = (over: object = {}) =>
    openConnections("auto").to({ ...makeHost("target", "192.0.2.1"), connection: instanceConnection(over) });

  test("a client that is killed is a lost link", async () => {
    const lost = to()
      .run({ script: "echo begun; sleep 20" })
      .catch((error: unknown) => error);
    await new Promise((resolve) => setTimeout(resolve, 700));
    for (const pid of clientsOf("incus")) process.kill(pid, "SIGKILL");
    expect(await lost).toMatchObject({ code: "unreachable" });
    expect(String(await lost)).toContain("lost while a script ran (Command was killed with SIGKILL");
    expect(String(await lost).length).toBeLessThan(300);
  });

  test("a paused instance is given up", async () => {
    expect((await incus("pause", otherHost)).code).toBe(0);
    try {
      await expect(to().run({ script: "true", idleTimeoutMs: 1500 })).rejects.toThrow(
        /stopped answering|does not run/,
      );
    } finally {
      await incus("resume", otherHost);
    }
    expect((await to().run({ script: "echo back" })).stdout).toBe("back\n");
  });

  test.each([
    [{ instance: "nowhere" }, /no instance local:nowhere \(project lbctl-lab\)/],
    [{ remote: "nowhere" }, /cannot be entered|no instance/],
    [{ project: "nowhere" }, /no instance .*project nowhere/],
  ])("%j is one clear error", async (over, expected) => {
    await expect(to(over).run({ script: "true" })).rejects.toThrow(expected);
  });
});

/** Processes of this one that run `program exec` in the container. */
function clientsOf(program: string): number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => {
      try {
        const parent = /^PPid:\s*(\d+)$/m.exec(readFileSync(`/proc/${String(pid)}/status`, "utf8"))?.[1];
        const words = readFileSync(`/proc/${String(pid)}/cmdline`, "utf8").split("\0");
        return Number(parent) === process.pid && words[0] === program && words.includes(`local:${otherHost}`);
      } catch {
        return false; // it has ended meanwhile
      }
    });
}
