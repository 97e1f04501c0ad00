import { expect, test } from "vitest";
import { median, verdictsOf } from "../../../bench/report.ts";
import type { Row } from "../../../bench/rounds.ts";

const cost = (ms: number) => ({ ms, cpuMs: ms / 2, largestKb: 0, allKb: 0, output: "" });

/** Runs of lbctl, Ansible and the limit, in milliseconds. */
function row(over: Partial<Row>, lbctl: number[], ansible: number[], limit: number[]): Row {
  return {
    ...{ hosts: 1, roundTripMs: 0, work: "no-op", connections: "cold", inventory: "", targets: [] },
    ...over,
    costs: { lbctl: lbctl.map(cost), ansible: ansible.map(cost), limit: limit.map(cost) },
  };
}

test.each([
  [[3, 1, 2], 2],
  [[4, 1, 2, 3], 2.5],
  [[7], 7],
])("the median of %j is %d", (values, expected) => {
  expect(median(values)).toBe(expected);
});

test("a promise is judged by medians: one slow run changes nothing", () => {
  const [ratio, limit] = verdictsOf([row({}, [100, 100, 900], [1000, 1001, 1002], [99, 101, 120])]);
  expect(ratio).toMatchObject({ measured: "10.0×", kept: true });
  expect(limit).toMatchObject({ measured: "0.99 of it", kept: true });
});

test.each<[string, Partial<Row>, number, boolean[]]>([
  ["nine times is not ten", {}, 900, [false, true]],
  ["five hosts must be faster", { hosts: 5 }, 1700, [false, true]],
  ["twenty faster still, and sparing", { hosts: 20 }, 3900, [false, true, true]],
  ["a change is held to less", { work: "changed" }, 500, [true]],
  ["far away and warm: fifteen times", { roundTripMs: 50, connections: "warm" }, 1400, [false]],
  ["far away and cold: five times", { roundTripMs: 50 }, 500, [true]],
  ["a number of hosts that nothing is promised of", { hosts: 7, connections: "warm" }, 1, []],
])("%s", (_, over, ansible, kept) => {
  expect(verdictsOf([row(over, [100], [ansible], [100])]).map((verdict) => verdict.kept)).toEqual(kept);
});

test("more CPU than a tenth of Ansible's is missed", () => {
  const verdicts = verdictsOf([row({ hosts: 20, connections: "warm" }, [100], [999], [1])]);
  expect(verdicts.at(-1)).toMatchObject({ measured: "0.100", kept: false });
});
