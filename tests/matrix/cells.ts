import { steps } from "../../src/apply/steps.ts";
import { mulberry32 } from "../support/random.ts";
import type { Cell } from "./cell.ts";
import { faults } from "./faults.ts";

/** Every step with every fault; the faults stay together. */
export const cells: readonly Cell[] = faults.flatMap((fault) =>
  steps.map(({ name }) => ({ step: name, fault })),
);

/** As many of these as asked for, the same ones for the same seed. */
export function sampleOf(from: readonly Cell[], count: number, seed: number): Cell[] {
  const random = mulberry32(seed);
  return from
    .map((cell) => ({ cell, at: random() }))
    .sort((a, b) => a.at - b.at)
    .slice(0, count)
    .map(({ cell }) => cell);
}
