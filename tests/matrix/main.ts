// npm run matrix [-- --step NAME] [-- --fault NAME] [-- --seed N --sample N]
import { parseArgs } from "node:util";
import { steps } from "../../src/apply/steps.ts";
import { lbctl } from "../support/lbctl.ts";
import { inventory } from "../support/lab.ts";
import { bundlePaused } from "./bundle.ts";
import { host, playCell, type Cell } from "./cell.ts";
import { cells, sampleOf } from "./cells.ts";
import { faults } from "./faults.ts";
import { change } from "./host-state.ts";

const { values: flags } = parseArgs({
  options: {
    step: { type: "string", multiple: true },
    fault: { type: "string", multiple: true },
    seed: { type: "string" },
    sample: { type: "string" },
  },
});
const say = (text: string): void => {
  process.stderr.write(`${text}\n`);
};

const asked = cells.filter(
  ({ step, fault }) => (flags.step?.includes(step) ?? true) && (flags.fault?.includes(fault.name) ?? true),
);
if (asked.length === 0) {
  say(
    `steps: ${steps.map(({ name }) => name).join(", ")}\nfaults: ${faults.map(({ name }) => name).join(", ")}`,
  );
  process.exit(3);
}
const seed = Number(flags.seed ?? Date.now() % 100_000);
const chosen = flags.sample === undefined ? asked : sampleOf(asked, Number(flags.sample), seed);
if (flags.sample !== undefined) say(`seed ${String(seed)}`);

await ready(["lab", "up", "--yes"]);
const paused = await bundlePaused();
await ready(["apply", "-i", inventory, "-l", host, "--yes", "--adopt", "-e", change(5000)]);

const began = performance.now();
const shown = new Map<Cell, string>();
for (const [index, cell] of chosen.entries()) {
  const result = await playCell(cell, paused).catch((error: unknown) => ({
    ...{ set: "neither", code: null, seconds: NaN },
    problems: [error instanceof Error ? error.message : String(error)],
  }));
  const { set, code, problems, seconds } = result;
  const word = problems.length > 0 ? "FAIL" : code === null ? set : `${set}, exit ${String(code)}`;
  shown.set(cell, word);
  say(
    `${String(index + 1)}/${String(chosen.length)} ${cell.fault.name} at ${cell.step}: ${word} (${seconds.toFixed(1)} s)`,
  );
  for (const problem of problems) say(`  ${problem}`);
}

const wanted = faults.filter(({ name }) => chosen.some(({ fault }) => fault.name === name));
const row = (words: readonly string[]): string => `| ${words.join(" | ")} |\n`;
process.stdout.write(
  row(["step", ...wanted.map(({ name }) => name)]) + row(["---", ...wanted.map(() => "---")]),
);
for (const { name } of steps.filter(({ name }) => chosen.some(({ step }) => step === name))) {
  const words = wanted.map((fault) => {
    const cell = chosen.find((one) => one.step === name && one.fault === fault);
    return (cell && shown.get(cell)) ?? "";
  });
  process.stdout.write(row([name, ...words]));
}
const failed = [...shown.values()].filter((word) => word === "FAIL").length;
const minutes = ((performance.now() - began) / 60_000).toFixed(1);
say(`${String(chosen.length - failed)} of ${String(chosen.length)} cells are whole, in ${minutes} minutes`);
process.exitCode = failed === 0 ? 0 : 1;

async function ready(args: readonly string[]): Promise<void> {
  const { code, stderr } = await lbctl(args);
  if (code !== 0) throw new Error(`lbctl ${args.join(" ")}: ${stderr}`);
}
