import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { Problems } from "../../../src/document/problems.ts";
import { checkVariables } from "../../../src/inventory/check.ts";
import { LbctlError } from "../../../src/errors.ts";
import type { Fleet, Value } from "../../../src/model/fleet.ts";
import type { Role } from "../../../src/model/role.ts";
import { findProblems } from "../../../src/render/render.ts";
import { loadRole } from "../../../src/role/load.ts";
import { root } from "../../support/lbctl.ts";
import { makeFleet, makeHost, variables } from "../../support/fleet.ts";
import { textsOf } from "../folder.ts";
import { everyKey, partsOf, replaced, type Path } from "../../support/every-pool-key.ts";
import { fleetOf } from "./fleet.ts";

let role: Role;
beforeAll(async () => {
  role = await loadRole("haproxy", ["roles"]);
});

/** A load balancer with these variables, and a group of one host. */
function fleetWith(vars: Readonly<Record<string, Value>>): Fleet {
  const lb = makeHost("lb-1", "192.0.2.10");
  const own = { ...role.defaults, ...lb.vars, ...variables(vars) };
  const hosts = [{ ...lb, vars: own, groups: ["all", role.group] }, makeHost("git-1", "192.0.2.21")];
  return makeFleet(hosts, { forges: ["git-1"], [role.group]: ["lb-1"] });
}

/** What validate would say, each once. */
function problemsWith(vars: Readonly<Record<string, Value>>): string[] {
  const fleet = fleetWith(vars);
  const found = new Problems();
  try {
    checkVariables(fleet, ["lb-1"], role);
  } catch (error) {
    if (!(error instanceof LbctlError)) throw error;
    found.addAll(error.problems);
  }
  const hosts = [...fleet.hosts.values()].filter(({ name }) => name === "lb-1");
  found.addAll(findProblems({ fleet, role: { ...role, files: [] }, templates: new Map() }, hosts));
  return found.list().map(({ what }) => what);
}

const inEvery = (path: Path, by: Value): Readonly<Record<string, Value>> =>
  replaced(everyKey, path, by) as Readonly<Record<string, Value>>;

/** Every schema of a string, a number or a boolean below this one, by the path that a value of it has. */
function leavesOf(schema: Schema, path: readonly string[] = []): string[] {
  const inner = [
    ...Object.entries(schema.properties ?? {}).map(([key, part]) => [key, part] as const),
    ...(schema.items ? [["0", schema.items] as const] : []),
    ...(typeof schema.additionalProperties === "object"
      ? [["git", schema.additionalProperties] as const]
      : []),
  ];
  return inner.length === 0
    ? [path.join("/")]
    : inner.flatMap(([key, part]) => leavesOf(part, [...path, key]));
}

interface Schema {
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly items?: Schema;
  readonly additionalProperties?: Schema | boolean;
}

test("the value with every key has every key of the schema, and is right", () => {
  const { properties } = role.schema as { properties: Record<string, Schema> };
  const leaves = Object.keys(everyKey).flatMap((name) => leavesOf(properties[name] ?? {}, [name]));
  const own = partsOf(everyKey).filter(({ value }) => typeof value !== "object");
  expect(own.map(({ path }) => path.join("/")).sort()).toEqual(leaves.sort());
  expect(problemsWith(everyKey)).toEqual([]);
});

const strings = partsOf(everyKey).filter(({ value }) => typeof value === "string");
const hostile = ["\n", "\r", " ", "#", "'", '"', "`", "$", "%[", "\\", "{", "}", "*", ";", "\u00e9", "\0"];

test.each(strings.map(({ path, value }) => [path.join("/"), path, value as string] as const))(
  "no hostile text passes in %s",
  (shown, path, text) => {
    const told = new RegExp(`^${shown} must be `);
    for (const character of hostile)
      for (const each of [text + character, text.slice(0, 3) + character + text.slice(3), character])
        expect([each, problemsWith(inEvery(path, each))]).toEqual([each, [expect.stringMatching(told)]]);
  },
);

test.each([...hostile, "", "-x", "x".repeat(65)])("no pool is named %j", (text) => {
  const [problem, ...more] = problemsWith({ haproxy_pools: { [text]: everyKey.haproxy_pools.git } });
  expect(problem).toContain(`haproxy_pools/${text} must be the name of a pool`);
  expect(more).toEqual([]);
});

