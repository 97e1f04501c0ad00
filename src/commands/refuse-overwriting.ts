import { LbctlError, type Problem } from "../errors.ts";
import type { HostPlan } from "../model/host.ts";
import type { Role } from "../model/role.ts";
import { topOf } from "../plan/drift.ts";
import type { ChangeOptions } from "./change.ts";
import { commandLine } from "./rerun.ts";

/** Throws LbctlError `invalid` when a plan would overwrite what somebody wrote by hand, and nobody said so. */
export function refuseOverwriting(
  plans: readonly HostPlan[],
  role: Role,
  options: ChangeOptions,
  words: readonly string[],
): void {
  const refused = plans.flatMap((plan) => {
    const flag = neededFlag(plan, options);
    return flag === null ? [] : [{ plan, flag }];
  });
  if (refused.length === 0) return;
  // the one that is enough for all of them
  const flags = [...new Set(refused.map(({ flag }) => flag))].sort();
  const command = `\`${commandLine([...words, ...flags])}\``;
  const problems = refused.map(({ plan, flag }) =>
    flag === "--adopt" ? adoptionNeeded(plan, role, command) : forceNeeded(plan, role, command),
  );
  throw new LbctlError("invalid", problems);
}

function neededFlag(
  { adopts, drift, links }: HostPlan,
  options: ChangeOptions,
): "--adopt" | "--force" | null {
  if (adopts) return options.adopt ? null : "--adopt";
  if (drift.length === 0 || options.force) return null;
  // what stands in a link's place was once taken over like a configuration of one's own
  return options.adopt && drift.every((name) => links.includes(topOf(name))) ? null : "--force";
}

function diffOf(files: HostPlan["files"]): Pick<Problem, "diff"> {
  const diff = files.map((file) => file.diff).join("");
  return diff === "" ? {} : { diff };
}

function adoptionNeeded(
  { host, generation, files }: HostPlan,
  { live, state }: Role,
  command: string,
): Problem {
  // the first step of an adoption that was cut off has kept them already
  const kept =
    generation === null
      ? `Your files are kept as a generation in ${state}/generations`
      : `Your files are kept in ${state}/generations/${String(generation)}`;
  return {
    what: `${live} holds a configuration of your own, not lbctl's`,
    at: host,
    ...diffOf(files),
    hint: `Read the diff, then: ${command}. ${kept}. Nothing was touched.`,
  };
}

function forceNeeded(
  { host, generation, drift, files }: HostPlan,
  { live, state }: Role,
  command: string,
): Problem {
  const [first = "", ...more] = drift;
  const names = more.length === 0 ? `${first} was` : `${first} and ${String(more.length)} more were`;
  return {
    what: `${names} edited by hand in ${live} since generation ${String(generation)}`,
    at: host,
    ...diffOf(files.filter((file) => file.drift)),
    hint: `Put the edit into the inventory or a template, or overwrite it: ${command}. It is then kept in ${state}/replaced. Nothing was touched.`,
  };
}
