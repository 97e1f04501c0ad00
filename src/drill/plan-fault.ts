import type { Problem } from "../errors.ts";
import type { Host, Value } from "../model/fleet.ts";
import { nearest } from "../document/words.ts";
import { shownValue } from "../document/part.ts";
import type { FaultPlan } from "./scenario.ts";
import { textOf, valueOf, whereIs } from "./vars.ts";

const kinds = ["incus", "systemd", "commands"];

/** How the inventory says that a host may be killed; null, with the problems noted, when it says it badly. */
export function planFault(host: Host, problems: Problem[]): FaultPlan | null {
  const kind = valueOf(host, "lbctl_drill_fault") ?? "incus";
  if (kind === "incus") return planIncus(host, problems);
  if (kind === "systemd") return planSystemd(host, problems);
  if (kind === "commands") return planCommands(host, problems);
  const meant = typeof kind === "string" ? nearest(kind, kinds) : undefined;
  problems.push({
    what: `lbctl_drill_fault is ${JSON.stringify(shownValue(host.vars.lbctl_drill_fault))}, not one of ${kinds.join(", ")}`,
    at: whereIs(host, "lbctl_drill_fault"),
    ...(meant === undefined ? {} : { hint: `Did you mean ${meant}?` }),
  });
  return null;
}

function planIncus(host: Host, problems: Problem[]): FaultPlan | null {
  const instance = textOf(host, "ansible_incus_host") ?? host.name;
  const project = textOf(host, "ansible_incus_project") ?? "default";
  const remote = textOf(host, "ansible_incus_remote") ?? null;
  const before = problems.length;
  const check = (name: string, value: string | null, allowed: RegExp): void => {
    if (value !== null && !allowed.test(value))
      problems.push({ what: `${JSON.stringify(value)} cannot be a name in Incus`, at: whereIs(host, name) });
  };
  check("ansible_incus_host", instance, /^[A-Za-z][A-Za-z0-9-]{0,62}$/);
  check("ansible_incus_project", project, /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/);
  check("ansible_incus_remote", remote, /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/);
  return problems.length > before ? null : { kind: "incus", instance, project, remote };
}

function planSystemd(host: Host, problems: Problem[]): FaultPlan | null {
  const unit = valueOf(host, "lbctl_drill_unit");
  if (mayStandElsewhere(host, unit)) return null;
  if (typeof unit === "string" && unit.length < 128 && /^[A-Za-z0-9][A-Za-z0-9:_.@-]*\.service$/.test(unit))
    return { kind: "systemd", host: host.name, connection: host.connection, unit };
  problems.push({
    what: `lbctl_drill_unit is ${JSON.stringify(shownValue(host.vars.lbctl_drill_unit))}, not the name of a service`,
    at: whereIs(host, "lbctl_drill_unit", "lbctl_drill_fault"),
    hint: "Write it in full, e.g. lbctl_drill_unit: my-api.service",
  });
  return null;
}

function planCommands(host: Host, problems: Problem[]): FaultPlan | null {
  const kill = wordsOf(host, "lbctl_drill_kill_command", problems);
  const revive = wordsOf(host, "lbctl_drill_revive_command", problems);
  return kill && revive ? { kind: "commands", kill, revive } : null;
}

function wordsOf(host: Host, name: string, problems: Problem[]): string[] | null {
  const value = valueOf(host, name);
  if (mayStandElsewhere(host, value)) return null;
  const list: readonly Value[] = Array.isArray(value) ? (value as readonly Value[]) : [];
  const words = list.filter((word): word is string => typeof word === "string");
  if (
    words.length > 0 &&
    words.length === list.length &&
    words[0] !== "" &&
    !words.some((word) => word.includes("\0"))
  )
    return words;
  const example = typeof value === "string" ? value.trim().split(/\s+/) : ["power", "off", host.name];
  problems.push({
    what: `${name} must be a list of words: it is run without a shell`,
    at: whereIs(host, name, "lbctl_drill_fault"),
    hint: `Write ${name}: ${JSON.stringify(example)}`,
  });
  return null;
}

/** In what could not be read of the inventory; why is told there. */
function mayStandElsewhere({ isPartial }: Host, value: Value | undefined): boolean {
  return isPartial === true && value === undefined;
}
