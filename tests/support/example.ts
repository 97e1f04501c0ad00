import { cpSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { addressOf } from "./lab.ts";
import { root } from "./lbctl.ts";

/** The example project, with the lab's hosts in place of its own, and these lines in the load balancers' variables. */
export function exampleProject(lines: string): string {
  const project = mkdtempSync(join(tmpdir(), "lbctl-example-"));
  cpSync(join(root, "examples/ci"), project, { recursive: true });
  const production = join(project, "inventories/production");
  const hosts = (names: string[]) =>
    names.map((name) => `        ${name}: { ansible_host: ${addressOf(name)} }\n`);
  writeFileSync(
    join(production, "hosts.yml"),
    [
      "all:\n  vars: { ansible_user: root }\n  children:\n",
      ...["    haproxy:\n      hosts:\n", ...hosts(["lb-1"])],
      ...["    backend_api_instances:\n      hosts:\n", ...hosts(["backend-api-1", "backend-api-2"])],
      ...["    stream_server_instances:\n      hosts:\n", ...hosts(["stream-server-1"])],
    ].join(""),
  );
  writeFileSync(
    join(production, "group_vars/haproxy.yml"),
    `haproxy_health_check_interval_ms: 2000\n${lines}\n`,
  );
  return project;
}
