import { createHash } from "node:crypto";
import { LbctlError, type Problem } from "../errors.ts";
import type { DropInState, LinkState, ObservedFile, ObservedHost } from "../model/host.ts";
import type { Role } from "../model/role.ts";
import type { Remote, RemoteResult } from "../remote/port.ts";
import { tooMuch } from "./look.ts";
import { decode, manifestFrom } from "./manifest.ts";
import { undecidedIn } from "./pending.ts";
import { observeScript } from "./script.ts";

/**
 * Looks at a host in one round trip and changes nothing. `watch` are absolute paths of files that others own.
 * Throws LbctlError `unreachable` as the remote does, and `bug` when the answer makes no sense.
 */
export async function observe(
  remote: Remote,
  role: Role,
  watch: readonly string[],
  signal?: AbortSignal,
): Promise<ObservedHost> {
  const result = await remote.run({
    script: observeScript(role),
    // without one, the script can travel in the command line
    ...(watch.length > 0 ? { payload: Buffer.from(watch.map((path) => `${path}\n`).join(""), "utf8") } : {}),
    idleTimeoutMs: 30_000,
    ...(signal ? { signal } : {}),
  });
  if (result.stderr.includes(tooMuch)) {
    throw new LbctlError("rejected", {
      what: `${role.live} on ${remote.host} leads to more than 1 GiB or 100 000 files`,
      at: remote.host,
      hint: `Look for a link to elsewhere or a large file in ${role.live}/{${role.links.join(",")}}. Nothing was touched.`,
    });
  }
  return parseObservation(remote.host, role.links, result);
}

/** Whoever is not root sees and changes nothing of what matters. */
export function notRoot(at: string, uid: number): Problem {
  return {
    what: `lbctl is not root there, but uid ${String(uid)}`,
    at,
    hint: "Set ansible_become: true for this host, or log in as root. Nothing was touched.",
  };
}

function tooNew(at: string, lbctl: string): LbctlError {
  return new LbctlError("rejected", {
    what: `the generations there are in a format that this lbctl does not know: ${lbctl} wrote them`,
    at,
    hint: `Use lbctl ${lbctl} or newer. Nothing was touched.`,
  });
}

/** Hex, of lines with their ends. */
function sha256(lines: readonly string[]): string {
  return createHash("sha256")
    .update(lines.map((line) => `${line}\n`).join(""))
    .digest("hex");
}

/** What `systemctl is-enabled` takes for enabled (systemctl(1)). */
const enabledStates = ["enabled", "enabled-runtime", "static", "alias", "indirect", "generated"];

/** Reads what the script printed. Pure. */
function parseObservation(host: string, links: readonly string[], result: RemoteResult): ObservedHost {
  const lines = result.stdout.split("\n");
  /** What stands after the key on each line that has it; the last of `count` fields is the rest of the line. */
  const all = (key: string, count = 1): string[][] =>
    lines.filter((line) => line.startsWith(key)).map((line) => fieldsOf(line.slice(key.length), count));
  const one = (name: string, count = 1): string[] => {
    const found = all(`${name} `, count)[0];
    if (found) return found;
    throw new LbctlError("bug", {
      what: `the host's answer has no "${name}": ${result.stderr.trim().split("\n").at(-1) ?? ""}`,
      at: host,
      hint: "Run with -v and report it.",
    });
  };
  const property = (name: string): string => all(`${name}=`)[0]?.[0] ?? "";
  const [id = "", version = ""] = one("os", 2);
  const generation = /^generations\/(\d+)$/.exec(one("generation")[0] ?? "")?.[1];
  const manifest = manifestFrom(all("manifest ")[0]?.[0]);
  const format: number = manifest?.format ?? 1;
  if (manifest && format > 1) throw tooNew(host, manifest.lbctl);
  const found = new Map(all("link ", 2).map(([name = "", state]) => [name, state as LinkState]));
  const sums = new Map(
    lines.flatMap((line) => {
      const sum = /^([0-9a-f]{64}) {2}(.+)$/.exec(line);
      return sum?.[1] !== undefined && sum[2] !== undefined ? [[sum[2], sum[1]] as const] : [];
    }),
  );
  const [free = "", blockSize = ""] = one("free", 2);
  return {
    host,
    os: { id, version },
    uid: Number(all("uid ")[0]?.[0] ?? 0),
    packages: Object.fromEntries(
      all("package ", 3).map(([name = "", installed, candidate]) => [
        name,
        { installed: orNull(installed), candidate: orNull(candidate) },
      ]),
    ),
    haproxyVersion: orNull(one("haproxy")[0]),
    service: {
      active: property("ActiveState") === "active",
      enabled: enabledStates.includes(property("UnitFileState")),
    },
    loadedIdentity: orNull(all("loaded ")[0]?.[0]),
    generation: generation === undefined ? null : Number(generation),
    written: manifest?.files ?? null,
    links: Object.fromEntries(links.map((name) => [name, found.get(name) ?? "missing"])),
    files: all("file ", 3)
      .map((fields) => parseFile(fields, sums))
      .sort((a, b) => (a.path < b.path ? -1 : 1)),
    changedSinceLoad: all("changed ").map(([path = ""]) => path),
    handMade: one("handmade")[0] === "yes",
    watched: Object.fromEntries(all("watched ", 2).map(([hash, path = ""]) => [path, orNull(hash)])),
    digest: sha256(lines.slice(lines.indexOf("look") + 1, lines.indexOf("looked"))),
    freeBytes: Number(free) * Number(blockSize),
    console: orNull(all("console ")[0]?.[0]),
    dropIn: one("dropin")[0] as DropInState,
    undecided: undecidedIn(lines),
  };
}

function fieldsOf(text: string, count: number): string[] {
  const words = text.split(" ");
  return [...words.slice(0, count - 1), words.slice(count - 1).join(" ")];
}

function parseFile(
  [mode = "", content = "-", path = ""]: string[],
  sums: ReadonlyMap<string, string>,
): ObservedFile {
  return {
    path,
    sha256: sums.get(path) ?? "",
    mode: mode.padStart(4, "0"),
    content: content === "-" ? null : decode(content.slice(1)),
  };
}

function orNull(field: string | undefined): string | null {
  return field === undefined || field === "-" || field === "" ? null : field;
}
