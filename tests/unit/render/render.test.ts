import { join } from "node:path";
import { afterEach, expect, test, vi } from "vitest";
import { loadProject } from "../../../src/commands/project.ts";
import { render } from "../../../src/render/render.ts";
import { folderOf, textsOf } from "../folder.ts";

afterEach(() => {
  vi.restoreAllMocks();
});

/** What rendering says of these templates, which stand before the shipped ones. */
async function problemsWith(
  templates: Readonly<Record<string, string>>,
  servers = "{ api-1: { ansible_host: 192.0.2.21 } }",
) {
  const files = Object.entries(templates).map(([name, text]) => [`templates/haproxy/${name}`, text] as const);
  const folder = await folderOf({
    ...Object.fromEntries(files),
    "hosts.yml": `haproxy: { hosts: { lb-1: } }\nbackend_api_instances: { hosts: ${servers} }\n`,
  });
  vi.spyOn(process, "cwd").mockReturnValue(folder);
  const inventory = [join(folder, "hosts.yml")];
  const project = await loadProject({ inventory, forks: 1, transport: "openssh", input: false });
  const [host] = project.hosts;
  if (!host) throw new Error("no load balancer");
  const facts = { haproxyVersion: "2.6", watched: {} };
  return textsOf(() => render({ ...project, host, facts }), folder);
}

const broken = "fine\n<% if ( %>\n";

test("what is wrong with several templates is told at once, each in its own file", async () => {
  expect(
    await problemsWith({
      "haproxy.cfg.eta": "<%~ include('haproxy/part.eta') %>",
      "part.eta": broken,
      "trusted_ips.list.eta": "<%= it.nope %>",
      "trusted_ips.map.eta": broken,
      "unused.eta": broken,
    }),
  ).toEqual([
    expect.stringMatching(/^templates\/haproxy\/part\.eta:2 Bad template syntax/),
    expect.stringMatching(/^templates\/haproxy\/trusted_ips\.list\.eta:1 it\.nope is not a variable/),
    expect.stringMatching(/^templates\/haproxy\/trusted_ips\.map\.eta:2 Bad template syntax/),
  ]);
});

test("servers that cannot be do not hide a broken template", async () => {
  const twins = "{ a: { ansible_host: 192.0.2.1 }, b: { ansible_host: 192.0.2.1 } }";
  expect(await problemsWith({ "trusted_ips.map.eta": broken }, twins)).toEqual([
    "hosts.yml:2 the servers a and b have the same address 192.0.2.1",
    expect.stringMatching(/^templates\/haproxy\/trusted_ips\.map\.eta:2 Bad template syntax/),
  ]);
  expect(await problemsWith({ "trusted_ips.map.eta": broken }, "{}")).toEqual([
    expect.stringMatching(/^lb-1 no servers: /),
    expect.stringMatching(/^templates\/haproxy\/trusted_ips\.map\.eta:2 Bad template syntax/),
  ]);
});
