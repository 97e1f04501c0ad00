import type { ConfigLine } from "./config.ts";
import type { Listener } from "./listeners.ts";

/** Binds that are tried after a reload; a fleet of names on one host may have hundreds. */
const most = 64;

/** What can be tried of a bind from its own host: a request, or only a connection. */
interface Probe {
  readonly listener: Listener;
  readonly way: "http" | "connect";
}

/** The binds of frontends that can be tried from their own host. Pure. */
export function findProbes(lines: readonly ConfigLine[], listeners: readonly Listener[]): Probe[] {
  const disabled = new Set(
    lines.filter(({ words }) => words[0] === "disabled").map(({ section }) => section),
  );
  const modes = modesOf(lines);
  const silent = mayBeSilent(lines);
  return listeners
    .filter(({ owner }) => /^(?:frontend|listen) /.test(owner) && !disabled.has(owner))
    .filter(isReachable)
    .slice(0, most)
    .map((listener) => {
      const options = lines.find(({ number }) => number === listener.line)?.words.slice(2) ?? [];
      const isPlain = modes.get(listener.owner) === "http" && !options.some((option) => special.has(option));
      return { listener, way: isPlain && !silent(listener.owner) ? "http" : "connect" };
    });
}

// no HTTP/1 in plain words there (Configuration Manual, 5.1)
const special = new Set(["ssl", "accept-proxy", "accept-netscaler-cip", "proto"]);

/** A name, another device or another namespace may be anywhere; what binds transparently need not be the host's. */
function isReachable(listener: Listener): boolean {
  const { protocol, address, device, namespace, isTransparent, conditional } = listener;
  const isElsewhere = address === null || device !== null || namespace !== null || isTransparent;
  return protocol === "tcp" && !isElsewhere && !conditional;
}

/** The mode of each section, by its own word or that of its defaults: those it names, else those before it. */
function modesOf(lines: readonly ConfigLine[]): ReadonlyMap<string, string> {
  const modes = new Map<string, string>();
  let defaults = "";
  for (const { section, words } of lines) {
    const [kind = ""] = section.split(" ");
    if (!proxies.has(kind)) continue;
    if (words[0] === kind) {
      const named = / from (\S+)/.exec(words.join(" "))?.[1];
      const before = kind === "defaults" ? "" : defaults;
      modes.set(section, modes.get(named === undefined ? before : `defaults ${named}`) ?? "tcp");
      if (kind === "defaults") defaults = section;
    } else if (words[0] === "mode") modes.set(section, words[1] ?? "tcp");
  }
  return modes;
}

const proxies = new Set(["defaults", "frontend", "listen", "backend"]);

/** A rule may end a connection without an answer, in a frontend or wherever its requests go. */
function mayBeSilent(lines: readonly ConfigLine[]): (owner: string) => boolean {
  const rules = lines.filter(
    ({ words }) =>
      words.some((word) => /^(?:reject|silent-drop|tarpit)$/.test(word)) ||
      (words[0] === "errorfile" && words.at(-1) === "/dev/null"),
  );
  const owners = new Set(rules.map(({ section }) => section));
  const isAnywhere = [...owners].some((owner) => /^(?:defaults|backend)\b/.test(owner));
  return (owner) => isAnywhere || owners.has(owner);
}
