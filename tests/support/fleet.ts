import type { Fleet, Host, Value, Variables } from "../../src/model/fleet.ts";

/** Variables as if written one a line in `file`. */
export function variables(values: Record<string, Value>, file = "vars.yml"): Variables {
  return Object.fromEntries(
    Object.entries(values).map(([name, value], index) => [
      name,
      { value, originOf: () => ({ file, line: index + 1 }) },
    ]),
  );
}

export function makeHost(name: string, address: string, vars: Record<string, Value> = {}): Host {
  return {
    name,
    origin: { file: "hosts.yml", line: 1 },
    groups: ["all"],
    vars: variables({ ansible_host: address, ...vars }),
    unresolved: new Map(),
    connection: { kind: "ssh", address, sshArgs: [], become: false },
  };
}

export function makeFleet(hosts: readonly Host[], groups: Record<string, readonly string[]>): Fleet {
  return {
    hosts: new Map(hosts.map((host) => [host.name, host])),
    groups: new Map(
      Object.entries(groups).map(([name, members]) => [name, { name, hosts: members, children: [] }]),
    ),
  };
}
