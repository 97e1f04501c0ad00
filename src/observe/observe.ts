import { LbctlError } from "../errors.ts";
import type { LinkState, ObservedFile, ObservedHost } from "../model/host.ts";
import type { Role } from "../model/role.ts";
import type { Remote } from "../remote/port.ts";
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
    payload: Buffer.from(watch.map((path) => `${path}\n`).join(""), "utf8"),
    idleTimeoutMs: 30_000,
    ...(signal ? { signal } : {}),
  });
  return parseObservation(remote.host, result.stdout);
}

/** Reads what the script printed. Pure. */
function parseObservation(host: string, text: string): ObservedHost {
  const facts = text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => line.split(" "));
  const all = (name: string): string[][] =>
    facts.filter(([key]) => key === name).map((fields) => fields.slice(1));
  const one = (name: string): string[] => {
    const found = all(name)[0];
    if (found) return found;
    throw new LbctlError("bug", {
      what: `the host's answer has no "${name}"`,
      at: host,
      hint: "Run with -v and report it.",
    });
  };
  const [id = "", version = ""] = one("os");
  const [active, enabled] = one("service");
  const generation = Number(one("generation")[0]);
  return {
    host,
    os: { id, version },
    packages: Object.fromEntries(
      all("package").map(([name = "", installed, candidate]) => [
        name,
        { installed: orNull(installed), candidate: orNull(candidate) },
      ]),
    ),
    haproxyVersion: orNull(one("haproxy")[0]),
    service: { active: active === "active", enabled: enabled === "enabled" },
    loadedIdentity: decode(one("loaded")[0] ?? "") || null,
    generation: one("generation")[0] === "" || Number.isNaN(generation) ? null : generation,
    links: Object.fromEntries(all("link").map(([name = "", state]) => [name, state as LinkState])),
    files: all("file").map(parseFile),
    handMade: one("handmade")[0] === "yes",
    watched: Object.fromEntries(all("watched").map(([path = "", hash]) => [decode(path), orNull(hash)])),
    digest: one("digest")[0] ?? "",
    freeBytes: Number(one("free")[0]),
  };
}

function parseFile([path = "", sha256 = "", mode = "", content = "-"]: string[]): ObservedFile {
  return {
    path: decode(path),
    sha256,
    mode: mode.padStart(4, "0"),
    content: content === "-" ? null : decode(content.slice(1)),
  };
}

function orNull(field: string | undefined): string | null {
  return field === undefined || field === "-" || field === "" ? null : field;
}

function decode(base64: string): string {
  return Buffer.from(base64, "base64").toString("utf8");
}
