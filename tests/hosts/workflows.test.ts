import { mkdirSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { exampleProject } from "../support/example.ts";
import {
  addressOf,
  balancer,
  freshBalancer,
  inventory,
  key as keyFile,
  knownHosts as knownHostsFile,
} from "../support/hosts.ts";
import { inside, liveState, output } from "../support/lab.ts";
import { lbctl, root, run } from "../support/lbctl.ts";
import { projectWith } from "../support/project.ts";
import { readCommands } from "../support/workflow/commands.ts";
import { runWorkflow, type Forge, type ForgeEvent, type JobRun } from "../support/workflow/run.ts";

const folder = mkdtempSync(join(tmpdir(), "lbctl-ci-"));
const push: ForgeEvent = { name: "push", branch: "main" };
const pull: ForgeEvent = { name: "pull_request", branch: "faster" };

/** A folder for `npm install --global`. npm takes long to install what is there already, so it does that once. */
function toolsWithNpm(): string {
  const tools = mkdtempSync(join(folder, "tools-"));
  const npm = `#!/bin/sh
[ "$*" = "$(cat "$0.done" 2>/dev/null)" ] && exit
PATH=\${PATH#*:} npm "$@" && printf %s "$*" >"$0.done"
`;
  mkdirSync(join(tools, "bin"));
  writeFileSync(join(tools, "bin/npm"), npm, { mode: 0o755 });
  return tools;
}

beforeAll(async () => {
  await freshBalancer();
  const pack = await run("npm", ["pack", "--ignore-scripts", "--silent", "--pack-destination", folder]);
  expect(pack.code).toBe(0);
});

describe.each(["github", "forgejo"] as const)("on %s", (kind) => {
  const key = (): string => readFileSync(keyFile, "utf8");
  const knownHosts = (): string => readFileSync(knownHostsFile, "utf8");
  const tools = toolsWithNpm();
  const forge = (retries: string, more: Partial<Forge> = {}): Forge => ({
    kind,
    workflow: join(root, `examples/ci/.${kind}/workflows/deploy.yml`),
    checkout: exampleProject(retries),
    secrets: { LBCTL_SSH_KEY: key(), LBCTL_KNOWN_HOSTS: knownHosts() },
    vars: { LBCTL_PACKAGE: join(folder, readdirSync(folder).find((name) => name.endsWith(".tgz")) ?? "") },
    tools,
    ...more,
  });
  const start = async (of: Forge, event: ForgeEvent): Promise<JobRun> => {
    const job = await runWorkflow(of, event);
    if (!job) throw new Error("the workflow was not started");
    // whatever came of it: no secret in the log, and none left behind
    const secret = key()
      .split("\n")
      .filter((line) => line.length > 20);
    for (const line of secret) expect(job.log + job.summary).not.toContain(line);
    expect(readdirSync(job.temp)).toEqual([]);
    return job;
  };
  const outcomes = ({ steps }: JobRun): Record<string, string> =>
    Object.fromEntries(steps.slice(2).map(({ name, outcome }) => [name.replace(/ .*/, ""), outcome]));
  const said = ({ commands }: JobRun, name: string) => commands.filter((command) => command.name === name);

  let applied = "";

  test("main is applied, and applied again it is unchanged", async () => {
    const there = (await inside(balancer, "grep -ho 'retries [0-9]' /etc/haproxy/haproxy.cfg")).stdout.trim();
    applied = `haproxy_retries: ${there === "retries 4" ? 5 : 4}`;
    const job = await start(forge(applied), push);
    expect(job.log).toMatch(/lb-1 +changed/);
    expect(job.code).toBe(null);
    expect(outcomes(job)).toEqual({
      Install: "success",
      Check: "success",
      Stop: "skipped",
      Put: "success",
      Plan: "skipped",
      Apply: "success",
      Remove: "success",
    });
    expect(job.summary).toContain("| lb-1 | changed |");
    const before = await liveState(balancer);
    const again = await start(forge(applied), push);
    expect(again.log).toMatch(/lb-1 +unchanged/);
    expect(again.summary).toContain("| lb-1 | unchanged |");
    expect(again.outcome).toBe("success");
    expect(await liveState(balancer)).toBe(before);
  });

  test("a pull request shows the plan and changes nothing", async () => {
    const before = await liveState(balancer);
    const job = await start(forge("haproxy_retries: 2"), pull);
    expect(job.outcome).toBe("success");
    expect(outcomes(job)).toMatchObject({
      Put: "success",
      Plan: "success",
      Apply: "skipped",
      Remove: "success",
    });
    expect(job.log).toMatch(/\+ +retries 2/);
    expect(said(job, "notice").map(({ message }) => message)).toEqual([
      expect.stringMatching(/^Merging this changes/),
    ]);
    expect(job.summary).toMatch(/<details>[^]*```diff\n[^]*\+ +retries 2[^]*```[^]*<\/details>/);
    expect(await liveState(balancer)).toBe(before);
  });

  test("a pull request that changes nothing says so", async () => {
    const job = await start(forge(applied), pull);
    expect(job.outcome).toBe("success");
    expect(job.log).toContain("No changes: 1 host as described.");
    expect(said(job, "notice")).toEqual([]);
  });

  test("a stranger's pull request is checked without secrets", async () => {
    const job = await start(forge("haproxy_retries: 2"), { ...pull, fork: true });
    expect(job.outcome).toBe("success");
    expect(outcomes(job)).toMatchObject({
      Check: "success",
      Stop: "success",
      Put: "skipped",
      Plan: "skipped",
    });
  });

  test("every mistake of an inventory is shown at its file and line, and no host is asked", async () => {
    const before = await liveState(balancer);
    const job = await start(forge("haproxy_retries: many\nhaproxy_retrys: 3"), push);
    expect(job.code).toBe(3);
    expect(outcomes(job)).toMatchObject({
      Check: "failure",
      Put: "skipped",
      Apply: "skipped",
      Remove: "success",
    });
    const file = "inventories/production/group_vars/haproxy.yml";
    const shown = said(job, "error").toSorted(
      (a, b) => Number(a.properties.line) - Number(b.properties.line),
    );
    expect(shown).toEqual([
      {
        name: "error",
        properties: { file, line: "2", title: "lbctl" },
        message: expect.stringContaining(
          'haproxy_retries must be a whole number from 0 to 10; read "many"',
        ) as string,
      },
      {
        name: "error",
        properties: { file, line: "3", title: "lbctl" },
        message: expect.stringContaining('no variable "haproxy_retrys"') as string,
      },
    ]);
    expect(job.summary).toContain("**error:**");
    expect(await liveState(balancer)).toBe(before);
  });

  test("a host key that is not the known one ends it with exit 4", async () => {
    const wrong = "AAAAC3NzaC1lZDI1NTE5AAAAIJdD7y3aLq454yWBdwLWbieU1ebz9/cu7/QEXn9OIeZJ";
    const before = await liveState(balancer);
    const job = await start(
      forge("haproxy_retries: 2", {
        secrets: { LBCTL_SSH_KEY: key(), LBCTL_KNOWN_HOSTS: `${addressOf(balancer)} ssh-ed25519 ${wrong}` },
      }),
      push,
    );
    expect(job.code).toBe(4);
    expect(outcomes(job)).toMatchObject({ Apply: "failure", Remove: "success" });
    expect(said(job, "error")).toEqual([
      {
        name: "error",
        properties: { title: "lbctl lb-1" },
        message: expect.stringMatching(
          /host key of .* is not the one that is known \(\S+known_hosts:1\)/,
        ) as string,
      },
    ]);
    expect(job.log).toContain("Nothing was changed on any host.");
    expect(await liveState(balancer)).toBe(before);
  });

  test("secrets that are missing or empty are all named", async () => {
    const job = await start(forge("haproxy_retries: 2", { secrets: { LBCTL_KNOWN_HOSTS: " \n" } }), push);
    expect(job.code).toBe(1);
    expect(outcomes(job)).toMatchObject({ Put: "failure", Apply: "skipped", Remove: "success" });
    expect(said(job, "error").map(({ message }) => message)).toEqual([
      expect.stringContaining("LBCTL_SSH_KEY is missing"),
      expect.stringContaining("LBCTL_KNOWN_HOSTS is missing"),
    ]);
  });

  test("a package that is not named is asked for, and other branches start nothing", async () => {
    const job = await start(forge("haproxy_retries: 2", { vars: {} }), push);
    expect(said(job, "error").map(({ message }) => message)).toEqual([
      expect.stringContaining("LBCTL_PACKAGE is not set"),
    ]);
    expect(await runWorkflow(forge("haproxy_retries: 2"), { ...push, branch: "faster" })).toBe(null);
  });
});

describe("what others wrote is no command for the runner", () => {
  const evil = ["::set-env name=PATH::/tmp/evil", "  ::add-mask::a", "# ##[set-output name=changes]false"];
  const inJob = { GITHUB_ACTIONS: "true", GITHUB_STEP_SUMMARY: join(folder, "summary.md") };
  const template = () => projectWith((text) => text.replace(/^global$/m, `${evil.join("\n")}\nglobal`));

  test("in the files of a host, as plan shows them", async () => {
    await output(
      balancer,
      `cd /etc/haproxy && cp --remove-destination "$(readlink -f haproxy.cfg)" haproxy.cfg && ` +
        `printf '%s\\n' ${evil.map((line) => `'${line}'`).join(" ")} >> haproxy.cfg`,
    );
    for (const more of [[], ["--json"]]) {
      const plan = await lbctl(["plan", "-i", inventory, ...more], { env: inJob });
      expect(plan.code).toBe(0);
      expect(plan.stdout).toContain("add-mask");
      expect(readCommands(plan.stdout)).toEqual([]);
      expect(readCommands(plan.stderr).filter(({ name }) => name !== "warning")).toEqual([]);
    }
    expect(readFileSync(inJob.GITHUB_STEP_SUMMARY, "utf8")).toContain("add-mask");
    expect((await lbctl(["apply", "-i", inventory, "--yes", "--adopt"])).code).toBe(0);
  });

  test("in the words of a command line", async () => {
    for (const words of [
      ["plan", "--forks", evil.join("\n")],
      ["plan", "-i", inventory, "-l", evil.join("\n")],
    ]) {
      const refused = await lbctl(words, { env: inJob });
      expect(refused.code).toBe(3);
      expect(refused.stderr).toContain("set-output");
      expect(readCommands(refused.stderr).filter(({ name }) => name !== "error")).toEqual([]);
    }
  });

  test("in templates, as render prints them; a file gets every byte", async () => {
    const cwd = template();
    const shown = await lbctl(["render", "-i", inventory], { cwd, env: inJob });
    expect(shown.stdout).toContain("add-mask");
    expect(readCommands(shown.stdout)).toEqual([]);
    const file = join(folder, "rendered");
    const bin = join(root, "bin/lbctl.js");
    await run("sh", ["-c", `node '${bin}' render -i '${inventory}' > '${file}'`], { cwd, env: inJob });
    expect(readFileSync(file, "utf8")).toContain(evil.join("\n"));
  });
});
