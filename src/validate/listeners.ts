import { addressBytes, readAddress } from "../document/address.ts";
import { unknown, type ConfigLine } from "./config.ts";

/** Where a worker listens by IP. */
export interface Listener {
  /** Line of haproxy.cfg, from 1. */
  readonly line: number;
  /** The section: `frontend web`, `global`. */
  readonly owner: string;
  readonly protocol: "tcp" | "udp";
  readonly family: 4 | 6;
  /** Hex of its bytes; null for a name, which only the target can resolve. */
  readonly address: string | null;
  readonly isWildcard: boolean;
  /** The IPv6 wildcard that takes IPv4 too. */
  readonly isDual: boolean;
  readonly firstPort: number;
  readonly lastPort: number;
  readonly device: string | null;
  readonly namespace: string | null;
  readonly isTransparent: boolean;
  /** One of several of one section that share an address by thread. */
  readonly isShared: boolean;
  readonly conditional: boolean;
  /** As it was written, without options. */
  readonly shown: string;
}

/** Where a worker listens by a path. */
interface UnixListener {
  readonly line: number;
  /** null: only the target knows it. */
  readonly path: string | null;
  /** Answers the Runtime API. */
  readonly isStats: boolean;
  readonly conditional: boolean;
}

export interface Listeners {
  readonly ip: readonly Listener[];
  readonly unix: readonly UnixListener[];
  /** Lines with a listener that is neither, or that nobody can know from here: `fd@3`, `"${WHERE}"`. */
  readonly other: readonly number[];
}

/** Every place where this configuration would listen. Pure. */
export function findListeners(lines: readonly ConfigLine[]): Listeners {
  const ip: Listener[] = [];
  const unix: UnixListener[] = [];
  const other: number[] = [];
  const prefix = lines.find(({ words }) => words[0] === "unix-bind" && words[1] === "prefix")?.words[2] ?? "";
  for (const line of lines) {
    const bound = boundBy(line);
    if (!bound) continue;
    for (const written of bound.addresses.split(",")) {
      const path = /^(?:unix@)?(\/.*)$|^unix@(.*)$/.exec(written);
      if (path && !written.includes(unknown)) {
        const { number, conditional } = line;
        const whole = `${bound.isStats ? "" : prefix}${path[1] ?? path[2] ?? ""}`;
        unix.push({
          line: number,
          path: whole.includes(unknown) ? null : whole,
          isStats: bound.isStats,
          conditional,
        });
      } else {
        const listener = readListener(written, bound.options, line);
        if (listener) ip.push({ ...listener, protocol: bound.isDatagram ? "udp" : listener.protocol });
        else if (bound.isStats && written.includes(unknown)) {
          unix.push({ line: line.number, path: null, isStats: true, conditional: line.conditional });
        } else other.push(line.number);
      }
    }
  }
  return { ip, unix, other };
}

interface Bound {
  readonly addresses: string;
  readonly options: readonly string[];
  readonly isStats: boolean;
  readonly isDatagram: boolean;
}

function boundBy({ section, words }: ConfigLine): Bound | undefined {
  const [first, second = "", third = ""] = words;
  if (first === "bind" || first === "dgram-bind") {
    return { addresses: second, options: words.slice(2), isStats: false, isDatagram: first === "dgram-bind" };
  }
  if (section === "global" && first === "stats" && second === "socket") {
    return { addresses: third, options: words.slice(3), isStats: true, isDatagram: false };
  }
  return undefined;
}

/** `[ipv4@|ipv6@|udp@|quic4@…]ADDRESS:PORT[-PORT]`, the port after the last colon (Configuration Manual, 11). */
function readListener(written: string, options: readonly string[], line: ConfigLine): Listener | undefined {
  const form =
    /^(?:(ipv4|ipv6|tcp|tcp4|tcp6|mptcp|mptcp4|mptcp6|udp|udp4|udp6|quic|quic4|quic6)@)?(.*):(\d+)(?:-(\d+))?$/.exec(
      written,
    );
  if (!form || written.includes(unknown)) return undefined;
  const [, scheme = "", bracketed = "", first = "", last = first] = form;
  const host = bracketed.replace(/^\[(.*)\]$/, "$1");
  const forced = scheme.endsWith("6") ? 6 : scheme.endsWith("4") ? 4 : undefined;
  const isWritten = host !== "" && host !== "*";
  const read = readAddress(isWritten ? host : forced === 6 ? "::" : "0.0.0.0");
  const bytes = "canonical" in read ? addressBytes(read.canonical) : null;
  const family = bytes === null ? (forced ?? 4) : bytes.length === 8 ? 4 : 6;
  const isWildcard = bytes !== null && /^0+$/.test(bytes);
  const after = (name: string): string | null => {
    const index = options.indexOf(name);
    return index < 0 ? null : (options[index + 1] ?? null);
  };
  return {
    line: line.number,
    owner: line.section,
    protocol: /^(?:udp|quic)/.test(scheme) ? "udp" : "tcp",
    family,
    address: bytes,
    isWildcard,
    // Linux takes IPv4 too, unless told otherwise (net.ipv6.bindv6only)
    isDual: isWildcard && family === 6 && !options.includes("v6only"),
    firstPort: Number(first),
    lastPort: Number(last),
    device: after("interface"),
    namespace: after("namespace"),
    isTransparent: options.includes("transparent"),
    isShared: options.includes("thread") || options.includes("process"),
    conditional: line.conditional,
    shown: written,
  };
}
