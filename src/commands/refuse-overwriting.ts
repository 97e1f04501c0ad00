import { LbctlError, type Problem } from "../errors.ts";
import type { HostPlan } from "../model/host.ts";
import type { Role } from "../model/role.ts";
import { quote } from "../remote/shell.ts";
import type { ChangeOptions } from "./change.ts";

type Command = "apply" | "rollback";

/** Throws LbctlError `invalid` when a plan would overwrite what somebody wrote by hand, and nobody said so. */
export function refuseOverwriting(
  command: Command,
  plans: readonly HostPlan[],
  role: Role,
  options: ChangeOptions,
): void {
  const problems = plans.flatMap((plan): Problem[] => {
    if (plan.adopts)
      return options.adopt ? [] : [adoptionNeeded(plan, role, again(command, "--adopt", options))];
    if (plan.drift.length === 0 || options.force) return [];
    // what stands in a link's place was once taken over like a configuration of one's own
    if (options.adopt && plan.drift.some((name) => plan.links.includes(name))) return [];
    return [forceNeeded(plan, role, again(command, "--force", options))];
  });
  if (problems.length > 0) throw new LbctlError("invalid", problems);
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

/** The same command with one more option; what `-e` said may be secret. */
function again(
  command: Command,
  flag: string,
  options: ChangeOptions & { readonly to?: number; readonly withCerts?: boolean },
): string {
  const words = [
    "lbctl",
    command,
    ...(options.inventory ?? []).flatMap((path) => ["-i", word(path)]),
    ...(options.limit === undefined ? [] : ["-l", word(options.limit)]),
    ...(options.to === undefined ? [] : ["--to", String(options.to)]),
    ...(options.withCerts ? ["--with-certs"] : []),
    ...((options.extraVars ?? []).length > 0 ? ["-e …"] : []),
    flag,
  ];
  return `\`${words.join(" ")}\``;
}

function word(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : quote(text);
}
