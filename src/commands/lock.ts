import { breakLease, type Breaking } from "../apply/break-lease.ts";
import { LbctlError } from "../errors.ts";
import type { HostLease } from "../model/lease.ts";
import { readLease } from "../observe/lease.ts";
import { reportProblems } from "../report/errors.ts";
import { breakingLine, lockDocument, lockLines } from "../report/lock.ts";
import { printJson, printLines } from "../report/out.ts";
import { confirm } from "./confirm.ts";
import { connectionsTo } from "./connections.ts";
import { eachHost } from "./hosts.ts";
import { exitCodeOf, seeHosts } from "./look.ts";
import { operator } from "./operator.ts";
import type { Context, FleetOptions } from "./options.ts";
import { loadProject } from "./project.ts";

export interface LockBreakOptions extends FleetOptions {
  readonly id: string;
  readonly yes?: boolean;
}

/** `lbctl lock status`: who may change each load balancer now. */
export async function lockStatusCommand(options: FleetOptions, { signal }: Context): Promise<number> {
  const { hosts, role } = await loadProject(options);
  const connections = await connectionsTo(hosts, options);
  const sights = await seeHosts(hosts, options.forks, (host) =>
    readLease(connections.to(host), role, signal),
  ).finally(connections.close);
  if (options.json) printJson(lockDocument(sights));
  else printLines(lockLines(sights.flatMap(({ look }) => look ?? [])));
  const errors = sights.flatMap(({ error }) => error ?? []);
  reportProblems(errors);
  return exitCodeOf(errors);
}

/** `lbctl lock break`: ends the lease of that id wherever it is held; a change that has begun goes to its end. */
export async function lockBreakCommand(options: LockBreakOptions, { signal }: Context): Promise<number> {
  const { hosts, role } = await loadProject(options);
  const connections = await connectionsTo(hosts, options);
  try {
    const sights = await seeHosts(hosts, options.forks, (host) =>
      readLease(connections.to(host), role, signal),
    );
    const errors = sights.flatMap(({ error }) => error ?? []);
    const held = sights.flatMap(({ look }) => (look?.lease?.id === options.id ? look : []));
    if (held.length === 0 && errors.length === 0) throw noSuchLease(options.id);
    reportProblems(errors);
    if (held.length > 0) await confirm(question(held), { ...options, input: options.input && !options.json });
    const breakings = await eachHost(held, options.forks, async ({ host }) => {
      const remote = connections.to(hosts.find(({ name }) => name === host) ?? missing(host));
      return { host, breaking: await breakLease(remote, role, { id: options.id, by: operator() }, signal) };
    });
    if (options.json) printJson({ format_version: 1, hosts: breakings.map(shown) });
    else printLines(breakings.map(({ host, breaking }) => breakingLine(host, breaking)));
    const begun = breakings.filter(({ breaking }) => breaking === "committing");
    return exitCodeOf([...errors, ...begun.map(({ host }) => hasBegun(host))]);
  } finally {
    await connections.close();
  }
}

function shown({ host, breaking }: { readonly host: string; readonly breaking: Breaking }): object {
  return { name: host, outcome: breaking };
}

function question(held: readonly HostLease[]): string {
  const { owner = "", reason = "" } = held[0]?.lease ?? {};
  return `End the ${reason} of ${owner} on ${held.map(({ host }) => host).join(", ")}?`;
}

function noSuchLease(id: string): LbctlError {
  return new LbctlError("busy", {
    what: `no load balancer has a lease with the id ${id}`,
    hint: "`lbctl lock status` shows those that are held.",
  });
}

function hasBegun(host: string): LbctlError {
  return new LbctlError("busy", { what: "the change has begun, and goes to its end", at: host });
}

function missing(host: string): never {
  throw new Error(`${host} was not asked for`);
}
