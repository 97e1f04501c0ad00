import { join } from "node:path";
import { expect, test } from "vitest";
import { readLimit } from "../../../src/inventory/limit.ts";
import { selectHosts } from "../../../src/inventory/select.ts";
import { folderOf, textsOf } from "../folder.ts";
import { fleetOf } from "./fleet.ts";

const inventory = "web: {hosts: {w1: , w2: }}\n";

test("a line of a limit file is one part, and what is wrong with it has its file and line", async () => {
  const folder = await folderOf({ lines: "# web\n\nw1:w2\n!w9\nw1\n" });
  const fleet = await fleetOf(inventory);
  const limit = await readLimit(`@${join(folder, "lines")}`);
  expect(await textsOf(() => selectHosts(fleet, limit), folder)).toEqual([
    'lines:3 no host or group matches "w1:w2"',
    'lines:4 no host or group matches "w9"',
  ]);
});

test("lines that start with # say nothing", async () => {
  const folder = await folderOf({ lines: "# the first\nw1\n", none: "# w1\n" });
  const fleet = await fleetOf(inventory);
  expect(selectHosts(fleet, await readLimit(`@${join(folder, "lines")}`))).toEqual(["w1"]);
  expect(await textsOf(() => readLimit(`@${join(folder, "none")}`), folder)).toEqual([
    "none the limit file names nobody",
  ]);
});

test.each(["", ",", " , "])("--limit %j is refused", async (limit) => {
  expect(await textsOf(() => readLimit(limit))).toEqual([`--limit ${JSON.stringify(limit)} names nobody`]);
});
