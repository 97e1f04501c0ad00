import { beforeAll, expect, test } from "vitest";
import { bundlePaused } from "../matrix/bundle.ts";
import { playCell, type Cell } from "../matrix/cell.ts";
import { cells, sampleOf } from "../matrix/cells.ts";
import { change } from "../matrix/host-state.ts";
import { freshLab, inventory } from "../support/lab.ts";
import { lbctl } from "../support/lbctl.ts";

const seed = Number(process.env.LBCTL_MATRIX_SEED ?? 1);
const killed = cells.filter(({ fault }) => fault.name === "kill");
const others = sampleOf(
  cells.filter((cell) => !killed.includes(cell)),
  4,
  seed,
);
let paused = "";

beforeAll(async () => {
  process.stderr.write(
    `crash matrix: a sample with seed ${String(seed)}; LBCTL_MATRIX_SEED=${String(seed)} takes the same one, \`npm run matrix\` all\n`,
  );
  paused = await bundlePaused();
  await freshLab("2.6");
  expect((await lbctl(["apply", "-i", inventory, "--yes", "-e", change(5000)])).code).toBe(0);
});

const named = (list: readonly Cell[]) => list.map((cell) => [cell.fault.name, cell.step, cell] as const);

test.each(named([...killed, ...others]))("%s at %s: old or new, whole", async (_name, _step, cell) => {
  const { set, problems } = await playCell(cell, paused);
  expect(problems).toEqual([]);
  expect(set).not.toBe("neither");
});
