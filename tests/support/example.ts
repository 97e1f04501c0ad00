import { cpSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { addressOf, balancer } from "./hosts.ts";
import { root } from "./lbctl.ts";

/** The example project, with the tests' own hosts in place of its own, and these lines in the load balancers' variables. */
export function exampleProject(lines: string): string {
  const project = mkdtempSync(join(tmpdir(), "lbctl-example-"));
  cpSync(join(root, "examples/ci"), project, { recursive: true });
  const production = join(project, "inventories/production");
  const host = (name: string, container: string): string =>
    `      hosts:\n        ${name}: { ansible_host: ${addressOf(container)} }\n`;
  writeFileSync(
    join(production, "hosts.yml"),
    [
      "all:\n  vars: { ansible_user: root }\n  children:\n",
      `    haproxy:\n${host("lb-1", balancer)}`,
      `    backend_api_instances:\n${host("backend-api-1", "test-api")}`,
      `    stream_server_instances:\n${host("stream-server-1", "test-stream")}`,
    ].join(""),
  );
  writeFileSync(
    join(production, "group_vars/haproxy.yml"),
    `haproxy_health_check_interval_ms: 2000\n${lines}\n`,
  );
  return project;
}
