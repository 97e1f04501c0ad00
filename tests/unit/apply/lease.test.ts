import { spawn, type ChildProcess } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { breakScript } from "../../../src/apply/break-lease.ts";
import { awaitLease, underLease, type LeaseClaim } from "../../../src/apply/lease.ts";
import { leaseTimes } from "../../../src/apply/lease-times.ts";
import { leaseScript } from "../../../src/observe/lease.ts";
import { run } from "../../support/lbctl.ts";

/** What the steps of a transaction have before its own. */
const functions = `event() { printf 'event %s\\n' "$*"; }
fail() { event fail "$1" "$(printf %s "$2" | base64 -w0)"; exit 1; }
discard() { rm -rf "$state/staging"; fail "$@"; }`;
const locked = `exec 9>"$lease.lock"; flock -n 9 || fail busy "the lock is taken"
trap abandon HUP INT TERM PIPE
mkdir -p "$state/staging"`;

const begin = awaitLease('[ ! -e "$state/moved" ] || fail busy moved');

/** A host's folder for leases, and the state that the steps work on. */
class Place {
  readonly folder = mkdtempSync(join(tmpdir(), "lbctl-lease-"));
  readonly path = join(this.folder, "run/haproxy");
  readonly state = join(this.folder, "state");

  /** Somebody whose script is `steps`. */
  operator(owner: string, steps: string, ttlMs = 60_000): Operator {
    const claim: LeaseClaim = { id: `id-${owner}`, owner, reason: "apply", times: { beatMs: 50, ttlMs } };
    const script = underLease(`state='${this.state}'\n${functions}\n${begin}\n${steps}`, this.path, claim);
    return new Operator(script);
  }

  write(name: string): void {
    mkdirSync(this.state, { recursive: true });
    writeFileSync(join(this.state, name), "");
  }

  async status(): Promise<string> {
    return (await run("sh", ["-c", leaseScript(this.path, this.state, "haproxy")])).stdout;
  }

  holder(): number {
    return Number(/^holder (\d+)/m.exec(readFileSync(`${this.path}.lease`, "utf8"))?.[1]);
  }
}

const running: ChildProcess[] = [];
afterEach(() => {
  for (const child of running) child.stdin?.end();
});

class Operator {
  readonly ended: Promise<void>;
  private lines: string[] = [];
  private readonly child: ChildProcess;
  private look: () => void = () => undefined;

  constructor(script: string) {
    this.child = spawn("sh", ["-c", script], { stdio: ["pipe", "pipe", "ignore"] });
    running.push(this.child);
    this.child.stdin?.on("error", () => undefined);
    let rest = "";
    this.child.stdout?.on("data", (chunk: Buffer) => {
      const lines = (rest + chunk.toString()).split("\n");
      rest = lines.pop() ?? "";
      this.lines.push(...lines.map(inWords));
      this.look();
    });
    this.ended = new Promise((resolve) =>
      this.child.on("close", () => {
        resolve();
      }),
    );
  }

  say(...words: string[]): void {
    for (const word of words) this.child.stdin?.write(word);
  }

  leave(): void {
    this.child.stdin?.end();
  }

  /** The line that says this, once it has come. */
  async hears(pattern: RegExp): Promise<string> {
    for (;;) {
      const found = this.lines.find((line) => pattern.test(line));
      if (found !== undefined) return found;
      const more = new Promise<true>(
        (resolve) =>
          (this.look = () => {
            resolve(true);
          }),
      );
      if (!(await Promise.race([more, this.ended.then(() => false)]))) {
        if (this.lines.some((line) => pattern.test(line))) continue;
        throw new Error(`it ended without ${String(pattern)}: ${this.lines.join(" | ")}`);
      }
    }
  }

  /** All that came, when it has ended. */
  async all(): Promise<string> {
    await this.ended;
    return this.lines.join("\n");
  }
}

function inWords(line: string): string {
  const [, kind = "", text = ""] = /^(event fail \w+|event note) (\S+)$/.exec(line) ?? [];
  return kind === "" ? line : `${kind} ${Buffer.from(text, "base64").toString()}`;
}

test("the steps get the payload, whatever bytes are in it and however it is cut; the token only rises", async () => {
  const place = new Place();
  for (const token of [1, 2]) {
    const anna = place.operator("anna@desk", `head -c "$bytes" | sha256sum; echo "token $fencing"`);
    const payload = "beat\ngo 5\n\0".repeat(50_000);
    anna.say("beat\n", "ta", "ke 0\ngo ", `${String(payload.length)}\n${payload.slice(0, 70_001)}`);
    anna.say(payload.slice(70_001), "beat\n");
    await anna.hears(new RegExp(`^token ${String(token)}$`));
    expect(await anna.all()).toContain(createHash("sha256").update(payload).digest("hex"));
  }
});

