import { LbctlError } from "../errors.ts";
import { parseCsv } from "./csv.ts";

/** Result of a server's last health check (Management Guide 9.1, fields 36 to 38, 56 and 65). */
interface CheckStat {
  /** `L7OK`, `L4CON`, `L7TOUT`, `INI`, …; empty when the server has no check. */
  readonly status: string;
  /** Layer 5 to 7 code, e.g. 200; null when there was none. */
  readonly code: number | null;
  readonly durationMs: number | null;
  /** What the check said, e.g. `Connection refused`; untrusted text. */
  readonly lastReason: string;
}

export interface ServerStat {
  readonly pool: string;
  readonly name: string;
  /** In HAProxy's words: `UP`, `UP 1/3` (going down), `DOWN`, `DOWN 1/2`, `NOLB`, `MAINT`, `MAINT (via …)`, `DRAIN`, `no check`. */
  readonly status: string;
  /** Takes new requests: `UP…` or `no check`, with a weight above 0. */
  readonly up: boolean;
  readonly check: CheckStat;
  /** `10.0.0.12:8080`, `[::1]:8080`; empty when the socket's level hides it. */
  readonly address: string;
  /** `pool/server` whose checks decide for this one (`track`); empty when it has its own. */
  readonly tracks: string;
  /** By this value of the pool's cookie a client stays with it, even while it drains; empty without. */
  readonly cookie: string;
  readonly backup: boolean;
  readonly weight: number;
  /** Open now, and since the worker started. */
  readonly sessions: number;
  readonly totalSessions: number;
  readonly queue: number;
  /** Seconds since the status last changed. */
  readonly sinceSeconds: number;
  /** `wretr`: attempts repeated on the same server. */
  readonly retries: number;
  /** `wredis`: attempts repeated on another server. */
  readonly redispatches: number;
}

interface BackendStat {
  readonly name: string;
  readonly status: string;
  readonly up: boolean;
  readonly sessions: number;
  readonly queue: number;
  readonly retries: number;
  readonly redispatches: number;
}

interface FrontendStat {
  readonly name: string;
  /** `OPEN`, `FULL`, `STOP`. */
  readonly status: string;
  readonly sessions: number;
  readonly requests: number;
}

export interface Stats {
  readonly frontends: readonly FrontendStat[];
  readonly backends: readonly BackendStat[];
  readonly servers: readonly ServerStat[];
}

/**
 * Reads `show stat` (Management Guide 9.1) by the names in its header, since versions add columns.
 * Throws LbctlError `bug` when the text is not such a table.
 */
export function parseStat(text: string): Stats {
  const [header, ...rows] = parseCsv(text);
  if (header?.[0] !== "# pxname")
    throw new LbctlError("bug", {
      what: `not an answer to "show stat": ${JSON.stringify(text.slice(0, 80))}`,
    });
  const names = ["pxname", ...header.slice(1)];
  const missing = ["svname", "status", "scur", "weight"].filter((name) => !names.includes(name));
  if (missing.length > 0)
    throw new LbctlError("bug", { what: `"show stat" lacks the columns ${missing.join(", ")}` });
  const tables = {
    frontends: [] as FrontendStat[],
    backends: [] as BackendStat[],
    servers: [] as ServerStat[],
  };
  for (const cells of rows) {
    const row = new Row(names, cells);
    switch (typeOf(row)) {
      case "0":
        tables.frontends.push(frontendOf(row));
        break;
      case "1":
        tables.backends.push(backendOf(row));
        break;
      case "2":
        tables.servers.push(serverOf(row));
        break;
      default: // 3 is a socket of a frontend (`option socket-stats`)
    }
  }
  return tables;
}

/** Field 33; without it the name says what it is, which a server may have, too. */
function typeOf(row: Row): string {
  const names: Readonly<Record<string, string>> = { FRONTEND: "0", BACKEND: "1" };
  return row.text("type") || (names[row.text("svname")] ?? "2");
}

/** Whether a server or backend with this status takes new requests. */
export function isUp(status: string): boolean {
  return /^UP( |$)/.test(status) || status === "no check";
}

function serverOf(row: Row): ServerStat {
  const status = row.text("status");
  return {
    pool: row.text("pxname"),
    name: row.text("svname"),
    status,
    up: isUp(status) && row.number("weight") > 0,
    check: {
      // `* ` marks a check under way; what follows is the result of the one before.
      status: row.text("check_status").replace(/^\* /, ""),
      code: row.maybe("check_code"),
      durationMs: row.maybe("check_duration"),
      lastReason: row.text("last_chk") || row.text("check_desc"),
    },
    address: row.text("addr"),
    tracks: row.text("tracked"),
    cookie: row.text("cookie"),
    backup: row.number("bck") > 0 && row.number("act") === 0,
    weight: row.number("weight"),
    sessions: row.number("scur"),
    totalSessions: row.number("stot"),
    queue: row.number("qcur"),
    sinceSeconds: row.number("lastchg"),
    retries: row.number("wretr"),
    redispatches: row.number("wredis"),
  };
}

function backendOf(row: Row): BackendStat {
  const status = row.text("status");
  return {
    name: row.text("pxname"),
    status,
    up: isUp(status),
    sessions: row.number("scur"),
    queue: row.number("qcur"),
    retries: row.number("wretr"),
    redispatches: row.number("wredis"),
  };
}

function frontendOf(row: Row): FrontendStat {
  return {
    name: row.text("pxname"),
    status: row.text("status"),
    sessions: row.number("scur"),
    requests: row.number("req_tot"),
  };
}

class Row {
  private readonly cells: ReadonlyMap<string, string>;

  constructor(names: readonly string[], cells: readonly string[]) {
    this.cells = new Map(names.map((name, at) => [name, cells[at] ?? ""]));
  }

  text(name: string): string {
    return this.cells.get(name) ?? "";
  }

  maybe(name: string): number | null {
    const text = this.text(name);
    return /^\d+$/.test(text) ? Number(text) : null;
  }

  number(name: string): number {
    return this.maybe(name) ?? 0;
  }
}
