import { readAddress, readNetwork } from "../document/address.ts";
import type { Path, Value } from "../model/fleet.ts";
import { managedFile } from "./managed-file.ts";
import { poolConflicts } from "./pool-rules.ts";
import { routeConflicts } from "./route-rules.ts";

/** Two values that cannot both stand. */
export interface Conflict {
  readonly path: Path;
  /** The variables that were compared. */
  readonly uses: readonly string[];
  readonly message: string;
  /** The same without values, where the names of `uses` do not say it. */
  readonly withoutValues?: string;
}

type Values = Readonly<Record<string, Value>>;

/** Conflicts between variables that a schema cannot see. Pure; values of another type are passed over. */
export function findConflicts(role: string, values: Values): Conflict[] {
  return (rules[role] ?? []).flatMap((rule) => rule(values));
}

const rules: Readonly<Record<string, readonly ((values: Values) => Conflict[])[]>> = {
  haproxy: [
    differ("haproxy_listen_https", "haproxy_listen_http", hasCertificate),
    differ("haproxy_stats_port", "haproxy_listen_http"),
    differ("haproxy_stats_port", "haproxy_listen_https", hasCertificate),
    atMost(
      "haproxy_health_check_fastinter_ms",
      "haproxy_health_check_interval_ms",
      "checks of a failing server would be slower than the usual ones",
    ),
    drainLongerThanCheck,
    certificateElsewhere,
    distinct("haproxy_trusted_ips", (text) => {
      const read = readNetwork(text);
      return "canonical" in read ? read.canonical : text;
    }),
    distinct("haproxy_foreign_addresses", (text) => {
      const read = readAddress(text);
      return "canonical" in read ? read.canonical : text;
    }),
    distinct("haproxy_stream_hosts", (text) => text.toLowerCase()),
    distinct("haproxy_stream_path_prefixes", (text) => text),
    poolConflicts,
    routeConflicts,
  ],
};

function hasCertificate({ haproxy_tls_cert_path: path }: Values): boolean {
  return typeof path === "string" && path !== "";
}

function differ(name: string, other: string, applies: (values: Values) => boolean = () => true) {
  return (values: Values): Conflict[] => {
    const port = values[name];
    if (typeof port !== "number" || port !== values[other] || !applies(values)) return [];
    const message = `is ${port}, as is ${other}; one port serves one of them`;
    return [{ path: [name], uses: [name, other], message }];
  };
}

function atMost(name: string, limit: string, because: string) {
  return (values: Values): Conflict[] => {
    const [value, most] = [values[name], values[limit]];
    if (typeof value !== "number" || typeof most !== "number" || value <= most) return [];
    return [
      { path: [name], uses: [name, limit], message: `is ${value}, more than ${limit} (${most}); ${because}` },
    ];
  };
}

/** It is the time of slowstart, which HAProxy wants longer than a check's interval (configuration manual, 5.2). */
function drainLongerThanCheck(values: Values): Conflict[] {
  const [name, limit] = ["haproxy_graceful_drain_seconds", "haproxy_health_check_interval_ms"];
  const [seconds, interval] = [values[name], values[limit]];
  if (
    typeof seconds !== "number" ||
    typeof interval !== "number" ||
    seconds === 0 ||
    seconds * 1000 > interval
  )
    return [];
  return [
    {
      path: [name],
      uses: [name, limit],
      message: `is ${seconds} s, not longer than ${limit} (${interval} ms); a returning server would skip its slow start`,
    },
  ];
}

function certificateElsewhere(values: Values): Conflict[] {
  const name = "haproxy_tls_cert_path";
  return managedFile(values[name]).map((words) => ({ path: [name], uses: [name], ...words }));
}

function distinct(name: string, canonical: (text: string) => string) {
  return (values: Values): Conflict[] => {
    const list = values[name];
    if (!Array.isArray(list)) return [];
    const seen = new Map<string, number>();
    const conflicts: Conflict[] = [];
    for (const [index, item] of (list as readonly Value[]).entries()) {
      if (typeof item !== "string") continue;
      const first = seen.get(canonical(item));
      if (first === undefined) seen.set(canonical(item), index);
      else
        conflicts.push({
          path: [name, index],
          uses: [name],
          message: `(${JSON.stringify(item)}) repeats ${name}/${first}`,
          withoutValues: "holds the same item twice",
        });
    }
    return conflicts;
  };
}
