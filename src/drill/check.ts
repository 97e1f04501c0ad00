import { didYouMean } from "../document/words.ts";
import { Problems } from "../document/problems.ts";
import type { Problem } from "../errors.ts";
import type { Host } from "../model/fleet.ts";
import { planFault } from "./plan-fault.ts";
import { valueOf } from "./vars.ts";

const known = [
  "lbctl_drill_fault",
  "lbctl_drill_unit",
  "lbctl_drill_kill_command",
  "lbctl_drill_revive_command",
  "lbctl_drill_address",
];

/** What a drill of any of these servers would refuse, as far as the inventory says how they are killed. */
export function findDrillProblems(loadBalancers: readonly Host[], servers: readonly Host[]): Problem[] {
  const found: Problem[] = [];
  for (const host of new Set([...loadBalancers, ...servers])) checkNames(host, found);
  for (const host of servers) {
    if (valueOf(host, "lbctl_drill_fault") !== undefined && !isUnknown(host)) planFault(host, found);
  }
  // what hosts share is told once
  const problems = new Problems();
  problems.addAll(found);
  return problems.list();
}

/** A misspelt variable would leave the default in force, which kills in another way. */
export function checkNames({ vars }: Host, problems: Problem[]): void {
  for (const [name, variable] of Object.entries(vars)) {
    if (!name.startsWith("lbctl_") || known.includes(name)) continue;
    const near = didYouMean(name, known);
    const { file, line } = variable.originOf([]);
    problems.push({
      what: `lbctl has no variable "${name}"${near ? `; ${near}` : ""}`,
      at: `${file}:${line}`,
      hint: `Known: ${known.join(", ")}.`,
    });
  }
}

/** Whether a value of the fault has no value, which is told where it is resolved. */
function isUnknown({ unresolved }: Host): boolean {
  return [...unresolved].some(
    ([name, why]) =>
      name.startsWith("lbctl_drill_") || (why.length === 0 && name.startsWith("ansible_incus_")),
  );
}
