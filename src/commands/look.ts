import { setTimeout as sleep } from "node:timers/promises";
import { exitCodes, LbctlError, type Problem } from "../errors.ts";
import type { Host } from "../model/fleet.ts";
import type { DesiredHost, HostPlan, ObservedHost } from "../model/host.ts";
import { notRoot, observe } from "../observe/observe.ts";
import type { Connections } from "../remote/connect.ts";
import type { Reachable } from "../remote/port.ts";
import type { RenderInput } from "../render/render.ts";
import { eachHost } from "./hosts.ts";
import type { Project } from "./project.ts";

/** Both sides of one host, and what differs. */
export interface HostLook {
  readonly remote: Reachable;
  readonly observed: ObservedHost;
  readonly desired: DesiredHost;
  readonly plan: HostPlan;
  /** What the steps of validation on the target need to know; empty when nothing changes. */
  readonly expectations: string;
  readonly renderInput: RenderInput;
}

/** Rendered for when a host has no HAProxy yet and apt does not say which one it would get. */
const oldestHaproxy = "2.6";

/** What came of looking at one host. */
export type Sight<Look = HostLook> =
  | { readonly host: string; readonly look: Look; readonly error: null }
  | { readonly host: string; readonly look: null; readonly error: LbctlError };

/** Looks at every chosen host at once. What is wrong with one host hides nothing of the others. */
export function lookAtHosts(
  project: Project,
  connections: Connections,
  forks: number,
  signal: AbortSignal,
): Promise<Sight[]> {
  return seeHosts(project.hosts, forks, (host) => lookAtHost(project, host, connections.to(host), signal));
}

/** The same with another way of looking. */
export function seeHosts<Look>(
  hosts: readonly Host[],
  forks: number,
  lookAt: (host: Host) => Promise<Look>,
): Promise<Sight<Look>[]> {
  return eachHost(hosts, forks, async (host): Promise<Sight<Look>> => {
    try {
      const look = await lookAt(host);
      return { host: host.name, look, error: null };
    } catch (error) {
      if (!(error instanceof LbctlError) || error.code === "interrupted") throw error;
      return { host: host.name, look: null, error };
    }
  });
}

/** One host: observe, render for what was found, compare. */
export async function lookAtHost(
  project: Project,
  host: Host,
  remote: Reachable,
  signal: AbortSignal,
): Promise<HostLook> {
  const { fleet, role, templates } = project;
  const watch = role.watch.flatMap((name) => {
    const value = host.vars[name]?.value;
    return typeof value === "string" && value !== "" ? [value] : [];
  });
  const [observed, { render, makePlan }] = await Promise.all([
    observe(remote, role, watch, signal),
    prepare(templates),
  ]);
  refuseUnsupported(observed, host, role.watch);
  const facts = { haproxyVersion: majorMinor(observed), watched: observed.watched };
  const renderInput = { fleet, host, role, templates, facts };
  const desired = render(renderInput);
  const plan = makePlan(desired, observed);
  const expectations = plan.changes
    ? await import("./candidate.ts").then(({ checkCandidate }) => checkCandidate(desired, renderInput))
    : "";
  return { remote, observed, desired, plan, expectations, renderInput };
}

/** What the answer is needed for is made ready once the question is on its way. */
async function prepare(templates: Project["templates"]) {
  await sleep(3);
  const [{ render, compileAhead }, { makePlan }] = await Promise.all([
    import("../render/render.ts"),
    import("../plan/plan.ts"),
  ]);
  compileAhead(templates);
  return { render, makePlan };
}

function majorMinor(observed: ObservedHost): string {
  const candidate = Object.values(observed.packages)[0]?.candidate;
  const found = /^(?:\d+:)?(\d+\.\d+)/.exec(observed.haproxyVersion ?? candidate ?? "");
  return found?.[1] ?? oldestHaproxy;
}

/** Throws LbctlError `rejected` for a target that lbctl cannot serve; nothing was touched. */
function refuseUnsupported(observed: ObservedHost, host: Host, watchNames: readonly string[]): void {
  const problems: Problem[] = [];
  const at = host.name;
  const { id, version } = observed.os;
  if (id !== "debian" && id !== "ubuntu") {
    problems.push({
      what: `${id} ${version} is not supported`,
      at,
      hint: "lbctl manages Debian and Ubuntu hosts.",
    });
  }
  if (observed.uid !== 0) problems.push(notRoot(at, observed.uid));
  const [major = 0, minor = 0] = majorMinor(observed).split(".").map(Number);
  if (major < 2 || (major === 2 && minor < 6)) {
    problems.push({
      what: `HAProxy ${String(major)}.${String(minor)} is too old`,
      at,
      hint: "lbctl needs 2.6 or newer.",
    });
  }
  for (const [path, hash] of Object.entries(observed.watched)) {
    if (hash !== null) continue;
    const name = watchNames.find((candidate) => host.vars[candidate]?.value === path) ?? "";
    const origin = host.vars[name]?.originOf([]);
    problems.push({
      what: `${host.name} has no file ${path}, which ${name} names`,
      ...(origin ? { at: `${origin.file}:${String(origin.line)}` } : { at }),
      hint: "Put the certificate there first, as one file, or leave the variable empty to serve HTTP only.",
    });
  }
  if (problems.length > 0) throw new LbctlError("rejected", problems);
}

// Several hosts: the worst first.
const severity = [
  "bug",
  "rolled-back",
  "unreachable",
  "rejected",
  "busy",
  "partial",
  "invalid",
  "interrupted",
] as const;

/** The exit code that stands for several failures; 0 when there is none. */
export function exitCodeOf(failures: readonly LbctlError[]): number {
  if (failures.length === 0) return 0;
  return exitCodes[severity.find((code) => failures.some((failure) => failure.code === code)) ?? "bug"];
}
