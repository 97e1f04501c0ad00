import { spawn } from "node:child_process";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { untouchedScript } from "../../src/apply/interrupted.ts";
import { steps } from "../../src/apply/steps.ts";
import { liveFunctions } from "../../src/observe/look.ts";
import { loadRole } from "../../src/role/load.ts";
import { watch } from "../support/children.ts";
import { get } from "../support/http.ts";
import { addressOf, freshLab, inside, inventory, liveState, output } from "../support/lab.ts";
import { lbctl, lbctlJson, root } from "../support/lbctl.ts";

interface ApplyDocument {
  readonly hosts: {
    name: string;
    outcome: string;
    why: string | null;
    error: { code: string; problems: { what: string }[] } | null;
  }[];
}

const onLab = ["-i", inventory];
const wholeSet = "/var/lib/lbctl/haproxy/current";
let retries = 3;

beforeAll(async () => {
  await freshLab("2.6", "--lb", "2");
  expect((await lbctl(["apply", ...onLab, "--yes"])).code).toBe(0);
});

afterAll(async () => {
  expect((await lbctl(["lab", "up", "--yes"])).code).toBe(0);
});

/** On lb-1 the check of the staged set, or what the swap brings to the disk, takes seconds until the returned function is called. */
async function slow(step: "validate" | "swap", seconds: number): Promise<() => Promise<void>> {
  const once = `[ -e /run/slow ] || { touch /run/slow; sleep ${String(seconds)}; }`;
  if (step === "swap") {
    const wrapper = `#!/bin/sh\n${once}\nexec /usr/bin/sync "$@"\n`;
    await output(
      "lb-1",
      `rm -f /run/slow; cd /usr/local/sbin; printf %s ${quoted(wrapper)} >sync; chmod 755 sync`,
    );
    return async () => {
      await output("lb-1", "rm /usr/local/sbin/sync");
    };
  }
  // a master that reloads runs what it was called by
  const wrapper = `#!/bin/bash
case "$* " in */staging/*" -c "*) ${once} ;; esac
exec -a "$0" /usr/sbin/haproxy.real "$@"
`;
  await output(
    "lb-1",
    `rm -f /run/slow; cd /usr/sbin; mv haproxy haproxy.real; printf %s ${quoted(wrapper)} >haproxy; chmod 755 haproxy`,
  );
  return async () => {
    await output("lb-1", "mv /usr/sbin/haproxy.real /usr/sbin/haproxy");
  };
}

const quoted = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;

/** An apply of a change to both hosts that gets signals while lb-1 is in its slow step. */
async function interrupted(signals: readonly NodeJS.Signals[], transport = "auto") {
  const change = ["-e", `haproxy_retries=${String(++retries)}`, "--confirm-timeout", "3"];
  return lbctlJson<ApplyDocument>(["apply", ...onLab, "--yes", "--transport", transport, ...change], {
    started: (child) => {
      void (async () => {
        while ((await inside("lb-1", "test -e /run/slow")).code !== 0) await sleep(50);
        for (const signal of signals) {
          child.kill(signal);
          await sleep(300);
        }
      })();
    },
  });
}

const told = ({ hosts }: ApplyDocument) =>
  hosts.map(({ name, outcome, why, error }) => [`${name} ${outcome}`, why ?? error?.problems[0]?.what ?? ""]);

const retriesOn = (host: string) => output(host, "sed -n 's/^ *retries //p' /etc/haproxy/haproxy.cfg");

/** What is live is one generation, whole, and HAProxy has loaded it; then plan and apply go on from there. */
async function goesOn(): Promise<void> {
  await output("lb-1", "mkdir -p /run/lbctl; flock -w 60 /run/lbctl/haproxy.lock true");
  for (const host of ["lb-1", "lb-2"]) {
    await output(host, `cd ${wholeSet}/ && sha256sum --quiet -c .sha256sums`);
    expect((await get(`http://${addressOf(host)}/`)).status).toBe(200);
  }
  const change = ["-e", `haproxy_retries=${String(retries)}`];
  const applied = await lbctl(["apply", ...onLab, "--yes", ...change]);
  expect(applied.code, applied.stderr).toBe(0);
  expect((await lbctl(["plan", ...onLab, "--detailed-exitcode", ...change])).code).toBe(0);
}

test.each([
  ["SIGINT", "node-ssh"],
  ["SIGTERM", "openssh"],
  ["SIGHUP", "auto"],
] as const)(
  "%s before the swap, over %s: nothing is touched on that host, and none is begun after it",
  async (signal, transport) => {
    const before = await liveState("lb-1");
    const putBack = await slow("validate", 2);
    const { code, document } = await interrupted([signal], transport).finally(putBack);
    expect(told(document)).toEqual([
      ["lb-1 skipped", "interrupted before the change; nothing was touched"],
      ["lb-2 skipped", "not begun: interrupted"],
    ]);
    expect(code).toBe(130);
    expect(await liveState("lb-1")).toBe(before);
    await goesOn();
  },
);

