import type { ChildProcess } from "node:child_process";
import { hostState, comesToRest } from "../matrix/host-state.ts";
import { leaseMs } from "../matrix/faults.ts";
import { startRequests } from "../matrix/requests.ts";
import { addressOf, inside, inventory } from "../support/lab.ts";
import { lbctl, lbctlJson } from "../support/lbctl.ts";
import { beginning, turnsOf, type Turn } from "./turns.ts";

export const host = "lb-1";
/** Seconds that a change may stay unconfirmed here. */
const confirmSeconds = 2;
/** That, and the reload, the checks and the revert on a busy machine. */
const decidesWithinSeconds = confirmSeconds + 25;
/** Clients that ask one after another without pause. */
const clients = 3;

/** What came of one turn. */
export interface TurnResult {
  readonly turn: Turn;
  readonly code: number | null;
  readonly set: "old" | "new" | "neither";
  readonly seconds: number;
  /** What must not be. */
  readonly problems: string[];
}

export interface SoakResult {
  readonly turns: readonly TurnResult[];
  readonly sent: number;
  /** Of requests. */
  readonly failures: readonly string[];
}

/** Applies one change after another under load. `told` hears of each as it ends. */
export async function soak(
  seed: number,
  count: number,
  told: (result: TurnResult) => void,
): Promise<SoakResult> {
  const requests = Array.from({ length: clients }, () => startRequests(addressOf(host)));
  const failed = (): number => requests.reduce((sum, client) => sum + client.failed(), 0);
  const turns: TurnResult[] = [];
  let live = beginning;
  try {
    for (const turn of turnsOf(seed, count)) {
      const before = failed();
      const result = await play(turn, live);
      const lost = failed() - before;
      if (lost > 0) result.problems.push(`${String(lost)} requests failed`);
      if (result.set === "new") live = turn.words;
      turns.push(result);
      told(result);
    }
  } finally {
    await Promise.all(requests.map(({ stop }) => stop().catch(() => undefined)));
  }
  const ended = await Promise.all(requests.map(({ stop }) => stop()));
  return {
    turns,
    sent: ended.reduce((sum, { sent }) => sum + sent, 0),
    failures: ended.flatMap(({ failures }) => failures),
  };
}

async function play(turn: Turn, live: readonly string[]): Promise<TurnResult> {
  const began = performance.now();
  const { number: old } = await hostState(host);
  const { code, stderr } = await lbctl(
    ["apply", ...onHost, "--yes", "--confirm-timeout", String(confirmSeconds), ...turn.words],
    {
      env: { LBCTL_LEASE_MS: leaseMs },
      started: (child) => {
        if (turn.cut) setTimeout(cutOff, turn.cut.afterMs, turn, child);
      },
    },
  );
  const seconds = (performance.now() - began) / 1000;
  const problems: string[] = [];
  if (!(await comesToRest(host, decidesWithinSeconds))) problems.push("not at rest after the deadline");
  const { number, problems: halves } = await hostState(host);
  const set = number === turn.number ? "new" : number === old ? "old" : "neither";
  problems.push(...halves);
  const said = `exit ${String(code)}, and the set is ${set}: ${stderr.trim().slice(-600)}`;
  if (set === "neither" || !isTrue(turn, code, set)) problems.push(said);
  const { document } = await lbctlJson<{ changes: boolean }>([
    ...["plan", ...onHost],
    ...(set === "new" ? turn.words : live),
  ]);
  if (document.changes) problems.push(`a plan for what is live says changes`);
  return { turn, code, set, seconds, problems };
}

const onHost = ["-i", inventory, "-l", host];

/** The exit code says what is so. One that was cut off may have come to its end before. */
function isTrue({ broken, cut }: Turn, code: number | null, set: TurnResult["set"]): boolean {
  if (broken) return code === broken.code && set === "old";
  if (!cut) return code === 0 && set === "new";
  return code === 0 ? set === "new" : code === 6 ? set === "old" : true;
}

function cutOff({ cut }: Turn, child: ChildProcess): void {
  if (cut?.how === "its session") void inside(host, "pkill -9 -f '^sshd: root@notty'");
  else if (cut) child.kill(cut.how);
}
