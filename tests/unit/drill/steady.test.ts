import { expect, test } from "vitest";
import { poolProblem } from "../../../src/drill/steady.ts";
import { server } from "../../support/drill.ts";

const check = (status: string) => ({ check: { status, code: null, durationMs: null, lastReason: "" } });

test.each([
  ["UP", "L7OK", null],
  ["UP", "L4OK", null],
  ["no check", "", null],
  ["UP", "INI", "not UP in api_pool: web-2 (UP, check INI)"],
  ["UP 1/3", "L4TOUT", "not UP in api_pool: web-2 (UP 1/3, check L4TOUT)"],
  ["DOWN", "L4CON", "not UP in api_pool: web-2 (DOWN)"],
])("a server that is %s by the check %s: %j", (status, checked, problem) => {
  expect(poolProblem("api_pool", [server("web-1", "UP"), server("web-2", status, check(checked))])).toBe(
    problem,
  );
});

test("a pool without servers is not whole", () => {
  expect(poolProblem("api_pool", [])).toBe("api_pool has no servers");
});