test("the second one is told who holds it, since when and why; when that one leaves it is free at once", async () => {
  const place = new Place();
  const anna = place.operator("anna@desk", "echo begun");
  anna.say("take 0\n");
  await anna.hears(/^event held$/);
  expect(await place.status()).toMatch(/^lease held \d+ \d+ no id-anna@desk \S+Z apply anna@desk$/m);
  const ben = place.operator("ben@desk", "echo begun");
  ben.say("take 0\n");
  expect(await ben.all()).toMatch(
    /^event fail held anna@desk has held the lease of this host for \d+ s \(since 20[0-9T:-]+Z\), for an apply; its id is id-anna@desk$/m,
  );
  const carl = place.operator("carl@desk", "echo begun");
  carl.say("take 60000\ngo 0\n");
  await carl.hears(/^event note waiting: anna@desk has held/);
  anna.leave();
  await carl.hears(/^begun$/);
  expect(await anna.all()).not.toContain("begun");
  expect(await place.status()).not.toContain("lease");
});

test("whoever leaves before the commit has its staged files removed; a commit that has begun goes to its end", async () => {
  const place = new Place();
  const anna = place.operator("anna@desk", `${locked}\necho staged; sleep 0.5; echo "not reached"`);
  anna.say("take 0\ngo 0\n");
  await anna.hears(/^staged$/);
  anna.leave();
  expect(await anna.all()).not.toContain("not reached");
  expect(existsSync(join(place.state, "staging"))).toBe(false);

  const commit = `${locked}\nfence; trap '' HUP INT TERM PIPE; begin_commit; echo begun; sleep 0.3; echo done`;
  const ben = place.operator("ben@desk", commit);
  ben.say("take 0\ngo 0\n");
  await ben.hears(/^begun$/);
  ben.leave();
  const carl = place.operator("carl@desk", locked);
  carl.say("take 0\ngo 0\n");
  expect(await carl.all()).not.toContain("fail"); // a moment was granted to it
  expect(await ben.all()).toContain("done");
});

test("a host that has moved is told before lbctl says go, so that nothing begins elsewhere", async () => {
  const place = new Place();
  place.write("moved");
  const anna = place.operator("anna@desk", "echo begun");
  anna.say("take 0\n");
  expect(await anna.all()).toContain("event fail busy moved");
});

test("silence ends a lease that has not begun its commit", async () => {
  const anna = new Place().operator("anna@desk", "echo begun", 300);
  anna.say("take 0\n");
  expect(await anna.all()).toMatch(
    /^event fail lost no word came from lbctl for \d+ s, so its lease ended$/m,
  );
});

test("a holder that was stopped is taken over, and its steps are refused at the swap", async () => {
  const place = new Place();
  const swap = `${locked}\necho staged; until [ -e "$state/go" ]; do sleep 0.05; done; fence; echo swapped`;
  const anna = place.operator("anna@desk", swap, 300);
  anna.say("take 0\ngo 0\n");
  await anna.hears(/^staged$/);
  process.kill(place.holder(), "SIGSTOP");
  while (!(await place.status()).includes("lease stale")) await new Promise((again) => setTimeout(again, 50));
  const ben = place.operator("ben@desk", `${locked}\necho begun`);
  ben.say("take 10000\ngo 0\n");
  await ben.hears(/^event note waiting: another lbctl is changing this host$/);
  place.write("go");
  expect(await anna.all()).toMatch(/^event fail lost your lease went to ben@desk at 20\S+Z$/m);
  expect(await ben.all()).toContain("begun");
  expect(await anna.all()).not.toContain("swapped");
});

test("a lease is broken by its id alone, and not once its commit has begun", async () => {
  const place = new Place();
  const breaking = async (id: string) =>
    (await run("sh", ["-c", breakScript(place.path, id, "eve@x")])).stdout;
  const anna = place.operator("anna@desk", "echo begun");
  anna.say("take 0\n");
  await anna.hears(/^event held$/);
  expect(await breaking("id-ben@desk")).toBe("gone\n");
  expect(await breaking("id-anna@desk")).toBe("broken\n");
  expect(await anna.all()).toMatch(/^event fail lost the lease was ended by eve@x$/m);
  const ben = place.operator(
    "ben@desk",
    `${locked}\nfence; begin_commit; echo begun; sleep 1; echo "$fencing"`,
  );
  ben.say("take 0\ngo 0\n");
  await ben.hears(/^begun$/);
  expect(await breaking("id-ben@desk")).toBe("committing\n");
  expect(await ben.all()).toMatch(/^begun\n3$/m);
});

test.each(["5000,59999", "0,0", "1", "5000,6e4", "x"])("the times %s are refused", (written) => {
  expect(() => leaseTimes(written)).toThrow(/at least 12 times/);
});

test("5 s and 60 s, unless a test says otherwise", () => {
  expect(leaseTimes("")).toEqual({ beatMs: 5000, ttlMs: 60_000 });
  expect(leaseTimes("250,3000")).toEqual({ beatMs: 250, ttlMs: 3000 });
});
