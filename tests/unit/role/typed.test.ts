import { join } from "node:path";
import { expect, test } from "vitest";
import { loadRole } from "../../../src/role/load.ts";
import { typedVariables } from "../../../src/role/typed.ts";
import { variables } from "../../support/fleet.ts";

const role = await loadRole("haproxy", [join(import.meta.dirname, "../../../roles")]);

test.each([
  ["haproxy_retries", "2", 2],
  ["haproxy_retries", "02", "02"],
  ["haproxy_retries", "two", "two"],
  ["haproxy_retries", " 2", " 2"],
  ["haproxy_retries", "2\n", "2\n"],
  ["haproxy_sticky_cookie_name", "2", "2"],
  ["another_variable", "2", "2"],
])("-e %s=%s is read as %j", (name, text, value) => {
  expect(typedVariables(variables({ [name]: text }), role)[name]?.value).toBe(value);
});
