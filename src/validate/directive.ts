import type { ConfigLine } from "./config.ts";

/**
 * The line of haproxy.cfg behind an alert that names none, as HAProxy's are that come after the file was read; null when
 * no line can be told. Pure.
 */
export function directiveBehind(alert: string, lines: readonly ConfigLine[]): number | null {
  const path = /\[(\/[^\]]*)\]/.exec(alert)?.[1];
  const section = /Starting (?:frontend|proxy) (\S+?):/.exec(alert)?.[1];
  const endpoint = /\[[^\]/]*:(\d+)\]\s*$/.exec(alert)?.[1];
  const found =
    globals.find(([pattern]) => pattern.test(alert))?.[1].flatMap((name) => global(lines, name))[0] ??
    (path === undefined ? undefined : lines.find(({ words }) => words.some((word) => word.endsWith(path)))) ??
    (section === undefined
      ? undefined
      : lines.find(
          (line) =>
            line.section.endsWith(` ${section}`) &&
            line.words[0] === "bind" &&
            (endpoint === undefined || line.words[1]?.endsWith(`:${endpoint}`)),
        ));
  return found?.number ?? null;
}

const globals: readonly (readonly [RegExp, readonly string[]])[] = [
  [/chroot/i, ["chroot"]],
  [/maxconn|FD limit|open files|maxsock|RLIMIT_NOFILE/i, ["maxconn", "ulimit-n"]],
  [/\b(?:setuid|uid)\b/i, ["user", "uid"]],
  [/\b(?:setgid|setgroups|gid)\b/i, ["group", "gid"]],
];

function global(lines: readonly ConfigLine[], name: string): ConfigLine[] {
  return lines.filter(({ section, words }) => section === "global" && words[0] === name);
}
