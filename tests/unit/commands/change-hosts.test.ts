import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import type { Turn } from "../../../src/apply/turn.ts";
import { changeHosts, type RunOptions } from "../../../src/commands/apply-hosts.ts";
import { parseSerial } from "../../../src/commands/batches.ts";
import { Tally } from "../../../src/commands/tally.ts";
import { LbctlError } from "../../../src/errors.ts";
import type { HostOutcome } from "../../../src/model/events.ts";

const look = (host: string, changes = true) => ({ plan: { host, changes } });
const four = ["lb-1", "lb-2", "lb-3", "lb-4"].map((host) => look(host));
const changed = (host: string): HostOutcome => ({ host, outcome: "changed", error: null });
const failure = (host: string): HostOutcome => ({
  host,
  outcome: "failed",
  error: new LbctlError("rejected", { what: "no", at: host }),
});

type Rest = readonly [author: unknown, emit: unknown, turn: Turn];

/** As a transaction does: comes to its turn, holds its lease, and waits for the word. */
async function isToBegin([, , turn]: Rest): Promise<boolean> {
  if ((await turn.arrive()) === null) return false;
  turn.held();
  return turn.toBegin;
}

interface Run extends Partial<RunOptions> {
  readonly sizes?: string;
  readonly fail?: readonly string[];
  readonly cannotGoBack?: readonly string[];
  /** Interrupts the run when this host is begun. */
  readonly interruptAt?: string;
}

/** Runs over hosts whose changes take a moment; what was begun and ended, in order, and how each host ended. */
async function run(looks: readonly ReturnType<typeof look>[], over: Run = {}) {
  const { sizes, fail = [], cannotGoBack = [], interruptAt, ...more } = over;
  const serial = sizes === undefined ? undefined : parseSerial(sizes);
  const options = {
    forks: 10,
    transport: "auto" as const,
    input: false,
    quiet: true,
    ...(serial && { serial }),
    ...more,
  };
  const abort = new AbortController();
  const tally = new Tally(looks.map(({ plan }) => plan.host));
  const log: string[] = [];
  const work = (word: string, bad: readonly string[], end: (host: string) => HostOutcome) => {
    return async ({ plan: { host } }: ReturnType<typeof look>, ...rest: Rest): Promise<HostOutcome> => {
      if (!(await isToBegin(rest))) return { host, outcome: "skipped", error: null };
      log.push(`${word} ${host}`);
      if (host === interruptAt) abort.abort();
      await sleep(1);
      log.push(`end ${host}`);
      return bad.includes(host) ? failure(host) : end(host);
    };
  };
  const changeHost = work("change", fail, changed);
  const putBack = work("put back", cannotGoBack, changed);
  await changeHosts(looks, { reason: "apply", changeHost, putBack }, tally, options, abort.signal);
  const outcomes = tally.outcomes();
  return {
    log,
    outcomes,
    words: outcomes.map(({ host, outcome }) => `${host} ${outcome}`),
    why: outcomes.map(({ why }) => why),
  };
}

test("the first host in order goes first, and the others wait for it", async () => {
  const { log, words } = await run(four);
  expect(log.slice(0, 5)).toEqual(["change lb-1", "end lb-1", "change lb-2", "change lb-3", "change lb-4"]);
  expect(words).toEqual(["lb-1 changed", "lb-2 changed", "lb-3 changed", "lb-4 changed"]);
});

test("hosts without changes are in no batch, and none of them is asked", async () => {
  const { log, words } = await run([look("lb-1", false), look("lb-2"), look("lb-3")]);
  expect(log).toEqual(["change lb-2", "end lb-2", "change lb-3", "end lb-3"]);
  expect(words[0]).toBe("lb-1 unchanged");
});

test("a batch ends before the next begins, and --forks bounds each", async () => {
  const { log } = await run(four, { sizes: "3", forks: 2 });
  expect(log.slice(0, 3)).toEqual(["change lb-1", "change lb-2", "end lb-1"]);
  expect(log.indexOf("change lb-4")).toBeGreaterThan(log.indexOf("end lb-3"));
});

test("a canary that fails stops the rest, which are told why", async () => {
  const { log, words, why } = await run(four, { fail: ["lb-1"] });
  expect(log).toEqual(["change lb-1", "end lb-1"]);
  expect(words).toEqual(["lb-1 failed", "lb-2 skipped", "lb-3 skipped", "lb-4 skipped"]);
  expect(why[1]).toBe("not begun: lb-1 failed");
});

