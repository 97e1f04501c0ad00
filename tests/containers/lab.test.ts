import { existsSync, mkdtempSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { incus, inside, output } from "../support/lab.ts";
import { lbctl, lbctlJson, run } from "../support/lbctl.ts";

interface LabStatus {
  readonly daemon: string;
  readonly instances: { name: string; state: string; ip: string; haproxy: string | null }[];
}

const five = ["backend-api-1", "backend-api-2", "lb-1", "stream-server-1", "stream-server-2"];

/** What is Incus's own or other people's: it must be the same before and after. */
async function others(): Promise<string> {
  const words = [
    ["profile", "show", "default", "--project", "default"],
    ["list", "--project", "default", "-f", "csv", "-c", "n"],
    ["project", "list", "-f", "csv", "-c", "n"],
  ];
  const runs = words.map((args) =>
    process.getuid?.() === 0 ? ["incus", ...args] : ["sudo", "-n", "incus", ...args],
  );
  const results = await Promise.all(runs.map(([file = "", ...args]) => run(file, args)));
  return results.map(({ stdout }) => stdout).join("\n");
}

afterAll(async () => {
  await incus("delete", "--force", "bystander");
  expect((await lbctl(["lab", "up", "--yes"])).code).toBe(0);
});

test("lab up is idempotent, and a second clone reuses the lab", async () => {
  expect((await lbctl(["lab", "up", "--yes"])).code).toBe(0);
  const cwd = mkdtempSync(join(tmpdir(), "lbctl-clone-"));
  const again = await lbctl(["lab", "up"], { cwd });
  expect(again.stdout).toContain("nothing to do");
  expect(again.code).toBe(0);
  expect(existsSync(join(cwd, "inventories/lab/hosts.yml"))).toBe(true);
  expect((await lbctl(["validate", "-i", "inventories/lab"], { cwd })).code).toBe(0);
});

test("lab status lists the five containers; they are unprivileged and run systemd", async () => {
  const { document } = await lbctlJson<LabStatus>(["lab", "status"]);
  expect(document.instances.map(({ name }) => name).sort()).toEqual(five);
  expect(document.instances.every(({ state }) => state === "running")).toBe(true);
  expect(
    (await inside("lb-1", "cat /proc/1/comm; awk 'NR == 1 { print $2 }' /proc/self/uid_map")).stdout,
  ).toMatch(/^systemd\n[1-9]\d+\n$/);
});

test("lab ssh runs a command and gives back its exit code", async () => {
  const result = await lbctl(["lab", "ssh", "backend-api-1", "hostname; exit 7"]);
  expect(result.stdout).toBe("backend-api-1\n");
  expect(result.code).toBe(7);
  expect((await lbctl(["lab", "ssh", "nobody"])).stderr).toContain("no host nobody");
});

test("lab up starts a demo backend that was stopped", async () => {
  await output("backend-api-1", "systemctl stop demo-backend");
  expect((await lbctl(["lab", "up"])).code).toBe(0);
  expect(await output("backend-api-1", "systemctl is-active demo-backend")).toBe("active");
});

test("counts and releases are followed: one more backend, then back", async () => {
  expect((await lbctl(["lab", "up", "--yes", "--api", "3"])).stdout).toContain("created backend-api-3");
  expect((await lbctl(["validate", "-i", "inventories/lab"])).code).toBe(0);
  expect((await lbctl(["lab", "up", "--yes"])).stdout).toContain("removed backend-api-3");
});

test("the image carries one archive as its only apt source", async () => {
  const sources = await inside(
    "lb-1",
    "cat /etc/apt/sources.list /etc/apt/sources.list.d/* 2>/dev/null | grep -v '^#'",
  );
  expect(sources.stdout.match(/file:/g)).toHaveLength(1);
  expect(sources.stdout).not.toMatch(/https?:/);
});

test("lab down deletes only what is the lab's", async () => {
  const before = await others();
  const image = (await incus("list", "^lb-1$", "-f", "json")).stdout;
  const fingerprint = /"volatile.base_image":\s*"(\w+)"/.exec(image)?.[1] ?? "";
  expect((await incus("init", fingerprint, "bystander", "-p", "lbctl-lab")).code).toBe(0);
  expect((await lbctl(["lab", "down", "--yes"])).code).toBe(0);
  const left = (await incus("list", "-f", "csv", "-c", "n")).stdout.trim().split("\n");
  expect(left).toContain("bystander");
  expect(left.filter((name) => five.includes(name))).toEqual([]);
  expect(await others()).toBe(before);
});

test("lab down --all changes nothing while somebody else's instance is in its project", async () => {
  // else the machine would lose its lab
  expect((await incus("list", "-f", "csv", "-c", "n")).stdout).toContain("bystander");
  const refused = await lbctl(["lab", "down", "--all", "--yes"]);
  expect(refused.stderr).toContain("bystander: in the lab's project, and not made by the lab");
  expect(refused.code).toBe(3);
  expect((await incus("list", "-f", "csv", "-c", "n")).stdout).toContain("bystander");
  await incus("delete", "--force", "bystander");
});

test("another user's lab is refused and left as it is", async () => {
  expect((await lbctl(["lab", "up", "--yes"])).code).toBe(0);
  await incus("config", "set", "lb-1", "user.lbctl-lab.owner=4711");
  const refused = await lbctl(["lab", "up", "--yes", "--api", "3"]);
  expect(refused.stderr).toContain("belongs to another user (id 4711)");
  expect(refused.code).toBe(7);
  const { document } = await lbctlJson<LabStatus>(["lab", "status"]);
  expect(document.instances.map(({ name }) => name).sort()).toEqual(five);
  await incus("config", "set", "lb-1", `user.lbctl-lab.owner=${String(process.getuid?.())}`);
});

test("its inventory is ignored by git", () => {
  expect(readFileSync(join(import.meta.dirname, "../../.gitignore"), "utf8")).toContain("inventories/lab/");
});
