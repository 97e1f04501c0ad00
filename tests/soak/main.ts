// npm run soak [-- --seed N] [-- --applies N]
import { parseArgs } from "node:util";
import { lbctl } from "../support/lbctl.ts";
import { inventory } from "../support/lab.ts";
import { host, soak, type TurnResult } from "./soak.ts";
import { beginning } from "./turns.ts";

const { values: flags } = parseArgs({
  options: { seed: { type: "string" }, applies: { type: "string", default: "200" } },
});
const seed = Number(flags.seed ?? Date.now() % 100_000);
const applies = Number(flags.applies);
const say = (text: string): void => {
  process.stderr.write(`${text}\n`);
};

await ready(["lab", "up", "--yes"]);
await ready(["apply", "-i", inventory, "-l", host, "--yes", "--adopt", ...beginning]);
say(`seed ${String(seed)}: the same again with --seed ${String(seed)} --applies ${String(applies)}`);

const began = performance.now();
const { turns, sent, failures } = await soak(seed, applies, (result) => {
  const { turn, seconds, problems } = result;
  say(
    `${String(turn.number - 5000)}/${String(applies)} ${kindOf(result)}: ${endOf(result)} (${seconds.toFixed(1)} s)`,
  );
  for (const problem of problems) say(`  ${problem}`);
});

const kinds = new Map<string, Map<string, number>>();
for (const result of turns) {
  const ends = kinds.get(kindOf(result)) ?? new Map<string, number>();
  kinds.set(kindOf(result), ends.set(endOf(result), (ends.get(endOf(result)) ?? 0) + 1));
}
for (const [kind, ends] of [...kinds].sort()) {
  const words = [...ends].map(([end, count]) => `${String(count)} ${end}`);
  process.stdout.write(`${kind.padEnd(34)} ${words.join(", ")}\n`);
}
const bad = turns.filter(({ problems }) => problems.length > 0).length;
const minutes = ((performance.now() - began) / 60_000).toFixed(1);
process.stdout.write(
  `${String(applies)} applies in ${minutes} minutes: ${String(bad)} with problems; ` +
    `${String(failures.length)} of ${String(sent)} requests failed\n`,
);
for (const failure of failures.slice(0, 5)) say(`  ${failure}`);
process.exitCode = bad === 0 && failures.length === 0 && sent > 0 ? 0 : 1;

function kindOf({ turn: { broken, cut } }: TurnResult): string {
  return broken?.what ?? (cut ? `cut off by ${cut.how}` : "whole");
}

function endOf({ set, code }: TurnResult): string {
  return code === null ? `${set}, killed` : `${set}, exit ${String(code)}`;
}

async function ready(args: readonly string[]): Promise<void> {
  const { code, stderr } = await lbctl(args);
  if (code !== 0) throw new Error(`lbctl ${args.join(" ")}: ${stderr}`);
}
