import { join } from "node:path";
import { expect, test } from "vitest";
import { loadProject } from "../../../src/commands/project.ts";
import type { Value } from "../../../src/model/fleet.ts";
import { render } from "../../../src/render/render.ts";
import { goldenInventory } from "../../support/goldens.ts";
import { folderOf, textsOf } from "../folder.ts";
import { everyKey, partsOf } from "../../support/every-pool-key.ts";

const load = (inventory: string) =>
  loadProject({ inventory: [inventory], forks: 1, transport: "openssh", input: false });

/** haproxy.cfg of an inventory whose load balancer has these variables. */
async function configOf(vars: string, groups: string): Promise<string> {
  const text = `haproxy:\n  hosts: { lb-1: { ansible_host: 192.0.2.10 } }\n  vars:\n${vars.replace(/^/gm, "    ")}\n${groups}\n`;
  const folder = await folderOf({ "hosts.yml": text });
  const project = await load(join(folder, "hosts.yml"));
  const [host] = project.hosts;
  if (!host) throw new Error("no load balancer");
  const { files } = render({ ...project, host, facts: { haproxyVersion: "2.6", watched: {} } });
  return files.find(({ path }) => path === "haproxy.cfg")?.content ?? "";
}

const git = "haproxy_pools: { git: { groups: [forges], port: 3000 } }";
const forges = "forges: { hosts: { git-1: { ansible_host: 192.0.2.31 } } }";
const api = "backend_api_instances: { hosts: { api-1: { ansible_host: 192.0.2.21 } } }";
const stream = "stream_server_instances: { hosts: { stream-1: { ansible_host: 192.0.2.22 } } }";
const backendsOf = (config: string) => [...config.matchAll(/^backend (\S+)/gm)].map(([, name]) => name);
const defaultOf = (config: string) => /^ *default_backend (.*)/m.exec(config)?.[1];

test.each([
  [forges, ["git"], undefined],
  [`${forges}\n${stream}`, ["stream_pool", "git"], "stream_pool"],
  [`${forges}\n${api}\n${stream}`, ["api_pool", "api_websockets", "stream_pool", "git"], "api_pool"],
])("with %j there are the backends %j, and %s is the default", async (groups, backends, fallback) => {
  const config = await configOf(git, groups);
  expect(backendsOf(config)).toEqual(backends);
  expect(defaultOf(config)).toBe(fallback);
});

test("what haproxy_routes says of a stream prefix goes before haproxy_stream_path_prefixes", async () => {
  const routes = `${git}\nhaproxy_routes: [{ prefixes: [/stream], pool: git }]`;
  const config = await configOf(routes, `${forges}\n${api}\n${stream}`);
  expect([...config.matchAll(/use_backend (\S+) if \{ path/g)].map(([, pool]) => pool)).toEqual([
    "git",
    "git",
  ]);
});

test("defaults of a pool are those of the role's variables", async () => {
  const vars =
    "haproxy_health_check_fall: 9\nhaproxy_graceful_drain_seconds: 99\nhaproxy_timeout_queue_ms: 1234";
  const config = await configOf(`${git}\n${vars}`, forges);
  expect(config).toMatch(/ fall 9 /);
  expect(config).toContain("slowstart 99s");
  expect(config).toContain("timeout queue 1234ms\n    timeout check");
});

const problemsOf = (vars: string, groups: string) => textsOf(() => configOf(vars, groups));

test.each([
  [git, "forges: { hosts: {} }", "hosts.yml:4 haproxy_pools/git has no servers: its groups are empty"],
  [
    `${git}\nhaproxy_routes:\n  - { paths: [/a], pool: git }\n  - paths: [/b]\n    pool: api_pool`,
    forges,
    "hosts.yml:8 haproxy_routes/1/pool names a pool that has no servers",
  ],
])("a pool that would answer 503 alone is refused: %j", async (vars, groups, expected) => {
  expect((await problemsOf(vars, groups)).map((text) => text.replace(/^\S*\//, ""))).toEqual([expected]);
});

test("the golden files have every key of haproxy_pools and haproxy_routes", async () => {
  const { hosts } = await load(goldenInventory("own-pools"));
  const written = ["haproxy_pools", "haproxy_routes"].map((name) => [
    name,
    hosts[0]?.vars[name]?.value ?? null,
  ]);
  /** Paths without names of pools and places in lists. */
  const keysOf = (value: Value) =>
    new Set(
      partsOf(value).map(({ path: [name, , ...keys] }) =>
        [name, ...keys].filter((step) => typeof step === "string").join("/"),
      ),
    );
  expect([...keysOf(Object.fromEntries(written) as Value)].sort()).toEqual([...keysOf(everyKey)].sort());
});
