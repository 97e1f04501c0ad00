import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync, chmodSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { Connection } from "../../../src/model/fleet.ts";
import { makeFault } from "../../../src/drill/make-fault.ts";
import { type Fault, type FaultDeps } from "../../../src/drill/fault.ts";
import { reviveVictim } from "../../../src/drill/revive.ts";
import type { FaultPlan } from "../../../src/drill/scenario.ts";
import { runProcess, type ProcessResult } from "../../../src/remote/process.ts";

const none: FaultDeps["remote"] = (host) => {
  throw new Error(`nobody asked for ${host}`);
};

/** Answers `incus …` and `sudo -n env … incus …` by their first words; an unexpected command throws. */
function fakeRun(answers: Readonly<Record<string, (sudo: boolean) => Partial<ProcessResult>>>): {
  run: FaultDeps["run"];
  calls: string[];
} {
  const calls: string[] = [];
  return {
    calls,
    run: (file, args) => {
      const words = [file, ...args];
      calls.push(words.join(" "));
      const sudo = file === "sudo";
      const answer = answers[words[words.indexOf("incus") + 1] ?? ""];
      if (!answer) throw new Error(`unexpected: ${words.join(" ")}`);
      return Promise.resolve({ exitCode: 0, stdout: "", stderr: "", timedOut: false, ...answer(sudo) });
    },
  };
}

const incus: FaultPlan = { kind: "incus", instance: "api-1", project: "lab", remote: null };
const running = { stdout: '{"status": "Running"}' };
const stopped = { stdout: '{"status": "Stopped"}' };

