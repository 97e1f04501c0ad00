import type { ChildProcess } from "node:child_process";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { freshLab, inventory, liveState, output } from "../support/lab.ts";
import { lbctl, lbctlJson, type Run } from "../support/lbctl.ts";

interface LockDocument {
  readonly hosts: { name: string; state: string; id: string | null; reason: string | null }[];
}

const onLab = ["-i", inventory];
const both = ["lb-1", "lb-2"];
/** A test cannot wait for a minute of silence. */
const env = { LBCTL_LEASE_MS: "250,3000" };

beforeAll(async () => {
  await freshLab("2.6", "--lb", "2");
  expect((await lbctl(["apply", ...onLab, "--yes"])).code).toBe(0);
});

afterEach(async () => {
  for (const child of left.splice(0)) child.kill("SIGKILL");
  await output("lb-2", "systemctl stop commit 2>/dev/null; systemctl reset-failed commit 2>/dev/null; true");
});

afterAll(async () => {
  expect((await lbctl(["lab", "up", "--yes"])).code).toBe(0);
});

/** Each change is known by a number, the milliseconds of a timeout. */
function apply(number: number, ...more: string[]): Promise<Run> {
  return lbctl(["apply", ...onLab, "--yes", "-e", change(number), ...more], { env });
}

const left: ChildProcess[] = [];

/** An apply that holds the lease of lb-1, and waits for lb-2. */
async function waiting(
  number: number,
): Promise<{ readonly child: ChildProcess; readonly run: Promise<Run> }> {
  await output("lb-2", "systemd-run -q --unit=commit flock /run/lbctl/haproxy.lock sleep 90");
  return new Promise((resolve) => {
    const run: Promise<Run> = lbctl(["apply", ...onLab, "--yes", "-e", change(number), "--lock-wait", "60"], {
      env,
      started: (child) => {
        left.push(child);
        const told = (chunk: Buffer): void => {
          if (!chunk.toString().includes("waiting: another lbctl")) return;
          child.stderr?.off("data", told);
          resolve({ child, run });
        };
        child.stderr?.on("data", told);
      },
    });
  });
}

const lb2Free = () => output("lb-2", "systemctl stop commit");
const status = async () => (await lbctlJson<LockDocument>(["lock", "status", ...onLab])).document.hosts;
const change = (number: number): string => `haproxy_timeout_queue_ms=${String(number)}`;
const numberIn = "sed -n 's/^ *timeout queue \\([0-9]*\\)ms/\\1/p'";
const numberOf = async (host: string) => Number(await output(host, `${numberIn} /etc/haproxy/haproxy.cfg`));

test("the second one is told who, since when and why; kill -9 of the first frees its leases", async () => {
  const before = await Promise.all(both.map(liveState));
  const first = await waiting(7004);
  expect(await status()).toMatchObject([
    { name: "lb-1", state: "held", reason: "apply" },
    { name: "lb-2", state: "held", reason: "apply" },
  ]);
  const second = await apply(7005, "-l", "lb-1");
  expect(second.code).toBe(7);
  expect(second.stderr.replaceAll(/\s+/g, " ")).toMatch(
    /lb-1: \S+@\S+ has held the lease of this host for \d+ s \(since 20\S+Z\), for an apply; its id is [0-9a-f]{8}/,
  );
  first.child.kill("SIGKILL");
  await first.run;
  await lb2Free();
  expect(await Promise.all(both.map(liveState))).toEqual(before);
  expect((await apply(7005, "-l", "lb-1", "--lock-wait", "2")).code).toBe(0);
  expect(await numberOf("lb-1")).toBe(7005);
});

test("whoever was stopped past the end of its lease is refused when it is woken", async () => {
  const first = await waiting(7006);
  first.child.kill("SIGSTOP");
  expect((await apply(7007, "-l", "lb-1", "--lock-wait", "20")).code).toBe(0);
  await lb2Free();
  const before = await Promise.all(both.map(liveState));
  first.child.kill("SIGCONT");
  const { code, stderr } = await first.run;
  expect({ code, stderr }).toEqual({
    code: 7,
    stderr: expect.stringContaining("no word came from lbctl") as string,
  });
  expect(await Promise.all(both.map(liveState))).toEqual(before);
  expect(await numberOf("lb-1")).toBe(7007);
});

