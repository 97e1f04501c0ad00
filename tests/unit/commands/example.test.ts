import { join } from "node:path";
import { expect, test } from "vitest";
import { loadProject } from "../../../src/commands/project.ts";
import { render } from "../../../src/render/render.ts";
import { root } from "../../support/lbctl.ts";

test("the example inventory is valid, and its group_vars, host_vars, ranges and references reach the files", async () => {
  const project = await loadProject({
    inventory: [join(root, "inventories/example")],
    forks: 1,
    transport: "auto",
    input: false,
  });
  expect(project.hosts.map(({ connection }) => connection)).toMatchObject([
    { address: "lb-1.example.net" },
    { address: "lb-2.example.net" },
  ]);
  const [host] = project.hosts;
  if (!host) throw new Error("no load balancer");
  const { files, warnings } = render({ ...project, host, facts: { haproxyVersion: "2.6", watched: {} } });
  expect(warnings).toEqual([]);
  const config = files.find(({ path }) => path === "haproxy.cfg")?.content;
  expect(config).toMatch(/server api-2 192\.0\.2\.22:8080 id \d+ cookie api-2 weight 50\n/);
  expect(config).toContain("inter 2000ms");
  expect(files.find(({ path }) => path === "lists/trusted_ips.list")?.content).toContain("198.51.100.0/24\n");
});
