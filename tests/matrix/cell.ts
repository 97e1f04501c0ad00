import type { ChildProcess } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";
import { get } from "../support/http.ts";
import { addressOf, inventory } from "../support/lab.ts";
import { lbctlJson, root, run, type Run } from "../support/lbctl.ts";
import { leaseMs, type Fault } from "./faults.ts";
import { change, comesToRest, hostState } from "./host-state.ts";
import { hold, letGo, reached } from "./pause.ts";
import { startRequests, type Requests } from "./requests.ts";

/** One step, and what breaks just before it. */
export interface Cell {
  readonly step: string;
  readonly fault: Fault;
}

export interface CellResult {
  /** The set that the host had once it was decided. */
  readonly set: "old" | "new" | "neither";
  /** lbctl's exit code; null when it was killed. */
  readonly code: number | null;
  /** What must not be; of a whole cell there is none. */
  readonly problems: readonly string[];
  readonly seconds: number;
}

export const host = "lb-1";
/** Seconds that a change may stay unconfirmed here. */
const confirmSeconds = 3;
/** That, and the reload, the checks and the revert on a busy machine. */
const decidesWithinSeconds = confirmSeconds + 25;
/** lbctl's own deadlines are shorter. */
const endsWithinMs = 120_000;

/** Plays a change of one number through the fault. `paused` is lbctl, as `bundlePaused` makes it. */
export async function playCell(cell: Cell, paused: string): Promise<CellResult> {
  await cell.fault.prepare?.(host);
  try {
    return await play(cell, paused);
  } finally {
    await cell.fault.tidy?.(host);
  }
}

async function play({ step, fault }: Cell, paused: string): Promise<CellResult> {
  const began = performance.now();
  const problems: string[] = [];
  const { number: old } = await hostState(host);
  await hold(host, step);
  const requests = startRequests(addressOf(host));
  const lbctl = await begin(paused, old + 1);
  let end: Run | null = null;
  try {
    await Promise.race([reached(host, step), endedEarly(lbctl.ended)]);
    await fault.strike(host, lbctl.child);
    const struck = performance.now();
    await sleep(fault.heldMs ?? 0);
    await letGo(host);
    if (!(await comesToRest(host, decidesWithinSeconds))) problems.push("not at rest after the deadline");
    await sleep(Math.max(0, (fault.lastsMs ?? 0) - (performance.now() - struck)));
  } finally {
    await fault.lift?.(host, lbctl.child);
    end = await endWithin(lbctl, endsWithinMs);
    // what was stopped, or cut off, may have gone on when it was woken
    if (!(await comesToRest(host, decidesWithinSeconds))) problems.push("not at rest after lbctl's end");
    problems.push(...outages(await requests.stop(), fault));
  }
  if (!end) problems.push("lbctl did not end");
  const { number: now, problems: halves } = await hostState(host);
  const set = now === old ? "old" : now === old + 1 ? "new" : "neither";
  problems.push(
    ...halves,
    ...untold(set, end, fault),
    ...(await untrue(now, old)),
    ...(await stuck(set, old + 1)),
  );
  return { set, code: end?.code ?? null, problems, seconds: (performance.now() - began) / 1000 };
}

interface Begun {
  readonly child: ChildProcess;
  readonly ended: Promise<Run>;
}

const applying = (number: number, ...more: string[]) => [
  ...["apply", "-i", inventory, "-l", host, "--yes", "-e", change(number)],
  ...more,
];

function begin(paused: string, number: number): Promise<Begun> {
  return new Promise((resolve) => {
    const args = [paused, ...applying(number, "--confirm-timeout", String(confirmSeconds))];
    const ended: Promise<Run> = run(process.execPath, args, {
      cwd: root,
      env: { LBCTL_LEASE_MS: leaseMs },
      started: (child) => {
        // run() has not returned yet
        queueMicrotask(() => {
          resolve({ child, ended });
        });
      },
    });
  });
}

/** Null when it had to be killed. */
async function endWithin({ child, ended }: Begun, ms: number): Promise<Run | null> {
  const end = await Promise.race([ended, sleep(ms, null, { ref: false })]);
  if (!end) child.kill("SIGKILL");
  return end;
}

async function endedEarly(ended: Promise<Run>): Promise<never> {
  const { code, stderr } = await ended;
  throw new Error(`lbctl ended before it came to the step (exit ${String(code)}): ${stderr}`);
}

/** HAProxy serves all the time, but where the load balancer itself was away. */
function outages({ sent, failures }: Requests, fault: Fault): string[] {
  if (!(sent > 0)) return ["no request was sent"];
  if (fault.away || failures.length === 0) return [];
  return [`${String(failures.length)} of ${String(sent)} requests failed: ${failures[0] ?? ""}`];
}

/**
 * What lbctl said is so. Where the link was lost it need not know, nor where a host went down under its script, and one
 * that was killed says nothing.
 */
function untold(set: CellResult["set"], end: Run | null, fault: Fault): string[] {
  const told: Readonly<Record<number, CellResult["set"]>> = { 0: "new", 5: "old", 6: "old", 7: "old" };
  const code = end?.code ?? null;
  if (code === null || code === 4 || (fault.away && code === 1) || told[code] === set) return [];
  return [
    `lbctl ended with exit ${String(code)}, and the set is ${set}: ${end?.stderr.trim().slice(-500) ?? ""}`,
  ];
}

/** A plan is empty if, and only if, what is wanted is what is live. */
async function untrue(now: number, number: number): Promise<string[]> {
  const problems = [number, number + 1].map(async (wanted) => {
    const args = ["plan", "-i", inventory, "-l", host, "-e", change(wanted)];
    const { document } = await lbctlJson<{ changes: boolean }>(args);
    if (document.changes === (now !== wanted)) return [];
    return [
      `the plan for ${String(wanted)} says ${document.changes ? "changes" : "no changes"}, and ${String(now)} is live`,
    ];
  });
  return (await Promise.all(problems)).flat();
}

/** The next apply works, the one after has nothing to do, and it serves. */
async function stuck(set: CellResult["set"], wanted: number): Promise<string[]> {
  const problems: string[] = [];
  for (const expected of [set === "new" ? "unchanged" : "changed", "unchanged"]) {
    const { code, document, stderr } = await lbctlJson<{ hosts: { outcome: string }[] }>(applying(wanted));
    const outcome = document.hosts[0]?.outcome ?? "none";
    if (code !== 0 || outcome !== expected)
      problems.push(`the next apply: ${outcome}, exit ${String(code)}: ${stderr.slice(-500)}`);
  }
  const { number, problems: halves } = await hostState(host);
  if (number !== wanted) problems.push(`the next apply left ${String(number)}`);
  const { status } = await get(`http://${addressOf(host)}/`);
  return [...problems, ...halves, ...(status === 200 ? [] : [`status ${String(status)}`])];
}
