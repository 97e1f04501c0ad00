import { beforeAll, expect, test } from "vitest";
import { freshLab, inventory } from "../support/lab.ts";
import { lbctl } from "../support/lbctl.ts";
import { soak } from "../soak/soak.ts";
import { beginning } from "../soak/turns.ts";

const seed = Number(process.env.LBCTL_SOAK_SEED ?? 7);
const applies = 12;

beforeAll(async () => {
  process.stderr.write(
    `soak: LBCTL_SOAK_SEED=${String(seed)} makes the same one, \`npm run soak\` a long one\n`,
  );
  await freshLab("2.6");
  expect((await lbctl(["apply", "-i", inventory, "--yes", ...beginning])).code).toBe(0);
});

test("changes under load, some broken and some cut off: each is whole or not at all, and no request fails", async () => {
  const { turns, sent, failures } = await soak(seed, applies, () => undefined);
  expect(turns.flatMap(({ problems }) => problems)).toEqual([]);
  expect(turns).toHaveLength(applies);
  expect(failures).toEqual([]);
  expect(sent).toBeGreaterThan(100);
});
