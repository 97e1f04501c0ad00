import type { Value } from "../../src/model/fleet.ts";

/** A right value with every key of haproxy_pools and haproxy_routes; a test compares it with the schema. */
export const everyKey = {
  haproxy_pools: {
    git: {
      groups: ["forges"],
      servers: [
        {
          name: "old",
          address: "old.example.com",
          port: 3001,
          weight: 7,
          maxconn: 8,
          backup: true,
          disabled: false,
        },
      ],
      port: 3000,
      balance: "hdr(Host)",
      sticky_cookie: "GIT",
      maxconn: 90,
      check: {
        type: "http",
        method: "GET",
        path: "/up",
        host: "git.example.com",
        status: "200-399",
        port: 3002,
        interval_ms: 6000,
        fastinter_ms: 600,
        downinter_ms: 1600,
        timeout_ms: 1700,
        fall: 4,
        rise: 5,
      },
      tls: { verify: "required", ca: "/etc/ca.pem", sni: "git.example.com", certificate: "/etc/me.pem" },
      slowstart_seconds: 44,
      timeout_server_ms: 45_000,
      timeout_queue_ms: 4600,
    },
  },
  haproxy_routes: [{ hosts: ["*.example.com"], paths: ["/x"], prefixes: ["/y"], pool: "git" }],
} as const satisfies Record<string, Value>;

export type Path = readonly (string | number)[];

/** Every value in it, maps and lists included, by its path. */
export function partsOf(value: Value, path: Path = []): { readonly path: Path; readonly value: Value }[] {
  const inner =
    typeof value !== "object" || value === null
      ? []
      : Object.entries(value).flatMap(([key, item]) =>
          partsOf(item, [...path, Array.isArray(value) ? Number(key) : key]),
        );
  return path.length === 0 ? inner : [{ path, value }, ...inner];
}

/** The same with another value at `path`. */
export function replaced(value: Value, [step, ...rest]: Path, by: Value): Value {
  if (step === undefined) return by;
  const inner = (value as Readonly<Record<string, Value>>)[step] ?? null;
  const changed = replaced(inner, rest, by);
  return Array.isArray(value)
    ? (value as readonly Value[]).map((item, at) => (at === step ? changed : item))
    : { ...(value as Readonly<Record<string, Value>>), [step]: changed };
}
