import { join } from "node:path";
import { expect, test } from "vitest";
import { exitCodeOf, lookAtHost } from "../../../src/commands/look.ts";
import { loadProject } from "../../../src/commands/project.ts";
import { LbctlError, type ErrorCode } from "../../../src/errors.ts";
import { observe } from "../../../src/observe/observe.ts";
import type { Reachable, Remote } from "../../../src/remote/port.ts";
import { loadRole } from "../../../src/role/load.ts";
import { root } from "../../support/lbctl.ts";
import { goldenInventory } from "../../support/goldens.ts";

const base64 = (text: string): string => Buffer.from(text).toString("base64");

const sum = "ab".repeat(32);

/** What the observing script prints on a host with HAProxy 2.6 and nothing of lbctl's: key, and what stands after it. */
const facts = {
  "os ": "debian 12",
  "package ": "haproxy 2.6.12-1 -",
  "haproxy ": "2.6.12",
  "ActiveState=": "active",
  "UnitFileState=": "enabled",
  "generation ": "",
  "link ": "haproxy.cfg file",
  [sum]: "  haproxy.cfg",
  "file ": `644 =${base64("global\n")} haproxy.cfg`,
  "dropin ": "same",
  "handmade ": "no",
  "digest ": "d",
  "free ": "1000000 4096",
};

async function look(over: Readonly<Record<string, string>>, golden = "two-pools") {
  const project = await loadProject({
    inventory: [goldenInventory(golden)],
    forks: 1,
    transport: "openssh",
    input: false,
  });
  const [host] = project.hosts;
  if (!host) throw new Error("no load balancer");
  const stdout = Object.entries({ ...facts, ...over })
    .map(([name, fields]) => `${name}${fields}\n`)
    .join("");
  const remote: Reachable = {
    host: host.name,
    anew: () => remote,
    close: () => Promise.resolve(),
    run: () => Promise.resolve({ status: 0, stdout, stderr: "" }),
  };
  return lookAtHost(project, host, remote, new AbortController().signal);
}

test("a host is observed, rendered for, and planned", async () => {
  const { observed, plan } = await look({});
  expect(observed).toMatchObject({
    os: { id: "debian", version: "12" },
    haproxyVersion: "2.6.12",
    generation: null,
    service: { active: true, enabled: true },
    freeBytes: 4_096_000_000,
  });
  expect(observed.files).toEqual([{ path: "haproxy.cfg", sha256: sum, mode: "0644", content: "global\n" }]);
  expect(plan).toMatchObject({
    changes: true,
    links: ["haproxy.cfg", "lists", "maps", "certs", "pages"],
    adopts: false,
    install: [],
  });
  expect(plan.files[0]?.diff).toContain("+    default-path config");
});

test.each([
  [{ "os ": "centos 9" }, "centos 9 is not supported"],
  [{ "haproxy ": "2.4.22" }, "HAProxy 2.4 is too old"],
  [{ "haproxy ": "-", "package ": "haproxy - 2.2.9-2" }, "HAProxy 2.2 is too old"],
])("%j is refused, and by name", async (over, message) => {
  await expect(look(over)).rejects.toMatchObject({
    code: "rejected",
    message: expect.stringContaining(message) as string,
  });
});

test("a login that is not root is refused", async () => {
  await expect(look({ "uid ": "1000" })).rejects.toMatchObject({
    code: "rejected",
    message: expect.stringContaining("lbctl is not root there, but uid 1000") as string,
  });
});

test.each(["2.6.12", "2.8.5", "3.0.11"])("HAProxy %s is welcome", async (haproxy) => {
  expect((await look({ "haproxy ": haproxy })).observed.haproxyVersion).toBe(haproxy);
});

test("a certificate that is not there is refused, naming the variable's place", async () => {
  await expect(look({ "watched ": "- /etc/lbctl-test.pem" }, "tls-and-trust")).rejects.toMatchObject({
    code: "rejected",
    message: expect.stringMatching(/hosts\.yml:\d+: lb-1 has no file \/etc\/lbctl-test\.pem/) as string,
  });
});

test("another certificate is another identity", async () => {
  const [one, two] = await Promise.all(
    ["aa", "bb"].map((hash) => look({ "watched ": `${hash} /etc/lbctl-test.pem` }, "tls-and-trust")),
  );
  expect(one?.desired.identity).not.toBe(two?.desired.identity);
});

test("a hand-made configuration is seen", async () => {
  expect((await look({ "handmade ": "yes" })).plan.adopts).toBe(true);
});

test("an answer that was cut is a bug, never a guess", async () => {
  await expect(parseCut()).rejects.toMatchObject({ code: "bug" });
});

/** Only the first line arrived. */
function parseCut() {
  const remote: Remote = {
    host: "lb-1",
    close: () => Promise.resolve(),
    run: () => Promise.resolve({ status: 0, stdout: "os debian 12\n", stderr: "" }),
  };
  return loadRole("haproxy", [join(root, "roles")]).then((role) => observe(remote, role, []));
}

const of = (code: ErrorCode): LbctlError => new LbctlError(code, { what: code });

test.each<[ErrorCode[], number]>([
  [[], 0],
  [["unreachable"], 4],
  [["rejected", "unreachable"], 4],
  [["unreachable", "rolled-back"], 6],
  [["busy", "rejected"], 5],
  [["interrupted", "busy"], 7],
  [["rolled-back", "bug"], 1],
  [["interrupted"], 130],
])("of the failures %j the exit code is %i: the worst first", (codes, exit) => {
  expect(exitCodeOf(codes.map(of))).toBe(exit);
});