test.each(partsOf(everyKey).map(({ path }) => [path.join("/"), path] as const))(
  "a value of another kind is told once, by its path, at %s",
  (shown, path) => {
    const fits = { git: everyKey.haproxy_pools.git, x: 1 };
    for (const wrong of [null, true, 7.5, -1, "no such thing", ["a b"], [null], fits]) {
      const problems = problemsWith(inEvery(path, wrong));
      // true is a right value of some, and lists and maps may hold several wrong ones
      if (typeof wrong === "boolean" && problems.length === 0) continue;
      for (const problem of problems) expect(problem.split(" ")[0]).toMatch(new RegExp(`^${shown}(?:/|$)`));
      if (typeof wrong !== "object" || wrong === null) expect([wrong, problems.length]).toEqual([wrong, 1]);
      else expect(problems.length).toBeGreaterThan(0);
    }
  },
);

/** The problems of one pool, `x`, whose lines begin at line 6. */
const ofPool = (pool: string): Promise<string[]> =>
  toldOf(`haproxy_pools:\n  x:\n${pool.replace(/^/gm, "    ")}`);

/** `file:line what` of the problems of these variables, the first at line 4. */
async function toldOf(vars: string): Promise<string[]> {
  const indented = vars.replace(/^/gm, "    ");
  const text = `haproxy:\n  hosts: { lb-1: }\n  vars:\n${indented}\nforges: { hosts: { git-1: } }\n`;
  const fleet = await fleetOf(text, { defaults: role.defaults });
  const run = (): void => {
    checkVariables(fleet, ["lb-1"], role);
  };
  return (await textsOf(run)).map((problem) => problem.replace(/^\S*\/(hosts\.yml:\d+)/, "$1"));
}

const one = "servers: [{ name: a, address: 192.0.2.1 }]\nport: 80\n";

describe("what cannot stand is told with file, line and path", () => {
  test.each([
    ["port: 80", "hosts.yml:5 haproxy_pools/x has no servers: give it `groups`, `servers` or both"],
    ["groups: [forges]", "hosts.yml:5 haproxy_pools/x has no `port` for the hosts of its groups"],
    [
      "servers:\n  - { name: a, address: 192.0.2.1, port: 80 }\n  - { name: b, address: 192.0.2.2 }",
      "hosts.yml:8 haproxy_pools/x/servers/1 has no `port`, and neither has its pool",
    ],
    [
      "port: 80\nservers:\n  - { name: a, address: 192.0.2.1 }\n  - { name: a, address: 192.0.2.2 }",
      "hosts.yml:9 haproxy_pools/x/servers/1 has the same name as servers/0",
    ],
    [
      "port: 80\nservers:\n  - { name: a, address: '2001:db8::1' }\n  - { name: b, address: '2001:DB8:0::1', port: 80 }",
      "hosts.yml:9 haproxy_pools/x/servers/1 has the same address and port as servers/0",
    ],
    [
      "port: 80\nservers:\n  - { name: BACKEND, address: 192.0.2.1 }",
      "hosts.yml:8 haproxy_pools/x/servers/0/name is a name that HAProxy uses itself, as FRONTEND and BACKEND",
    ],
    [
      `${one}tls: {}`,
      "hosts.yml:8 haproxy_pools/x/tls has no `sni`, the name that the certificate has to have; `verify: none` would believe any",
    ],
    [
      `${one}tls:\n  verify: none\n  ca: /etc/ca.pem`,
      "hosts.yml:10 haproxy_pools/x/tls/ca is not used, since `verify: none` believes whoever answers; leave one out",
    ],
    [
      `${one}tls:\n  sni: a.example\n  ca: /etc/haproxy/certs/ca.pem`,
      "hosts.yml:10 haproxy_pools/x/tls/ca is /etc/haproxy/certs/ca.pem, in a folder that lbctl manages; keep it elsewhere, such as /etc/ssl/private",
    ],
    [
      `${one}tls:\n  sni: a.example\n  certificate: /var/lib/lbctl/a.pem`,
      "hosts.yml:10 haproxy_pools/x/tls/certificate is /var/lib/lbctl/a.pem, in a folder that lbctl manages; keep it elsewhere, such as /etc/ssl/private",
    ],
    [
      `${one}check:\n  fastinter_ms: 6000`,
      "hosts.yml:9 haproxy_pools/x/check/fastinter_ms makes checks of a failing server slower than the usual ones: check/fastinter_ms is 6000 ms, haproxy_health_check_interval_ms 5000 ms",
    ],
    [
      `${one}check:\n  interval_ms: 200`,
      "hosts.yml:9 haproxy_pools/x/check/interval_ms makes checks of a failing server slower than the usual ones: haproxy_health_check_fastinter_ms is 300 ms, check/interval_ms 200 ms",
    ],
    [
      `${one}slowstart_seconds: 5`,
      "hosts.yml:8 haproxy_pools/x/slowstart_seconds makes a returning server skip its slow start: slowstart_seconds is 5 s, not longer than haproxy_health_check_interval_ms, 5000 ms",
    ],
    [
      `${one}check:\n  interval_ms: 60000`,
      "hosts.yml:9 haproxy_pools/x/check/interval_ms makes a returning server skip its slow start: haproxy_graceful_drain_seconds is 30 s, not longer than check/interval_ms, 60000 ms",
    ],
    [
      `${one}check:\n  type: tcp\n  status: "200"`,
      "hosts.yml:10 haproxy_pools/x/check/status is not used, since `type: tcp` sends no request; leave one out",
    ],
  ])("%j", async (pool, expected) => {
    expect(await ofPool(pool)).toEqual([expected]);
  });

  test.each(["api_pool", "stream_pool", "api_websockets", "web", "stats"])(
    "a pool named %s",
    async (name) => {
      expect(await toldOf(`haproxy_pools:\n  ${name}:\n    ${one.replace("\n", "\n    ")}`)).toEqual([
        `hosts.yml:5 haproxy_pools/${name} is a name that the role uses itself, as api_pool, stream_pool, api_websockets, web, stats`,
      ]);
    },
  );

  test.each([
    [
      "  - pool: apis\n    paths: [/x]",
      'hosts.yml:5 haproxy_routes/0/pool is "apis", which is no pool; there are api_pool, stream_pool',
    ],
    [
      "  - pool: api_pool",
      "hosts.yml:5 haproxy_routes/0 would take every request: give it `hosts`, `paths` or `prefixes`",
    ],
    [
      "  - { hosts: [a.example], paths: [/x, /y], pool: api_pool }\n  - { hosts: [b.example, A.example], paths: [/y], pool: stream_pool }",
      "hosts.yml:6 haproxy_routes/1 takes a.example/y, as haproxy_routes/0 does; only one can",
    ],
    [
      "  - { prefixes: [/x], pool: api_pool }\n  - { prefixes: [/x], pool: api_pool }",
      "hosts.yml:6 haproxy_routes/1 takes /x/…, as haproxy_routes/0 does; only one can",
    ],
    [
      "  - { hosts: ['*.example', '*.Example'], pool: api_pool }",
      "hosts.yml:5 haproxy_routes/0 names *.example twice",
    ],
  ])("%j", async (routes, expected) => {
    expect(await toldOf(`haproxy_routes:\n${routes}`)).toEqual([expected]);
  });

  test("a path and a prefix of the same text are two routes, and so are those of two hosts", async () => {
    const routes = [
      { paths: ["/x"], pool: "api_pool" },
      { prefixes: ["/x"], pool: "stream_pool" },
      { hosts: ["a.example"], paths: ["/x"], pool: "stream_pool" },
    ];
    const fleet = await fleetOf(
      `haproxy: { hosts: { lb-1: { haproxy_routes: ${JSON.stringify(routes)} } } }\n`,
      {
        defaults: role.defaults,
      },
    );
    checkVariables(fleet, ["lb-1"], role);
  });
});

