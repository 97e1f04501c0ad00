import { expect, test } from "vitest";
import { findConflicts } from "../../../src/role/rules.ts";

test("roles without rules have no conflicts", () => {
  expect(findConflicts("other", { haproxy_stats_port: 80, haproxy_listen_http: 80 })).toEqual([]);
});

test("values of another type are passed over, since the schema tells them", () => {
  const values = {
    haproxy_health_check_fastinter_ms: "x",
    haproxy_health_check_interval_ms: null,
    haproxy_trusted_ips: 1,
  };
  expect(findConflicts("haproxy", values)).toEqual([]);
});

test("a million addresses are compared within a few seconds", () => {
  const octets = (index: number) => `10.${(index >> 16) & 255}.${(index >> 8) & 255}.${index & 255}`;
  const haproxy_trusted_ips = Array.from({ length: 1_000_000 }, (_, index) => octets(index));
  const start = performance.now();
  expect(
    findConflicts("haproxy", { haproxy_trusted_ips: [...haproxy_trusted_ips, "10.0.0.0"] }),
  ).toHaveLength(1);
  expect(performance.now() - start).toBeLessThan(8000);
});
