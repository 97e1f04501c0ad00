import { expect, test } from "vitest";
import { makeClaim } from "../../../src/apply/lease.ts";
import { takeTurns } from "../../../src/apply/turns.ts";

const claim = makeClaim("anna@desk", "apply");
const now = async (promise: Promise<unknown>): Promise<unknown> =>
  Promise.race([promise, new Promise((resolve) => setImmediate(resolve, "later"))]);

test("leases are taken in the order of names, one after another, and then all may begin", async () => {
  const turns = takeTurns(["lb-2", "lb-1"], claim, 0);
  const [one, two] = [turns.of("lb-1"), turns.of("lb-2")];
  expect(await now(two.arrive())).toBe("later");
  expect(await now(one.arrive())).toBe(0);
  one.held();
  expect(await now(two.arrive())).toBe(0);
  expect(await now(turns.allHeld)).toBe("later");
  two.held();
  expect(await now(turns.allHeld)).toBe(true);
  turns.decide("lb-2", true);
  turns.decide("lb-1", false);
  expect(await Promise.all([one.toBegin, two.toBegin])).toEqual([false, true]);
});

test("when one cannot be had, or is lost before all are, none begins", async () => {
  const turns = takeTurns(["lb-1", "lb-2", "lb-3"], claim, 0);
  turns.of("lb-1").held();
  turns.ended();
  expect(await now(turns.allHeld)).toBe(false);
  expect(await now(turns.of("lb-1").toBegin)).toBe(false);
  expect(await now(turns.of("lb-3").arrive())).toBe(null);
});

test("a host alone begins without being told, and without hosts there is nothing to wait for", async () => {
  const turns = takeTurns(["lb-1"], claim, 1500);
  expect(await now(turns.of("lb-1").arrive())).toBeGreaterThan(1000);
  expect(await now(turns.of("lb-1").toBegin)).toBe(true);
  expect(await now(takeTurns([], claim, 0).allHeld)).toBe(true);
});
