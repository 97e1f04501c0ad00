import { describe, expect, it } from "vitest";
import { nearest } from "../../../src/document/words.ts";
import { planFailover, type FailoverOptions } from "../../../src/drill/plan.ts";
import { LbctlError } from "../../../src/errors.ts";
import type { Fleet, Host, Value, Variables } from "../../../src/model/fleet.ts";

type Vars = Readonly<Record<string, Value>>;

function host(name: string, address: string, vars: Vars): Host {
  const variables: Variables = Object.fromEntries(
    Object.entries(vars).map(([key, value]) => [
      key,
      { value, originOf: () => ({ file: "inventory.yml", line: 7 }) },
    ]),
  );
  const connection = { kind: "ssh" as const, address, sshArgs: [], become: false };
  const origin = { file: "inventory.yml", line: 1 };
  return { name, origin, groups: ["all"], vars: variables, unresolved: new Map(), connection };
}

function fleet(lb: Vars = {}, victim: Vars = {}): Fleet {
  const hosts = [
    host("lb-1", "10.0.0.1", {
      haproxy_api_group: "apis",
      haproxy_stream_group: "streams",
      haproxy_listen_http: 8080,
      haproxy_stream_path_prefixes: ["/stream/"],
      ...lb,
    }),
    host("lb-2", "10.0.0.2", {}),
    host("backend-api-1", "10.0.0.11", victim),
    host("backend-api-2", "10.0.0.12", {}),
    host("stream-1", "10.0.0.13", {}),
  ];
  const group = (name: string, members: readonly string[]) =>
    [name, { name, hosts: members, children: [] }] as const;
  return {
    hosts: new Map(hosts.map((entry) => [entry.name, entry])),
    groups: new Map([
      group("haproxy", ["lb-1", "lb-2"]),
      group("apis", ["backend-api-1", "backend-api-2"]),
      group("streams", ["stream-1"]),
    ]),
  };
}

function problemsOf(from: Fleet, options: FailoverOptions = {}): string[] {
  try {
    planFailover(from, options);
  } catch (error) {
    if (error instanceof LbctlError && error.code === "invalid")
      return error.problems.map(({ what, at, hint }) => [at, what, hint].filter(Boolean).join(" | "));
    throw error;
  }
  return [];
}

describe("a failover's plan", () => {
  it("says of a pool of one's own that no drill tests it", () => {
    const own = fleet({ haproxy_pools: { forgejo: { port: 3000, groups: ["apis"] } } });
    expect(problemsOf(own, { pool: "forgejo" })).toEqual([
      "--pool | a drill tests api_pool or stream_pool; forgejo is a pool of haproxy_pools, which it cannot test yet | Nothing was killed.",
    ]);
    expect(problemsOf(own, { pool: "forgeo" })).toEqual([
      'there is no pool named "forgeo" | Known: api_pool, stream_pool.',
    ]);
  });

  it.each([
    [{ prefixes: ["/api"], pool: "own" }, true],
    [{ hosts: ["*.example.com"], pool: "own" }, true],
    [{ hosts: ["lb.example.com"], paths: ["/api/v1/drill"], pool: "stream_pool" }, true],
    [{ hosts: ["*.example.com"], pool: "api_pool" }, false],
    [{ hosts: ["git.example.com"], pool: "own" }, false],
    [{ hosts: ["lb.example.com"], paths: ["/api"], pool: "own" }, false],
    [{ prefixes: ["/api/v1/dri"], pool: "own" }, false],
  ])("a route %j that takes its requests to another pool: %s", (route, isTaken) => {
    const own = fleet({
      lbctl_drill_address: "lb.example.com",
      haproxy_routes: [{ paths: ["/"], pool: "x" }, route],
    });
    expect(problemsOf(own)).toEqual(
      isTaken
        ? [
            "inventory.yml:7 | haproxy_routes/1 takes the requests of this drill (/api/v1/drill) from api_pool | It would measure another pool. Nothing was killed.",
          ]
        : [],
    );
  });

  it("takes everything from the inventory", () => {
    const checks = {
      haproxy_health_check_interval_ms: 2000,
      haproxy_health_check_fastinter_ms: 500,
      haproxy_health_check_timeout_ms: 800,
      haproxy_health_check_fall: 4,
      haproxy_health_check_rise: 1,
      haproxy_api_health_path: "/alive",
    };
    expect(planFailover(fleet(checks))).toMatchObject({
      pool: "api_pool",
      server: "backend-api-1",
      loadBalancers: ["lb-1", "lb-2"],
      target: { host: "10.0.0.1", port: 8080, path: "/api/v1/drill", spread: false },
      checks: { intervalMs: 2000, fastIntervalMs: 500, timeoutMs: 800, fall: 4, rise: 1 },
      fault: { kind: "incus", instance: "backend-api-1", project: "default", remote: null },
      probePath: "/alive",
      rate: 100,
    });
  });

  it("spreads the stream pool's requests below its prefix, or asks for its host", () => {
    expect(planFailover(fleet(), { pool: "stream_pool" })).toMatchObject({
      server: "stream-1",
      target: { path: "/stream/drill", hostHeader: null, spread: true },
    });
    const byHost = fleet({ haproxy_stream_path_prefixes: [], haproxy_stream_hosts: ["s.example"] });
    expect(planFailover(byHost, { pool: "stream_pool" }).target).toMatchObject({
      path: "/drill",
      hostHeader: "s.example",
    });
  });

  it.each<[Value, number]>([
    ["*:8443", 8443],
    ["[::]:81", 81],
    ["82", 82],
    [["0.0.0.0:83", "[::]:83"], 83],
  ])("reads the port of the listener %j", (listen, port) => {
    expect(planFailover(fleet({ haproxy_listen_http: listen })).target.port).toBe(port);
  });

  it("reads each kind of fault", () => {
    const fault = (vars: Vars) => planFailover(fleet({}, vars)).fault;
    expect(
      fault({ ansible_incus_host: "c1", ansible_incus_project: "lab", ansible_incus_remote: "r1" }),
    ).toEqual({
      kind: "incus",
      instance: "c1",
      project: "lab",
      remote: "r1",
    });
    expect(fault({ lbctl_drill_fault: "systemd", lbctl_drill_unit: "my-api@1.service" })).toEqual({
      kind: "systemd",
      host: "backend-api-1",
      connection: expect.objectContaining({ kind: "ssh" }) as unknown,
      unit: "my-api@1.service",
    });
    const commands = {
      lbctl_drill_kill_command: ["ipmi", "off"],
      lbctl_drill_revive_command: ["ipmi", "on"],
    };
    expect(fault({ lbctl_drill_fault: "commands", ...commands })).toEqual({
      kind: "commands",
      kill: ["ipmi", "off"],
      revive: ["ipmi", "on"],
    });
  });
});

