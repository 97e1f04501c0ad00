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

test.each([
  "/etc/haproxy/certs",
  "/etc/haproxy/certs/a.pem",
  "/etc/haproxy/haproxy.cfg",
  "/var/lib/lbctl/a.pem",
])("a certificate is not kept at %s, which goes with a generation", (haproxy_tls_cert_path) => {
  const [conflict] = findConflicts("haproxy", { haproxy_tls_cert_path });
  expect(conflict?.message).toContain(`is ${haproxy_tls_cert_path}, in a folder that lbctl manages`);
});

test.each(["/etc/haproxy/site.pem", "/etc/haproxy/certs.pem", "/var/lib/lbctl-certs/a.pem"])(
  "a certificate may be kept at %s",
  (haproxy_tls_cert_path) => {
    expect(findConflicts("haproxy", { haproxy_tls_cert_path })).toEqual([]);
  },
);

test("without a certificate, or while it is not known, the port of HTTPS is nobody's", () => {
  const ports = { haproxy_listen_http: 80, haproxy_listen_https: 80 };
  expect(findConflicts("haproxy", { ...ports, haproxy_tls_cert_path: "" })).toEqual([]);
  expect(findConflicts("haproxy", ports)).toEqual([]);
  expect(findConflicts("haproxy", { ...ports, haproxy_tls_cert_path: "/a.pem" })).toHaveLength(1);
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
