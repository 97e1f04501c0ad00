import { randomBytes } from "node:crypto";
import { lookBeforeDrain, type DrainLook } from "../drain/look.ts";
import { readLoad } from "../drain/sessions.ts";
import { drilling, setState } from "../drain/set-state.ts";
import {
  emptiedPools,
  nameOf,
  readPattern,
  targetsIn,
  unmatched,
  type ServerPattern,
  type Targets,
} from "../drain/targets.ts";
import { waitUntilEmpty } from "../drain/wait.ts";
import { LbctlError } from "../errors.ts";
import { answerText, askRuntime } from "../haproxy/runtime.ts";
import { parseStat } from "../haproxy/stat.ts";
import type { AdminState, DrainOutcome, Load } from "../model/drain.ts";
import type { Host } from "../model/fleet.ts";
import type { Role } from "../model/role.ts";
import type { Remote } from "../remote/port.ts";
import { drainDocument, drainLines, waitingLine } from "../report/drain.ts";
import { reportProblems } from "../report/errors.ts";
import { printJson, printLines, printProgress } from "../report/out.ts";
import { connectionsTo } from "./connections.ts";
import { cutOff, notEmpty, notTold, overruled, refusedBy } from "./drain-errors.ts";
import { drainSeconds, refuseOptions, type DrainOptions } from "./drain-options.ts";
import { eachHost } from "./hosts.ts";
import { exitCodeOf, seeHosts, type Sight } from "./look.ts";
import { operator } from "./operator.ts";
import type { Context } from "./options.ts";
import { loadProject } from "./project.ts";

/** One load balancer, and the servers of those named that it has. */
interface Look extends DrainLook {
  readonly host: Host;
  readonly remote: Remote;
  readonly targets: Targets;
}

/** What one command does on every load balancer. */
interface Order {
  readonly role: Role;
  readonly state: AdminState;
  readonly options: DrainOptions;
  readonly token: string;
  readonly startedAt: number;
  readonly signal: AbortSignal;
}

/** How far one load balancer has come. */
interface Turn {
  readonly look: Look;
  readonly state: AdminState;
  /** HAProxy was told, and has read them back. */
  readonly told: readonly string[];
  /** In maintenance before, and left so. */
  readonly left: readonly string[];
  /** As the wait saw it last; null when it is to be asked for. */
  readonly load: Load | null;
  readonly error: LbctlError | null;
}

/**
 * `lbctl drain|maint|ready SERVER…`: sets the servers' state on every load balancer, then waits for all of them at once,
 * and reads back. Exit 12 at the deadline.
 */
export async function drainCommand(
  state: AdminState,
  words: readonly string[],
  options: DrainOptions,
  { signal, lookWith }: Context,
): Promise<number> {
  lookWith("lbctl status");
  const { hosts, role } = await loadProject(options);
  refuseOptions(options, hosts);
  const connections = await connectionsTo(hosts, options);
  const patterns = words.map(readPattern);
  try {
    const sights = await seeHosts(hosts, options.forks, async (host): Promise<Look> => {
      const remote = connections.to(host);
      const look = await lookBeforeDrain(remote, role, signal);
      return { ...look, host, remote, targets: targetsIn(look.stats, patterns, state) };
    });
    const unseen = sights.filter(({ error }) => error !== null);
    const looks = sights.flatMap(({ look }) => look ?? []);
    if (unseen.length === 0) refuse(state, patterns, looks, options);
    const token = randomBytes(8).toString("hex");
    const order = { role, state, options, token, startedAt: performance.now(), signal };
    const outcomes =
      unseen.length > 0 ? sights.map((sight) => untouched(sight, unseen)) : await setAll(looks, order);
    if (options.json) printJson(drainDocument(outcomes));
    else printLines(drainLines(outcomes));
    if (unseen.length > 0) printProgress(["Nothing was touched on any host."]);
    const failures = outcomes.flatMap(({ error }) => error ?? []);
    reportProblems(failures);
    return exitCodeOf(failures);
  } finally {
    await connections.close();
  }
}

/** Throws LbctlError `invalid` for names that nobody has, `rejected` where a pool would be emptied, `busy` in a drill. */
function refuse(
  state: AdminState,
  patterns: readonly ServerPattern[],
  looks: readonly Look[],
  { force, maint }: DrainOptions,
): void {
  const unknown = unmatched(
    patterns,
    looks.map(({ stats }) => stats),
  );
  if (unknown.length > 0) throw new LbctlError("invalid", unknown);
  if (state === "ready") return;
  const drilled = looks.flatMap(({ host, drillBy }) => {
    if (drillBy === null) return [];
    const [what, hint] = drilling(drillBy);
    return { what, at: host.name, hint: `${hint} Nothing was touched on any host.` };
  });
  if (drilled.length > 0) throw new LbctlError("busy", drilled);
  if (force) return;
  const emptied = looks.flatMap(({ host, stats, targets }) => {
    const pools = emptiedPools(stats, targets, maint ? "maint" : state);
    const what = `no other server of ${pools.join(", ")} is up: nobody would serve it`;
    const hint = "Make another one ready first, or say --force. Nothing was touched on any host.";
    return pools.length === 0 ? [] : { what, at: host.name, hint };
  });
  if (emptied.length > 0) throw new LbctlError("rejected", emptied);
}

/** All is looked at before any is touched: one that could not be asked keeps the others as they are. */
function untouched({ host, error }: Sight<Look>, unseen: readonly Sight<Look>[]): DrainOutcome {
  const why = `not touched, since ${unseen.map((sight) => sight.host).join(", ")} could not be asked`;
  return { host, servers: [], load: null, why: error === null ? why : null, error };
}