describe("a failover's plan is refused", () => {
  it.each<[string, Fleet, FailoverOptions, RegExp]>([
    [
      "an unknown server",
      fleet(),
      { server: "backend-api-3" },
      /no server of api_pool named "backend-api-3" \| Did you mean backend-api-/,
    ],
    ["an unknown pool", fleet(), { pool: "api-pool" }, /no pool named "api-pool" \| Did you mean api_pool\?/],
    [
      "a server of another pool",
      fleet(),
      { server: "stream-1" },
      /no server of api_pool named "stream-1" \| Known: backend-api-1/,
    ],
    ["an empty group", fleet({ haproxy_api_group: "nobody" }), {}, /group nobody, which has no hosts/],
    ["a senseless rate", fleet(), { rate: 0 }, /--rate \| the rate 0/],
    [
      "an unknown fault",
      fleet({}, { lbctl_drill_fault: "incuss" }),
      {},
      /inventory.yml:7 .* Did you mean incus\?/,
    ],
    [
      "a unit with a shell in it",
      fleet({}, { lbctl_drill_fault: "systemd", lbctl_drill_unit: "a.service; id" }),
      {},
      /not the name of a service/,
    ],
    ["a unit that is missing", fleet({}, { lbctl_drill_fault: "systemd" }), {}, /lbctl_drill_unit is null/],
    [
      "an instance that is an option",
      fleet({}, { ansible_incus_host: "-rf" }),
      {},
      /"-rf" cannot be a name in Incus/,
    ],
    [
      "a check number that is a text",
      fleet({ haproxy_health_check_fall: "3" }),
      {},
      /haproxy_health_check_fall is "3"/,
    ],
    ["a listener without a port", fleet({ haproxy_listen_http: "*" }), {}, /haproxy_listen_http is "\*"/],
    [
      "a stream pool that no request leads to",
      fleet({ haproxy_stream_path_prefixes: [] }),
      { pool: "stream_pool" },
      /no request leads to stream_pool/,
    ],
  ])("for %s", (_case, from, options, why) => {
    expect(problemsOf(from, options).join("\n")).toMatch(why);
  });

  it("for a command that is one text, with the list to write", () => {
    const vars = {
      lbctl_drill_fault: "commands",
      lbctl_drill_kill_command: "ssh pdu off 3",
      lbctl_drill_revive_command: [],
    };
    const problems = problemsOf(fleet({}, vars));
    expect(problems).toHaveLength(2);
    expect(problems[0]).toContain('Write lbctl_drill_kill_command: ["ssh","pdu","off","3"]');
  });

  it("with every problem at once", () => {
    expect(problemsOf(fleet({ haproxy_listen_http: "x" }), { server: "nope", rate: 0.5 })).toHaveLength(3);
  });

  it("without load balancers", () => {
    expect(problemsOf({ hosts: new Map(), groups: new Map() })).toEqual([
      expect.stringContaining("no host in the group haproxy"),
    ]);
  });
});

it("the nearest word is close, or there is none", () => {
  expect(nearest("bakcend-api-1", ["stream-1", "backend-api-1"])).toBe("backend-api-1");
  expect(nearest("something", ["stream-1", "backend-api-1"])).toBeUndefined();
});
