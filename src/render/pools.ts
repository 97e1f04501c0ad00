import type { Fleet } from "../model/fleet.ts";
import { poolServers, type ListedServer, type Server } from "./servers.ts";

/** An entry of `haproxy_pools`, as the role's schema has it. */
export interface DeclaredPool {
  readonly groups?: readonly string[];
  readonly servers?: readonly ListedServer[];
  readonly port?: number;
  readonly balance?: string;
  readonly sticky_cookie?: string;
  readonly maxconn?: number;
  readonly check?: {
    readonly type?: "http" | "tcp";
    readonly method?: string;
    readonly path?: string;
    readonly host?: string;
    readonly status?: string;
    readonly port?: number;
    readonly interval_ms?: number;
    readonly fastinter_ms?: number;
    readonly downinter_ms?: number;
    readonly timeout_ms?: number;
    readonly fall?: number;
    readonly rise?: number;
  };
  readonly tls?: {
    readonly verify?: "required" | "none";
    readonly ca?: string;
    readonly sni?: string;
    readonly certificate?: string;
  };
  readonly slowstart_seconds?: number;
  readonly timeout_server_ms?: number;
  readonly timeout_queue_ms?: number;
}

/** What a template prints: a mask in place of a number that is secret. */
type Printed = number | string;

/** A pool as templates print it: each default is filled in. Times are in the unit that their name ends in. */
export interface PoolView {
  readonly name: string;
  readonly balance: string;
  /** By a hash: what is added or removed moves no more than its share. */
  readonly isHashed: boolean;
  /** Empty without. */
  readonly cookie: string;
  readonly maxconn: Printed | null;
  readonly check: {
    readonly type: "http" | "tcp";
    readonly method: string;
    readonly path: string;
    readonly host: string;
    /** Empty: any 2xx or 3xx, HAProxy's default. */
    readonly status: string;
    /** null: that of the server. */
    readonly port: Printed | null;
    readonly interval_ms: Printed;
    readonly fastinter_ms: Printed;
    readonly downinter_ms: Printed;
    readonly timeout_ms: Printed;
    readonly fall: Printed;
    readonly rise: Printed;
  };
  /** Words of the server lines that make them speak TLS; empty without. */
  readonly tls: string;
  readonly slowstart_seconds: Printed;
  readonly timeout_server_ms: Printed;
  readonly timeout_queue_ms: Printed;
  readonly servers: readonly Server[];
}

/** Variables that the defaults of a pool come from. */
type PoolDefaults = Readonly<Record<string, unknown>>;

/** `haproxy_pools`, once the schema has passed it. */
export type DeclaredPools = Readonly<Record<string, DeclaredPool>>;

/** The pools of `haproxy_pools`, in their order. Throws LbctlError `invalid` for servers that HAProxy could not take. */
export function declaredPools(
  fleet: Fleet,
  declared: DeclaredPools,
  vars: PoolDefaults,
): { readonly pools: readonly PoolView[]; readonly warnings: readonly string[] } {
  const warnings: string[] = [];
  const pools = Object.entries(declared).map(([name, pool]) => {
    const members = { groups: pool.groups ?? [], listed: pool.servers ?? [], port: pool.port ?? 0 };
    const found = poolServers(fleet, members);
    warnings.push(...found.warnings.map((warning) => `${name}: ${warning}`));
    return poolView(name, pool, found.servers, vars);
  });
  return { pools, warnings };
}

/** A pool with these servers. `pool` and `vars` may hold masks. */
export function poolView(
  name: string,
  pool: DeclaredPool,
  servers: readonly Server[],
  vars: PoolDefaults,
): PoolView {
  const inherited = (variable: string): Printed => vars[variable] as Printed;
  const balance = pool.balance ?? "roundrobin";
  const { check = {}, tls } = pool;
  return {
    name,
    balance: balance === "uri" ? "uri whole" : balance,
    isHashed: /^(?:source|uri|hdr)/.test(balance),
    cookie: pool.sticky_cookie ?? "",
    maxconn: pool.maxconn ?? null,
    check: {
      type: check.type ?? "http",
      method: check.method ?? "GET",
      path: check.path ?? "/",
      host: check.host ?? "lbctl-health-check",
      status: check.status ?? "",
      port: check.port ?? null,
      interval_ms: check.interval_ms ?? inherited("haproxy_health_check_interval_ms"),
      fastinter_ms: check.fastinter_ms ?? inherited("haproxy_health_check_fastinter_ms"),
      downinter_ms: check.downinter_ms ?? inherited("haproxy_health_check_downinter_ms"),
      timeout_ms: check.timeout_ms ?? inherited("haproxy_health_check_timeout_ms"),
      fall: check.fall ?? inherited("haproxy_health_check_fall"),
      rise: check.rise ?? inherited("haproxy_health_check_rise"),
    },
    tls: tls ? tlsWords(tls) : "",
    slowstart_seconds: pool.slowstart_seconds ?? inherited("haproxy_graceful_drain_seconds"),
    timeout_server_ms: pool.timeout_server_ms ?? inherited("haproxy_api_timeout_server_ms"),
    timeout_queue_ms: pool.timeout_queue_ms ?? inherited("haproxy_timeout_queue_ms"),
    servers,
  };
}

/** Configuration Manual 5.2: a check speaks TLS only by itself where it has a port of its own. */
function tlsWords({ verify = "required", ca, sni, certificate }: NonNullable<DeclaredPool["tls"]>): string {
  return [
    "ssl check-ssl verify",
    verify,
    ...(verify === "required" ? ["ca-file", ca ?? "@system-ca"] : []),
    ...(sni === undefined ? [] : [`sni str(${sni}) check-sni ${sni}`]),
    ...(certificate === undefined ? [] : ["crt", certificate]),
  ].join(" ");
}
