import { readAddress } from "../document/address.ts";
import type { Path, Value } from "../model/fleet.ts";
import { managedFile } from "./managed-file.ts";
import { listIn, mapIn, numberIn, textIn, type Values } from "./read-value.ts";
import type { Conflict } from "./rules.ts";

interface Pool {
  readonly name: string;
  readonly own: Values;
  /** The role's variables, which defaults come from. */
  readonly vars: Values;
}

/** A conflict within a pool: `path` begins below it, `uses` are the variables that it was compared with. */
interface Found {
  readonly path: Path;
  readonly message: string;
  /** The message, where it quotes no value. */
  readonly withoutValues?: string;
  readonly uses?: readonly string[];
}

/** What `haproxy_pools` says that cannot stand, where its form is right. Pure. */
export function poolConflicts(vars: Values): Conflict[] {
  return Object.entries(mapIn(vars.haproxy_pools)).flatMap(([name, value]) => {
    const pool = { name, own: mapIn(value), vars };
    const rules = [reservedName, noServers, noPort, oddNames, twins, trust, files, checkTimes, tcpCheck];
    return rules
      .flatMap((rule) => rule(pool))
      .map(({ path, message, withoutValues = message, uses = [] }) => ({
        path: ["haproxy_pools", name, ...path],
        uses: ["haproxy_pools", ...uses],
        message,
        withoutValues,
      }));
  });
}

/** Sections of the role's own. */
const reserved = ["api_pool", "stream_pool", "api_websockets", "web", "stats"];

function reservedName({ name }: Pool): Found[] {
  if (!reserved.includes(name)) return [];
  return [{ path: [], message: `is a name that the role uses itself, as ${reserved.join(", ")}` }];
}

function noServers({ own }: Pool): Found[] {
  const all = [...listIn(own.groups), ...listIn(own.servers)];
  return all.length > 0 ? [] : [{ path: [], message: "has no servers: give it `groups`, `servers` or both" }];
}

function noPort({ own }: Pool): Found[] {
  if (own.port !== undefined) return [];
  const ofHosts =
    listIn(own.groups).length === 0
      ? []
      : [{ path: [], message: "has no `port` for the hosts of its groups" }];
  const ofListed = listIn(own.servers).flatMap((server, at) =>
    mapIn(server).port === undefined
      ? [{ path: ["servers", at], message: "has no `port`, and neither has its pool" }]
      : [],
  );
  return [...ofHosts, ...ofListed];
}

/** HAProxy's statistics call a proxy's own rows so. */
function oddNames({ own }: Pool): Found[] {
  return listIn(own.servers).flatMap((server, at) =>
    /^(?:FRONTEND|BACKEND)$/.test(textIn(mapIn(server).name))
      ? [
          {
            path: ["servers", at, "name"],
            message: "is a name that HAProxy uses itself, as FRONTEND and BACKEND",
          },
        ]
      : [],
  );
}

function twins({ own }: Pool): Found[] {
  const servers = listIn(own.servers).map(mapIn);
  const address = (server: Values): string => {
    const read = readAddress(textIn(server.address));
    const host = "canonical" in read ? read.canonical : textIn(server.address).toLowerCase();
    return `${host} ${String(numberIn(server.port ?? own.port))}`;
  };
  return [
    ...repeated(servers, ({ name }) => textIn(name), "name"),
    ...repeated(servers, address, "address and port"),
  ];
}

function repeated(servers: readonly Values[], keyOf: (server: Values) => string, what: string): Found[] {
  const first = new Map<string, number>();
  return servers.flatMap((server, at) => {
    const before = first.get(keyOf(server));
    if (before !== undefined)
      return [{ path: ["servers", at], message: `has the same ${what} as servers/${String(before)}` }];
    first.set(keyOf(server), at);
    return [];
  });
}

function trust({ own }: Pool): Found[] {
  const tls = mapIn(own.tls);
  const isTrusting = tls.verify === "none";
  return [
    ...(own.tls !== undefined && !isTrusting && tls.sni === undefined
      ? [
          {
            path: ["tls"],
            message:
              "has no `sni`, the name that the certificate has to have; `verify: none` would believe any",
          },
        ]
      : []),
    ...(isTrusting && tls.ca !== undefined
      ? [
          {
            path: ["tls", "ca"],
            message: "is not used, since `verify: none` believes whoever answers; leave one out",
          },
        ]
      : []),
  ];
}

function files({ own }: Pool): Found[] {
  return ["ca", "certificate"].flatMap((key) =>
    managedFile(mapIn(own.tls)[key]).map((words) => ({ path: ["tls", key], ...words })),
  );
}

/** A number of the pool, else that of a variable. */
interface Setting {
  readonly path: Path;
  readonly number: number;
  readonly isOwn: boolean;
  readonly variable: string;
}

function setting(own: Value | undefined, path: Path, vars: Values, variable: string): Setting | undefined {
  const number = numberIn(own) ?? numberIn(vars[variable]);
  return number === undefined ? undefined : { path, number, isOwn: numberIn(own) !== undefined, variable };
}

/** As the role's rules for the same variables; what is not set here is judged there. */
function checkTimes({ own, vars }: Pool): Found[] {
  const check = mapIn(own.check);
  const interval = setting(
    check.interval_ms,
    ["check", "interval_ms"],
    vars,
    "haproxy_health_check_interval_ms",
  );
  const fast = setting(
    check.fastinter_ms,
    ["check", "fastinter_ms"],
    vars,
    "haproxy_health_check_fastinter_ms",
  );
  const slow = setting(own.slowstart_seconds, ["slowstart_seconds"], vars, "haproxy_graceful_drain_seconds");
  const found: Found[] = [];
  const tell = (a: Setting, b: Setting, isWrong: boolean, message: string): void => {
    const mend = [a, b].find(({ isOwn }) => isOwn);
    if (!mend || !isWrong) return;
    const uses = [a, b].filter(({ isOwn }) => !isOwn).map(({ variable }) => variable);
    const withoutValues = `does not fit ${nameOf(mend === a ? b : a)}`;
    found.push({ path: mend.path, uses, message, withoutValues });
  };
  if (interval && fast)
    tell(
      fast,
      interval,
      fast.number > interval.number,
      `makes checks of a failing server slower than the usual ones: ${nameOf(fast)} is ${ms(fast)}, ${nameOf(interval)} ${ms(interval)}`,
    );
  if (interval && slow)
    tell(
      slow,
      interval,
      slow.number * 1000 <= interval.number,
      `makes a returning server skip its slow start: ${nameOf(slow)} is ${String(slow.number)} s, not longer than ${nameOf(interval)}, ${ms(interval)}`,
    );
  return found;
}

function nameOf({ isOwn, path, variable }: Setting): string {
  return isOwn ? path.join("/") : variable;
}

function ms({ number }: Setting): string {
  return `${String(number)} ms`;
}

function tcpCheck({ own }: Pool): Found[] {
  const check = mapIn(own.check);
  if (check.type !== "tcp") return [];
  return ["method", "path", "host", "status"]
    .filter((key) => check[key] !== undefined)
    .map((key) => ({
      path: ["check", key],
      message: "is not used, since `type: tcp` sends no request; leave one out",
    }));
}