test("a group that is not there is told with its place, and with the one that was meant", async () => {
  expect(await ofPool("port: 80\ngroups:\n  - forges\n  - forge")).toEqual([
    'hosts.yml:9 haproxy_pools/x/groups/1 is "forge", which is no group of the inventory; did you mean "forges"?',
  ]);
});

test("an id that hosts of two groups share is told, where a pool has both", async () => {
  const text = (
    groups: string,
  ) => `haproxy: { hosts: { lb-1: { haproxy_pools: { x: { port: 80, groups: ${groups} } } } } }
one: { hosts: { a: { haproxy_server_id: 5 } } }
two: { hosts: { b: { haproxy_server_id: 5 } } }
`;
  const check = async (groups: string): Promise<void> => {
    const fleet = await fleetOf(text(groups), { defaults: role.defaults });
    checkVariables(fleet, ["lb-1"], role);
  };
  await check("[one]");
  expect((await textsOf(() => check("[one, two]"))).map((problem) => problem.replace(/^\S+ /, ""))).toEqual([
    'haproxy_server_id of b is 5, as is that of a in the groups "one" and "two"',
  ]);
});

test.each(["docs/pools.md", "roles/haproxy/README.md"])("the examples of %s are right", async (file) => {
  const text = await readFile(join(root, file), "utf8");
  const examples = [...text.matchAll(/^```yaml\n(.*?)^```/gms)].map(([, yaml = ""]) => yaml);
  const ofPools = examples.filter((yaml) => yaml.includes("haproxy_pools:"));
  expect(ofPools).not.toEqual([]);
  for (const yaml of ofPools) {
    const hosts =
      "haproxy: { hosts: { lb-1: } }\nforgejo: { hosts: { git-1: } }\nweb: { hosts: { web-1: } }\n";
    const files = { "hosts.yml": hosts, "group_vars/haproxy.yml": yaml };
    checkVariables(await fleetOf(files, { defaults: role.defaults }), ["lb-1"], role);
  }
});