test("stop: those under way finish, and within a batch no further one is begun", async () => {
  const { words } = await run(four, { sizes: "100%", forks: 2, fail: ["lb-1"] });
  expect(words).toEqual(["lb-1 failed", "lb-2 changed", "lb-3 skipped", "lb-4 skipped"]);
});

test("continue: the others are changed all the same", async () => {
  const { words } = await run(four, { onFailure: "continue", fail: ["lb-1", "lb-3"] });
  expect(words).toEqual(["lb-1 failed", "lb-2 changed", "lb-3 failed", "lb-4 changed"]);
});

test("rollback-all: what this run changed is put back, and nothing else", async () => {
  const looks = [look("lb-0", false), ...four];
  const { log, words, outcomes } = await run(looks, {
    sizes: "2",
    fail: ["lb-2"],
    onFailure: "rollback-all",
  });
  expect(words).toEqual([
    "lb-0 unchanged",
    "lb-1 rolled-back",
    "lb-2 failed",
    "lb-3 skipped",
    "lb-4 skipped",
  ]);
  expect(log.filter((line) => line.startsWith("put back"))).toEqual(["put back lb-1"]);
  expect(outcomes[1]?.error).toMatchObject({
    code: "rolled-back",
    message: "lb-1: changed, and put back: lb-2 failed",
  });
});

test("rollback-all: a host that cannot go back is told to be changed still", async () => {
  const over = { fail: ["lb-3"], cannotGoBack: ["lb-1"], sizes: "1", onFailure: "rollback-all" as const };
  const { words, outcomes } = await run(four, over);
  expect(words).toEqual(["lb-1 changed", "lb-2 rolled-back", "lb-3 failed", "lb-4 skipped"]);
  expect(outcomes[0]?.error?.message).toBe("lb-1: changed, and not put back after lb-3 failed: no");
});

test("after an interruption no further host is begun, and nothing is put back for it", async () => {
  const { words, outcomes } = await run(four, { interruptAt: "lb-1", onFailure: "rollback-all" });
  expect(words).toEqual(["lb-1 changed", "lb-2 skipped", "lb-3 skipped", "lb-4 skipped"]);
  expect(outcomes[1]).toMatchObject({ why: "not begun: interrupted", error: { code: "interrupted" } });
});

test("an interruption while hosts are put back leaves the rest changed, and says so", async () => {
  const over = { fail: ["lb-3"], sizes: "1", forks: 1, onFailure: "rollback-all" as const };
  const looks = four.slice(0, 3);
  const { words } = await run(looks, { ...over, interruptAt: "lb-3" });
  expect(words).toEqual(["lb-1 changed", "lb-2 changed", "lb-3 failed"]);
});

test("a bug on the way to one host keeps nobody from being told of the others", async () => {
  const tally = new Tally(["lb-1", "lb-2"]);
  const changeHost = async ({ plan: { host } }: ReturnType<typeof look>, ...rest: Rest) => {
    await isToBegin(rest);
    if (host === "lb-1") return changed(host);
    throw new TypeError("oops");
  };
  const options = { forks: 1, transport: "auto" as const, input: false, quiet: true };
  await changeHosts(
    [look("lb-1"), look("lb-2")],
    { reason: "apply", changeHost },
    tally,
    options,
    new AbortController().signal,
  );
  expect(tally.outcomes()).toMatchObject([
    { outcome: "changed" },
    { outcome: "failed", error: { code: "bug", message: "lb-2: unexpected: oops" } },
  ]);
});

test("whoever leaves in the middle is told of each host what is known", () => {
  const tally = new Tally(["lb-1", "lb-2", "lb-3", "lb-4"]);
  const step = (host: string, name: string) => {
    tally.take({ kind: "step", host, step: name, text: "" });
  };
  for (const host of ["lb-1", "lb-2", "lb-3"]) tally.begin(host);
  tally.end(changed("lb-1"));
  step("lb-2", "validate");
  step("lb-2", "swap");
  step("lb-2", "reload");
  step("lb-3", "validate");
  const told = tally
    .outcomes()
    .map(({ host, outcome, error, why }) => [`${host} ${outcome}`, why ?? error?.problems[0]?.what ?? ""]);
  expect(told).toEqual([
    ["lb-1 changed", ""],
    ["lb-2 failed", "the swap had begun: it finishes or goes back by itself"],
    ["lb-3 failed", "the swap may have begun: then it finishes or goes back by itself"],
    ["lb-4 skipped", "not begun: interrupted"],
  ]);
});
