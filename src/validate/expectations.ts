import { isIP } from "node:net";
import { addressBytes, readAddress } from "../document/address.ts";
import type { ExpectedPort } from "./check-listeners.ts";
import { unknown, type ConfigLine } from "./config.ts";
import type { Listener, Listeners } from "./listeners.ts";
import { findProbes } from "./probes.ts";

/** What the target is told of a candidate beside the files. */
export interface Expected {
  readonly ports: readonly ExpectedPort[];
  /** Addresses that may be bound though they are not the host's. */
  readonly foreignAddresses: readonly string[];
  /** The variable that lists them. */
  readonly foreignVariable: string | null;
}

/**
 * What the steps on the target need to know of a configuration, one fact a line: `name field…`, the last field being
 * the rest of the line. They need not read haproxy.cfg themselves.
 *
 * `bind LINE PROTOCOL FAMILY HEX FIRST LAST DUAL TRANSPARENT DEVICE`, `unix LINE PATH`, `stats LINE PATH`, `hide PATH`
 * (others listen or look there), `resolve NAME`, `leave LINE` (cannot be opened in a namespace of its own),
 * `port PORT VARIABLE`, `foreign HEX`, `foreign-by VARIABLE`, `unsure WHY` (no dry boot), `probe LINE WAY HEX PORT OWNER`
 * (to be tried after a reload, by an `http` request or a `connect`).
 */
export function expectations(lines: readonly ConfigLine[], listeners: Listeners, expected: Expected): string {
  const foreign = expected.foreignAddresses.flatMap((address) => {
    const read = readAddress(address);
    return "canonical" in read ? [addressBytes(read.canonical)] : [];
  });
  const facts = [
    ...listeners.ip.map(bindFact).filter((fact) => fact !== undefined),
    ...listeners.unix.map(({ line, path, isStats }) =>
      path === null
        ? "unsure a socket's path is known to the host alone"
        : `${isStats ? "stats" : "unix"} ${String(line)} ${path}`,
    ),
    ...hidden(lines).map((path) => `hide ${path}`),
    ...namesIn(lines).map((name) => `resolve ${name}`),
    ...new Set(
      [...listeners.other, ...listeners.ip.filter(cannotBoot).map(({ line }) => line)].map(
        (line) => `leave ${String(line)}`,
      ),
    ),
    ...expected.ports.map(({ port, variable }) => `port ${String(port)} ${variable}`),
    ...foreign.map((address) => `foreign ${address}`),
    ...(expected.foreignVariable === null ? [] : [`foreign-by ${expected.foreignVariable}`]),
    ...findProbes(lines, listeners.ip)
      .filter(({ listener }) => listener.address === null || !foreign.includes(listener.address))
      .map(({ listener: { line, address, firstPort, owner }, way }) =>
        ["probe", line, way, address, firstPort, owner].join(" "),
      ),
  ];
  return facts.map((fact) => `${fact}\n`).join("");
}

/** A namespace of its own has no devices, and knows no other namespaces. */
function cannotBoot({ device, namespace }: Listener): boolean {
  return device !== null || namespace !== null;
}

function bindFact(listener: Listener): string | undefined {
  const { line, protocol, family, address, firstPort, lastPort, isDual, isTransparent, device } = listener;
  if (address === null || listener.conditional || listener.namespace !== null) return undefined;
  const flags = [isDual, isTransparent].map((flag) => (flag ? "1" : "0"));
  return ["bind", line, protocol, family, address, firstPort, lastPort, ...flags, device ?? "-"].join(" ");
}

/** Logs and a process id of a worker that nobody asked for must not reach the host. */
function hidden(lines: readonly ConfigLine[]): string[] {
  const chroot = lines.find(({ section, words }) => section === "global" && words[0] === "chroot")?.words[1];
  const logs = lines.filter(({ words }) => words[0] === "log").map(({ words }) => words[1] ?? "");
  const paths = logs.map((log) => log.replace(/^unix@/, "")).filter((log) => log.startsWith("/"));
  const pidFiles = lines.filter(({ words }) => words[0] === "pidfile").map(({ words }) => words[1] ?? "");
  const inChroot = chroot === undefined ? [] : paths.map((path) => chroot + path);
  return [...new Set([...paths, ...inChroot, ...pidFiles])].filter(
    (path) => path !== "" && !path.includes(unknown),
  );
}

/** Names of servers: without a network of its own a dry boot cannot ask for them. */
function namesIn(lines: readonly ConfigLine[]): string[] {
  const names = lines
    .filter(({ words }) => words[0] === "server" || words[0] === "peer")
    .map(({ words }) => (words[2] ?? "").replace(/^(?:ipv[46]|tcp[46]?)@/, "").replace(/:[^:]*$/, ""));
  return [...new Set(names)].filter((name) => /^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(name) && isIP(name) === 0);
}
