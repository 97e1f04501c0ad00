import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { readIfThere } from "./files.ts";

/** One archive of the machine's apt configuration. */
export interface AptSource {
  readonly uris: readonly string[];
  readonly suites: readonly string[];
  readonly components: readonly string[];
  readonly signedBy?: string;
}

/** Every source in /etc/apt, in both of apt's forms. */
export async function readAptSources(folder = "/etc/apt"): Promise<readonly AptSource[]> {
  const parts = join(folder, "sources.list.d");
  const names = await readdir(parts).catch(() => []);
  const files = [join(folder, "sources.list"), ...names.sort().map((name) => join(parts, name))];
  const found: AptSource[] = [];
  for (const file of files) {
    const text = (await readIfThere(file)) ?? "";
    if (file.endsWith(".sources")) found.push(...parseDeb822(text));
    if (file.endsWith(".list")) found.push(...parseOneLine(text));
  }
  return found;
}

export function parseDeb822(text: string): readonly AptSource[] {
  const lines = text.split("\n").filter((line) => !line.startsWith("#"));
  return lines
    .join("\n")
    .split(/\n\s*\n/)
    .flatMap((stanza) => {
      const field = (name: string): readonly string[] => {
        const match = new RegExp(`^${name}:(.*(?:\\n[ \\t].*)*)`, "im").exec(stanza);
        return match?.[1]?.split(/\s+/).filter(Boolean) ?? [];
      };
      if (!field("Types").includes("deb") || field("Enabled")[0] === "no") return [];
      const [signedBy] = field("Signed-By");
      return [source(field("URIs"), field("Suites"), field("Components"), signedBy)];
    });
}

export function parseOneLine(text: string): readonly AptSource[] {
  return text.split("\n").flatMap((line) => {
    const match = /^\s*deb\s+(?:\[([^\]]*)\]\s+)?(\S+)\s+(\S+)\s*([^#]*)/.exec(line);
    if (!match) return [];
    const signedBy = /\bsigned-by=(\S+)/i.exec(match[1] ?? "")?.[1];
    return [
      source([match[2] ?? ""], [match[3] ?? ""], (match[4] ?? "").split(/\s+/).filter(Boolean), signedBy),
    ];
  });
}

function source(
  uris: readonly string[],
  suites: readonly string[],
  components: readonly string[],
  signedBy: string | undefined,
): AptSource {
  // a key written into the source itself is no file that another tool could be given
  const file = signedBy?.startsWith("/") ? { signedBy } : {};
  return { uris, suites, components, ...file };
}

/** Debian's own archives among `sources`, for another release: suites renamed, only `main`. */
export function retarget(sources: readonly AptSource[], from: string, to: string): readonly AptSource[] {
  const own = new Set([from, `${from}-updates`, `${from}-security`]);
  return sources.flatMap((each) => {
    const suites = each.suites.filter((suite) => own.has(suite));
    if (suites.length === 0 || !isDebian(each)) return [];
    return [{ ...each, suites: suites.map((suite) => suite.replace(from, to)), components: ["main"] }];
  });
}

/** The backports suite of `codename`, from the archive that has the release itself. */
export function backportsOf(sources: readonly AptSource[], codename: string): AptSource | undefined {
  const main = sources.find((each) => each.suites.includes(codename) && isDebian(each));
  return main && { ...main, suites: [`${codename}-backports`], components: ["main"] };
}

function isDebian(each: AptSource): boolean {
  const others = each.signedBy !== undefined && !each.signedBy.includes("debian-archive");
  return each.components.includes("main") && !others && each.uris.some((uri) => /\bdebian/.test(uri));
}

export function formatDeb822(sources: readonly AptSource[]): string {
  return sources
    .map((each) =>
      [
        "Types: deb",
        `URIs: ${each.uris.join(" ")}`,
        `Suites: ${each.suites.join(" ")}`,
        `Components: ${each.components.join(" ")}`,
        ...(each.signedBy === undefined ? [] : [`Signed-By: ${each.signedBy}`]),
        "",
      ].join("\n"),
    )
    .join("\n");
}