test("a lease is broken by its id: who waits for it goes on, who had it is told and changes nothing", async () => {
  const first = await waiting(7008);
  const second = apply(7009, "-l", "lb-1", "--lock-wait", "60");
  const id = (await status())[0]?.id ?? "";
  expect((await lbctl(["lock", "break", ...onLab, "--id", "00000000", "--yes"])).code).toBe(7);
  const broken = await lbctl(["lock", "break", ...onLab, "--id", id, "--yes"]);
  expect(broken).toMatchObject({ code: 0, stdout: expect.stringContaining("the lease was ended") as string });
  expect(await first.run).toMatchObject({
    code: 7,
    stderr: expect.stringContaining("was ended by") as string,
  });
  expect((await second).code).toBe(0);
  await lb2Free();
  expect(await numberOf("lb-1")).toBe(7009);
});

test("whoever waits plans on what the other leaves", async () => {
  const first = await waiting(7011);
  const second = apply(7012, "--lock-wait", "60");
  await new Promise((resolve) => setTimeout(resolve, 1500));
  await lb2Free();
  expect((await first.run).code).toBe(0);
  expect(await second).toMatchObject({
    code: 0,
    stderr: expect.stringContaining("lb-1: waiting: ") as string,
  });
  expect(await Promise.all(both.map(numberOf))).toEqual([7012, 7012]);
});

test("nobody changes what a drill measures", async () => {
  let refused: Promise<Run> | undefined;
  const drill = await lbctl(["drill", "failover", ...onLab, "-l", "lb-1", "--yes"], {
    started: (child) => {
      child.stderr?.on("data", (chunk: Buffer) => {
        if (!chunk.toString().includes("steady: ")) return;
        refused = apply(7010, "-l", "lb-1");
        void refused.then(() => child.kill("SIGINT"));
      });
    },
  });
  expect(await refused).toMatchObject({ code: 7, stderr: expect.stringContaining("for a drill") as string });
  expect(drill.code).toBe(130);
  expect((await status())[0]?.state).toBe("none");
});

test("one session on a connection is enough", async () => {
  await output("lb-1", "echo MaxSessions 1 >/etc/ssh/sshd_config.d/one.conf; systemctl reload ssh");
  for (const [number, transport] of [
    [7011, "node-ssh"],
    [7012, "openssh"],
  ] as const) {
    expect((await apply(number, "-l", "lb-1", "--transport", transport)).code).toBe(0);
  }
  await output("lb-1", "rm /etc/ssh/sshd_config.d/one.conf; systemctl reload ssh");
});

test.each([2, 2, 2, 8])(
  "%d operators at once: each change is whole, or refused and nowhere",
  async (many) => {
    const before = await Promise.all(both.map(generations));
    const first = 8000 + (before[0]?.length ?? 0) * 10;
    const changes = Array.from({ length: many }, (_, index) => first + index);
    const codes = await Promise.all(changes.map(async (number) => (await apply(number)).code));
    expect(codes.filter((code) => code !== 0 && code !== 7)).toEqual([]);
    const made = changes.filter((_, index) => codes[index] === 0);
    expect(made.length).toBeGreaterThan(0);
    const news = await Promise.all(
      both.map(async (host, index) => (await generations(host)).slice(before[index]?.length)),
    );
    expect(news[0]).toEqual(news[1]);
    expect([...(news[0] ?? [])].sort()).toEqual(made);
    expect((await status()).map(({ state }) => state)).toEqual(["none", "none"]);
  },
);

/** The numbers of all changes that were made, by the history; 0 where the generation has gone. */
async function generations(host: string): Promise<number[]> {
  const script = `cd /var/lib/lbctl/haproxy; for g in $(sed -n 's/^{"generation":\\([0-9]*\\),"outcome":"changed".*/\\1/p' history); do ${numberIn} generations/$g/haproxy.cfg 2>/dev/null || echo 0; done`;
  return (await output(host, script)).split("\n").map(Number);
}