/** Nobody is waited for before all are told. */
async function setAll(looks: readonly Look[], order: Order): Promise<DrainOutcome[]> {
  const { state, options } = order;
  warnOfReloads(looks, order);
  let turns = await eachHost(looks, options.forks, (look) => set(first(look, order), order));
  if (state === "drain" && options.wait !== false) {
    turns = await waitForAll(turns, order);
    if (options.maint)
      turns = await eachHost(turns, options.forks, (turn) =>
        isUnderWay(turn) ? set({ ...turn, state: "maint" }, order) : Promise.resolve(turn),
      );
  }
  return eachHost(turns, options.forks, readBack);
}

function first(look: Look, { state }: Order): Turn {
  return { look, state, told: look.targets.servers.map(nameOf), left: [], load: null, error: null };
}

function isUnderWay({ told, error }: Turn): boolean {
  return told.length > 0 && error === null;
}

/** Throws nothing but bugs. */
async function set(turn: Turn, order: Order): Promise<Turn> {
  const { look, state } = turn;
  const { role, options, token, startedAt, signal } = order;
  const { reason = null, lockWait = 0, force } = options;
  if (turn.told.length === 0) return turn;
  if (signal.aborted)
    return { ...turn, told: state === order.state ? [] : turn.told, error: notTold(look.host.name) };
  const spent = Math.floor((performance.now() - startedAt) / 1000);
  const change = {
    state,
    servers: turn.told,
    goes: state === "ready" || force ? [] : look.targets.counted,
    by: operator(),
    reason,
    token,
    forSeconds: options.for === undefined ? null : Math.max(1, options.for - spent),
    again: state !== order.state,
    lockWait,
  };
  try {
    const { done, left, refused, notes } = await setState(look.remote, role, change, signal);
    printProgress(notes.map((note) => `! ${look.host.name}: ${note}`));
    const error = refused.size > 0 ? refusedBy(look.host.name, refused) : null;
    return { ...turn, told: done, left: [...turn.left, ...left], load: null, error };
  } catch (error) {
    if (!(error instanceof LbctlError)) throw error;
    const told = change.again ? turn.told : [];
    // what they were told before holds, whatever became of this
    return { ...turn, state: order.state, told, error: cutOff(error, look.host.name) };
  }
}

/** One wait for all that drain: a client that one load balancer has let go may come to another. */
async function waitForAll(turns: readonly Turn[], order: Order): Promise<Turn[]> {
  const { options, signal } = order;
  const waiting = turns.filter(isUnderWay);
  if (waiting.length === 0) return [...turns];
  const ends = await waitUntilEmpty(
    waiting.map(({ look }) => ({ remote: look.remote, servers: look.targets.counted })),
    {
      each: (items, work) => eachHost(items, options.forks, work),
      timeoutMs:
        1000 *
        drainSeconds(
          options,
          waiting.map(({ look }) => look.host),
        ),
      signal,
      onWait: tellWaiting(options),
    },
  );
  return turns.map((turn): Turn => {
    const end = ends[waiting.indexOf(turn)];
    if (end === undefined) return turn;
    if (end instanceof LbctlError) return { ...turn, error: end };
    const isOver = end.end === "empty" || (end.end === "deadline" && options.maint === true);
    const { host, targets } = turn.look;
    const isPinned = targets.servers.some(({ cookie }) => cookie !== "");
    return {
      ...turn,
      load: end.load,
      error: isOver ? null : notEmpty(host.name, turn.told, isPinned, end),
    };
  });
}

/** What the load balancer says of the servers now, whatever was said to it. */
async function readBack(turn: Turn): Promise<DrainOutcome> {
  const { look, state, told, left, error } = turn;
  const { host, remote, targets } = look;
  const outcome = { host: host.name, servers: [], load: null, why: null, error };
  if (targets.servers.length === 0) return { ...outcome, why: "has none of them" };
  if (told.length + left.length === 0 && error !== null) return outcome;
  try {
    const [answer] = await askRuntime(remote, ["show stat"], { idleTimeoutMs: 30_000 });
    const { servers: all } = parseStat(answerText(host.name, answer));
    const now = new Map(all.map((server) => [nameOf(server), server.status]));
    const servers = targets.servers.map(nameOf).map((name) => ({
      name,
      status: now.get(name) ?? "gone",
      ...(left.includes(name) ? { why: "in maintenance before, and left so" } : {}),
    }));
    const load = turn.load ?? (await readLoad(remote, targets.counted));
    return { ...outcome, servers, load, error: error ?? overruled(host.name, state, told, servers) };
  } catch (failed) {
    if (!(failed instanceof LbctlError)) throw failed;
    return { ...outcome, error: error ?? cutOff(failed, host.name) };
  }
}

/** Without lbctl's drop-in nobody hands what HAProxy was told to the next worker. */
function warnOfReloads(looks: readonly Look[], { state, options }: Order): void {
  if (state === "ready" || options.quiet) return;
  const lost = looks.filter(({ keepsStates, targets }) => !keepsStates && targets.servers.length > 0);
  printProgress(
    lost.map(({ host }) => `! ${host.name}: lbctl does not manage it, so a reload of HAProxy forgets this`),
  );
}

function tellWaiting({
  quiet,
}: DrainOptions): (left: readonly { host: string; load: Load }[], leftMs: number) => void {
  let saidAt = 0;
  return (left, leftMs) => {
    const now = performance.now();
    if (quiet || now - saidAt < 1000) return;
    saidAt = now;
    printProgress([waitingLine(left, leftMs)]);
  };
}
