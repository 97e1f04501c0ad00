import { expect, test } from "vitest";
import { mergeUpgrades, newPackages, upgradedPackages } from "../../../src/lab/simulation.ts";

const simulated = `NOTE: a simulation
Inst login [1:4.13] (1:4.14 Debian:12 [amd64]) []
Inst incus-base (6.0 b [amd64])
Conf incus-base (6.0)
`;

test("packages that apt would only upgrade are not the lab's to remove later", () => {
  expect(newPackages(simulated)).toEqual(["incus-base"]);
  expect(upgradedPackages(simulated)).toEqual([{ name: "login", previous: "1:4.13", set: "1:4.14" }]);
});

const known = { name: "login", previous: "1", set: "2", automatic: true };

test.each([
  ["first", [], { name: "login", previous: "1", set: "2" }, { name: "login", previous: "1", set: "2" }],
  ["second of the lab's own", [known], { name: "login", previous: "2", set: "3" }, { ...known, set: "3" }],
  ["second that was cut short before", [known], { ...known, set: "3" }, { ...known, set: "3" }],
  [
    "one after somebody else's",
    [known],
    { ...known, previous: "2a", set: "3" },
    { ...known, previous: "2a", set: "3" },
  ],
])("what is remembered of an upgrade, the %s", (_, before, found, after) => {
  expect(mergeUpgrades(before, [found])).toEqual([after]);
});

test("other upgrades stay recorded", () => {
  expect(mergeUpgrades([known], [{ name: "passwd", previous: "1", set: "2" }])).toHaveLength(2);
});
