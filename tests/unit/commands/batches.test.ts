import { expect, test } from "vitest";
import { batchesOf, parseSerial } from "../../../src/commands/batches.ts";

const hosts = (count: number): number[] => Array.from({ length: count }, (_, index) => index + 1);
const sizes = (count: number, serial?: string): number[] =>
  batchesOf(hosts(count), serial === undefined ? undefined : parseSerial(serial)).map(({ length }) => length);

test.each<[number, string | undefined, number[]]>([
  [0, undefined, []],
  [1, undefined, [1]],
  [5, undefined, [1, 4]],
  [5, "100%", [5]],
  [5, "2", [2, 2, 1]],
  [5, "9", [5]],
  [10, "25%", [2, 2, 2, 2, 2]],
  [3, "10%", [1, 1, 1]],
  [8, "1,25%,100%", [1, 2, 5]],
  [7, "1, 2", [1, 2, 2, 2]],
  [2, "1,25%,100%", [1, 1]],
])("%i hosts with --serial %s are batches of %j", (count, serial, expected) => {
  expect(sizes(count, serial)).toEqual(expected);
});

test("the order stays, and every host is in one batch", () => {
  expect(batchesOf(hosts(7), parseSerial("1,50%")).flat()).toEqual(hosts(7));
});

test.each(["", "0", "0%", "101%", "-1", "1.5", "1,,2", "1,", "all", "1000000", "25 %", "1e3"])(
  "--serial %j is refused",
  (text) => {
    expect(parseSerial(text)).toBeUndefined();
  },
);