describe("an Incus instance", () => {
  it("is stopped by force and started in its project", async () => {
    const { run, calls } = fakeRun({ query: () => running, stop: () => ({}), start: () => ({}) });
    const fault = makeFault(incus, { run, remote: none, uid: 0 });
    await fault.prepare();
    await fault.kill();
    await fault.revive();
    expect(calls).toEqual([
      "incus query /1.0/instances/api-1/state?project=lab",
      "incus stop --force --project lab api-1",
      "incus start --project lab api-1",
    ]);
  });

  it("on this machine leaves the user's own client configuration alone", async () => {
    const seen: string[] = [];
    const run: FaultDeps["run"] = (_, args, options) => {
      seen.push(String(options?.env?.INCUS_CONF), args.join(" "));
      const denied = seen.length === 2;
      return Promise.resolve({
        ...{ exitCode: denied ? 1 : 0, stdout: '{"status": "Running"}', timedOut: false },
        stderr: denied ? "permission denied" : "",
      });
    };
    await makeFault(incus, { run, remote: none, uid: 1000 }).prepare();
    const [asUser = "", , asRoot = "", words] = seen;
    expect(asUser).toMatch(/lbctl-incus-/);
    expect(words).toMatch(`-n env INCUS_CONF=${asRoot} INCUS_CACHE=${asRoot} incus query`);
    expect(existsSync(asUser) || existsSync(asRoot)).toBe(false);
  });

  it("may be on a remote", () => {
    const { run } = fakeRun({});
    const fault = makeFault({ ...incus, remote: "rack2" }, { run, remote: none, uid: 0 });
    expect(fault.reviveCommand).toBe("incus start --project lab rack2:api-1");
  });

  it("is reached through sudo when only that may, and never for root", async () => {
    const denied = { exitCode: 1, stderr: "Error: You don't have the needed permissions" };
    const query = (sudo: boolean) => (sudo ? running : denied);
    const user = makeFault(incus, { ...fakeRun({ query }), remote: none, uid: 1000 });
    await user.prepare();
    expect(user.reviveCommand).toBe("sudo -n incus start --project lab api-1");
    const root = makeFault(incus, { ...fakeRun({ query }), remote: none, uid: 0 });
    await expect(root.prepare()).rejects.toThrow(/incus query .*: exit 1: Error: You don't have/);
  });

  it("that does not run is not drilled", async () => {
    const fault = makeFault(incus, { ...fakeRun({ query: () => stopped }), remote: none, uid: 0 });
    await expect(fault.prepare()).rejects.toThrow("api-1 is Stopped, not Running");
  });

  it("counts as revived when it already runs, and as not when it does not", async () => {
    const start = () => ({ exitCode: 1, stderr: "Error: The instance is already running" });
    const well = makeFault(incus, { ...fakeRun({ start, query: () => running }), remote: none, uid: 0 });
    await expect(well.revive()).resolves.toBeUndefined();
    const ill = makeFault(incus, { ...fakeRun({ start, query: () => stopped }), remote: none, uid: 0 });
    await expect(ill.revive()).rejects.toThrow("incus start --project lab api-1: exit 1");
  });
});

describe("the operator's commands", () => {
  it("are run as words, without a shell", async () => {
    const plan: FaultPlan = {
      kind: "commands",
      kill: ["sh", "-c", "exit $1", "-", "0"],
      revive: ["test", "$HOME", "=", "$HOME"],
    };
    const fault = makeFault(plan, { run: runProcess, remote: none, uid: 0 });
    await fault.kill();
    await fault.revive();
    expect(fault.killCommand).toBe("sh -c 'exit $1' - 0");
  });

  it("fail by name when they exit with another status or are missing", async () => {
    const plan: FaultPlan = {
      kind: "commands",
      kill: ["sh", "-c", "echo no power >&2; exit 3"],
      revive: ["/no/such/program"],
    };
    const fault = makeFault(plan, { run: runProcess, remote: none, uid: 0 });
    await expect(fault.kill()).rejects.toThrow(/exit 3: no power$/);
    await expect(fault.revive()).rejects.toThrow(/\/no\/such\/program: did not run/);
  });
});

describe("a systemd service", () => {
  const toWeb: Connection = {
    kind: "ssh",
    ...{ address: "192.0.2.9", port: 2222, user: "deploy", keyFile: "/k/id", sshArgs: [], become: false },
  };

  it("is killed, kept down by a drop-in, and started again without it", async () => {
    const folder = mkdtempSync(join(tmpdir(), "lbctl-systemd-"));
    const log = join(folder, "log");
    mkdirSync(join(folder, "bin"));
    writeFileSync(join(folder, "bin/systemctl"), `#!/bin/sh\necho "$*" >> ${log}\n`);
    chmodSync(join(folder, "bin/systemctl"), 0o755);
    const scripts: string[] = [];
    const remote: FaultDeps["remote"] = (host) => ({
      host,
      run: ({ script }) => {
        scripts.push(script);
        const here = script.replaceAll("/run/systemd/system", folder);
        execFileSync("sh", ["-c", here], { env: { PATH: `${folder}/bin:/usr/bin:/bin` } });
        return Promise.resolve({ status: 0, stdout: "", stderr: "" });
      },
      close: () => Promise.resolve(),
    });
    const fault = makeFault(
      { kind: "systemd", host: "web-1", connection: toWeb, unit: "my-api.service" },
      { run: runProcess, remote, uid: 0 },
    );
    expect(fault.reviveCommand).toBe(
      "ssh -p 2222 -l deploy -i /k/id 192.0.2.9 'rm -f /run/systemd/system/my-api.service.d/90-lbctl-drill.conf; " +
        "systemctl daemon-reload; systemctl reset-failed my-api.service; systemctl start my-api.service'",
    );
    const dropIn = join(folder, "my-api.service.d/90-lbctl-drill.conf");
    await fault.prepare();
    await fault.kill();
    expect(readFileSync(dropIn, "utf8")).toBe("[Service]\nRestart=no\n");
    await fault.revive();
    expect(() => readFileSync(dropIn)).toThrow(/ENOENT/);
    expect(readFileSync(log, "utf8").trim().split("\n")).toEqual([
      "is-active my-api.service",
      "daemon-reload",
      "kill -s KILL my-api.service",
      "stop my-api.service",
      "daemon-reload",
      "reset-failed my-api.service",
      "start my-api.service",
    ]);
    rmSync(folder, { recursive: true });
  });

  it("that its host refuses fails with what the host said", async () => {
    const remote: FaultDeps["remote"] = (host) => ({
      host,
      run: () => Promise.resolve({ status: 3, stdout: "inactive\n", stderr: "" }),
      close: () => Promise.resolve(),
    });
    const fault = makeFault(
      { kind: "systemd", host: "web-1", connection: toWeb, unit: "a.service" },
      { run: runProcess, remote, uid: 0 },
    );
    await expect(fault.prepare()).rejects.toThrow(
      "systemctl is-active 'a.service' on web-1: exit 3: inactive",
    );
  });
});

describe("reviving", () => {
  const fault = (failures: number): Fault & { tries: number } => ({
    killCommand: "kill-it",
    reviveCommand: "revive-it now",
    tries: 0,
    prepare: () => Promise.resolve(),
    kill: () => Promise.resolve(),
    revive() {
      return this.tries++ < failures ? Promise.reject(new Error("busy")) : Promise.resolve();
    },
  });

  it("is tried again until it works", async () => {
    const flaky = fault(2);
    await reviveVictim("web-1", flaky, () => undefined, [1, 1, 1]);
    expect(flaky.tries).toBe(3);
  });

  it("ends with the exact command for the operator when it never works", async () => {
    const dead = fault(99);
    await expect(reviveVictim("web-1", dead, () => undefined, [1, 1])).rejects.toMatchObject({
      code: "partial",
      problems: [
        {
          what: "web-1 IS STILL DOWN: the drill killed it and could not bring it back: busy",
          hint: "Run this now: revive-it now",
        },
      ],
    });
    expect(dead.tries).toBe(3);
  });
});