test("SIGTERM once the swap has begun: it is waited for, and no other host is begun", async () => {
  const putBack = await slow("swap", 2);
  const { code, document, stderr } = await interrupted(["SIGTERM"]).finally(putBack);
  expect(told(document)).toEqual([
    ["lb-1 changed", ""],
    ["lb-2 skipped", "not begun: interrupted"],
  ]);
  expect(code).toBe(130);
  expect(stderr).toContain("finishing what has begun");
  expect(stderr).toContain(
    "The same command goes on: hosts that are done stay as they are.\n  lbctl apply -i",
  );
  expect(await retriesOn("lb-1")).toBe(String(retries));
  await goesOn();
});

test("a second signal leaves at once, and says what is left; the host goes back by itself", async () => {
  const before = await retriesOn("lb-1");
  const putBack = await slow("swap", 3);
  const { code, document, stderr } = await interrupted(["SIGINT", "SIGTERM"]);
  expect((await inside("lb-1", "flock -n /run/lbctl/haproxy.lock true")).code).not.toBe(0);
  expect(told(document)).toEqual([
    ["lb-1 failed", "the swap had begun: it finishes or goes back by itself"],
    ["lb-2 skipped", "not begun: interrupted"],
  ]);
  expect(code).toBe(130);
  expect(stderr).toContain("leaving at once");
  await output("lb-1", "flock -w 60 /run/lbctl/haproxy.lock true");
  await putBack();
  expect(await retriesOn("lb-1")).toBe(before);
  await goesOn();
});

test.each(steps.map(({ name }) => name))(
  "SIGINT at the end of %s: what is said of the host is so",
  async (step) => {
    const [before, wanted] = [await liveState("lb-1"), String(retries === 10 ? 1 : retries + 1)];
    const was = await retriesOn("lb-1");
    retries = Number(wanted);
    const { code, document } = await lbctlJson<ApplyDocument>(
      // a change that is left to itself once it serves is taken back after that
      [
        ...["apply", ...onLab, "--yes", "-l", "lb-1", "-e", `haproxy_retries=${wanted}`],
        ...["--confirm-timeout", "3"],
      ],
      {
        started: (child) => {
          let said = "";
          child.stderr?.on("data", (chunk: Buffer) => {
            said += chunk.toString();
            if (!child.killed && said.includes(`✓ ${step} `)) child.kill("SIGINT");
          });
        },
      },
    );
    await output("lb-1", "flock -w 60 /run/lbctl/haproxy.lock true");
    const [host] = document.hosts;
    expect(code).toBe(host?.outcome === "changed" ? 0 : 130);
    if (host?.outcome === "skipped") expect(await liveState("lb-1")).toBe(before);
    if (host?.outcome === "changed") expect(await retriesOn("lb-1")).toBe(wanted);
    // left to itself, and by now decided
    if (host?.outcome === "failed") expect([was, wanted]).toContain(await retriesOn("lb-1"));
    expect((await get(`http://${addressOf("lb-1")}/`)).status).toBe(200);
  },
);

test("a change that was made and taken back is not told as nothing", async () => {
  const role = await loadRole("haproxy", [join(root, "roles")]);
  const sum = await output("lb-1", `${liveFunctions(role)}\nlook | sha256sum`);
  const token = await output("lb-1", "cat /run/lbctl/haproxy.commit");
  const asked = (...last: [] | [string]) => output("lb-1", untouchedScript(role, sum.slice(0, 64), ...last));
  expect([await asked(), await asked("another"), await asked(token.trim())]).toEqual([
    "untouched",
    "untouched",
    "touched",
  ]);
});

test("a shutdown of the host before the swap: it is told as such, and nothing was touched", async () => {
  const before = await retriesOn("lb-1");
  const putBack = await slow("validate", 5);
  const { code, document } = await lbctlJson<ApplyDocument>(
    ["apply", ...onLab, "--yes", "-l", "lb-1", "-e", "haproxy_retries=6"],
    {
      started: () => void inside("lb-1", "until [ -e /run/slow ]; do sleep 0.05; done; systemctl reboot"),
    },
  );
  expect({ code, outcome: document.hosts[0]?.outcome }).toEqual({ code: 4, outcome: "failed" });
  const isUp = async () => (await inside("lb-1", "[ ! -e /run/slow ] && systemctl is-active haproxy")).code;
  await expect.poll(isUp, { timeout: 30_000, interval: 500 }).toBe(0);
  await putBack();
  expect(await retriesOn("lb-1")).toBe(before);
  await goesOn();
});

test("SIGTERM at the prompt is a no", async () => {
  const before = await liveState("lb-1");
  const bin = join(root, "bin/lbctl.js");
  const command = `echo "pid $$ "; exec ${process.execPath} ${bin} apply -i ${inventory} -e haproxy_timeout_queue_ms=4321`;
  const child = watch(
    spawn("script", ["-qefc", command, "/dev/null"], { stdio: ["pipe", "pipe", "inherit"] }),
  );
  let said = "";
  let sent = false;
  child.stdout.on("data", (chunk: Buffer) => {
    said += chunk.toString();
    if (sent || !said.includes("[y/N]")) return;
    sent = true;
    process.kill(Number(/pid (\d+) /.exec(said)?.[1]), "SIGTERM");
  });
  const code = await new Promise((resolve) => child.on("close", resolve));
  expect(said).toContain("Apply this to lb-1, then lb-2?");
  expect(said).toContain("not confirmed; nothing was touched");
  expect(code).toBe(130);
  expect(await liveState("lb-1")).toBe(before);
});
