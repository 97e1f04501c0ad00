import type { ConfigLine } from "./config.ts";

/**
 * The lines of haproxy.cfg behind an alert that says `times` times the same of a section or a word without naming a line,
 * as checks do that come once the file was read: `Proxy 'web': unable to find required use_backend: 'nope'.` Where it is
 * not certain which lines are meant, the line that begins the section; none without a section. Pure.
 */
export function linesNamed(alert: string, times: number, lines: readonly ConfigLine[]): number[] {
  const { kinds, name, server, words } = subjectOf(alert);
  const scope = lines.filter(({ section }) => kinds.some((kind) => section === `${kind} ${name}`));
  const first = scope.filter((line) => isFirst(line, kinds));
  const inherited = kinds === proxies ? lines.filter(({ section }) => /^defaults\b/.test(section)) : [];
  const found = [name === "" ? lines : scope.filter((line) => !first.includes(line)), inherited]
    .map((among) => closest(among, words, alert))
    .find((some) => some.length > 0);
  const own = scope.filter((line) => line.words[0] === "server" && line.words[1] === server);
  const certain = [found ?? own, first].find((some) => some.length === 1 || some.length === times);
  return (certain ?? []).map(({ number }) => number);
}

interface Subject {
  /** Kinds of sections that it may be about. */
  readonly kinds: readonly string[];
  /** Empty when it is about none. */
  readonly name: string;
  readonly server: string | undefined;
  /** What else is quoted: first what is missing or wrong. */
  readonly words: readonly string[];
}

const proxies: readonly string[] = ["frontend", "backend", "listen", "defaults"];

function subjectOf(alert: string): Subject {
  const begin =
    /^(?:\w+ )?(?<kind>proxy|frontend|backend|listen|userlist|peers|resolvers|mailers|cache|fcgi-app)(?: section)? (?:'(?<quoted>[^']+)'|(?<plain>\S+?)(?=\s*:))(?:(?:,|\s*:) server '(?<server>[^']+)')?/i.exec(
      alert,
    );
  const { kind = "", quoted, plain, server } = begin?.groups ?? {};
  const rest = alert.slice(begin?.[0].length ?? 0);
  return {
    kinds: /^(?:proxy|frontend|backend|listen)$/i.test(kind) ? proxies : [kind.toLowerCase()],
    name: quoted ?? plain ?? "",
    server,
    // not the apostrophe of "can't"
    words: [...rest.matchAll(/(?<!\w)'([^']+)'/g)].map((match) => match[1] ?? ""),
  };
}

function isFirst({ words }: ConfigLine, kinds: readonly string[]): boolean {
  return kinds.includes(words[0] ?? "");
}

/** Lines that hold the first word; of several those that have most of the others, and a keyword that the alert says. */
function closest(lines: readonly ConfigLine[], words: readonly string[], alert: string): ConfigLine[] {
  const [wanted] = words;
  if (wanted === undefined) return [];
  const said = new Set(alert.replace("default backend", "default_backend").split(/[^\w-]+/));
  const score = (line: ConfigLine): number =>
    words.filter((word) => holds(line, word)).length +
    line.words.slice(0, 2).filter((word) => said.has(word)).length;
  const candidates = lines.filter((line) => holds(line, wanted));
  const best = Math.max(...candidates.map(score));
  return candidates.filter((line) => score(line) === best);
}

function holds({ words }: ConfigLine, wanted: string): boolean {
  return wanted.includes(" ")
    ? words.join(" ").includes(wanted)
    : words.some((word) => word === wanted || word.split(/[(),]/).includes(wanted));
}
