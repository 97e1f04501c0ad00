import { LbctlError } from "../src/errors.ts";
import { commands, type Contestant, type Target, type Work } from "./contestants.ts";
import { closeMasters, measure, type Cost } from "./measure.ts";
import type { BenchProject } from "./project.ts";

/** One row of the table: the same work, done by everybody, round after round. */
export interface Scene {
  readonly hosts: number;
  readonly roundTripMs: number;
  readonly work: Work;
  readonly connections: "cold" | "warm";
  readonly inventory: string;
  readonly targets: readonly Target[];
}

export type Row = Scene & { readonly costs: Readonly<Record<Contestant, readonly Cost[]>> };

const contestants: readonly Contestant[] = ["lbctl", "ansible", "limit"];

/** What shows that a run did the work it was asked for, and only that. */
const proof: Readonly<Record<Contestant, Readonly<Record<Work, (hosts: number) => RegExp>>>> = {
  lbctl: {
    "no-op": (hosts) => new RegExp(`^ *unchanged ${String(hosts)}$`, "m"),
    changed: (hosts) => new RegExp(`^ *changed ${String(hosts)}$`, "m"),
  },
  ansible: {
    "no-op": () => /(?<!changed=[1-9].*)changed=0 (?!.*changed=[1-9])/s,
    changed: () => /(?<!changed=0 .*)changed=2 (?!.*changed=0 )/s,
  },
  limit: {
    "no-op": (hosts) => new RegExp(`(?:^[0-9a-f]{64}  haproxy.cfg$[^]*){${String(hosts)}}`, "m"),
    changed: () => /^/,
  },
};

/** Every change is to a value that was never there before. */
let maxconn = 2000;

/**
 * Runs a scene `rounds` times, each contestant in turn, in another order each round, so that what disturbs the machine
 * disturbs all alike. A first round, of which nothing is kept, makes everything as it is to be and warms what is warm.
 */
export async function playScene(project: BenchProject, scene: Scene, rounds: number): Promise<Row> {
  const costs: Record<Contestant, Cost[]> = { lbctl: [], ansible: [], limit: [] };
  for (let round = 0; round <= rounds; round += 1) {
    if (round === 0 || scene.work === "changed") maxconn += 1;
    for (let turn = 0; turn < contestants.length; turn += 1) {
      const contestant = contestants[(turn + round) % contestants.length] ?? "lbctl";
      if (scene.connections === "cold") await closeMasters(project);
      const cost = await measure(wordsFor(contestant, project, scene, round === 0), project);
      if (round > 0) {
        proveWork(contestant, scene, cost);
        costs[contestant].push(cost);
      }
    }
  }
  await closeMasters(project);
  return { ...scene, costs };
}

/** The memory of all processes of a contestant together, in one run that is not timed. */
export async function memoryOf(contestant: Contestant, project: BenchProject, scene: Scene): Promise<Cost> {
  await closeMasters(project);
  return measure(wordsFor(contestant, project, scene, false), project, { memory: true });
}

/** The first round of a no-op makes the change that the others then find made. */
function wordsFor(
  contestant: Contestant,
  project: BenchProject,
  scene: Scene,
  first: boolean,
): readonly string[] {
  const { inventory, targets } = scene;
  const work = first ? "changed" : scene.work;
  const words = commands[contestant]({ project, inventory, targets, maxconn, work });
  // lbctl itself opens masters only for hosts that are far away; one that is open it takes
  const opensMaster = contestant === "lbctl" && first && scene.connections === "warm";
  return opensMaster ? [...words, "--transport", "openssh"] : words;
}

function proveWork(contestant: Contestant, { hosts, work }: Scene, { output }: Cost): void {
  if (proof[contestant][work](hosts).test(output)) return;
  throw new LbctlError("bug", {
    what: `${contestant} did not do the work "${work}" on ${String(hosts)} hosts:\n${output.trim().split("\n").slice(-15).join("\n")}`,
  });
}
