import type { Finding } from "../model/finding.ts";
import type { ConfigLine } from "./config.ts";
import type { Listeners } from "./listeners.ts";
import { findOverlaps } from "./overlaps.ts";

/** A port that something must listen on, and the variable that says so. */
export interface ExpectedPort {
  readonly variable: string;
  readonly port: number;
}

/**
 * What of the listeners that should be there is missing, and what is there twice. Pure. No text holds an address or a
 * port: the line that is shown beside it may be secret.
 */
export function checkListeners(
  lines: readonly ConfigLine[],
  listeners: Listeners,
  expected: readonly ExpectedPort[],
): Finding[] {
  return [...missingPorts(lines, listeners, expected), ...withoutBind(lines), ...twice(listeners)];
}

/** A file that was cut off still passes `haproxy -c`, and HAProxy serves nothing with it. */
function missingPorts(
  lines: readonly ConfigLine[],
  { ip, other }: Listeners,
  expected: readonly ExpectedPort[],
): Finding[] {
  const hasUnknown = other.length > 0;
  return expected
    .filter(({ port }) => !ip.some(({ firstPort, lastPort }) => firstPort <= port && port <= lastPort))
    .filter(() => !hasUnknown)
    .map(({ variable }) => ({
      step: "listeners",
      line: lines.at(-1)?.number ?? 1,
      text: `the file ends here, and no frontend binds the port of ${variable}`,
      variables: [variable],
      hint: "Mend the template, or take the port out of `listeners` in roles/haproxy/role.yml.",
    }));
}

function withoutBind(lines: readonly ConfigLine[]): Finding[] {
  const bound = new Set(lines.filter(({ words }) => words[0] === "bind").map(({ section }) => section));
  return lines
    .filter(({ words, conditional }) => words[0] === "frontend" && !conditional)
    .filter(({ section }) => !bound.has(section))
    .map(({ number, section }) => ({
      step: "listeners",
      line: number,
      text: `${section} has no bind, so nothing reaches it`,
      hint: "Give it a bind, or make it a backend.",
    }));
}

function twice({ ip, unix }: Listeners): Finding[] {
  const overlaps = findOverlaps(ip).map(({ listener, earlier }): Finding => {
    const isSame = listener.address === earlier.address && listener.family === earlier.family;
    const isMixed = listener.family !== earlier.family;
    return {
      step: "listeners",
      line: listener.line,
      text: `${listener.owner} binds ${isSame ? "the address and port" : "a part of what"} that ${earlier.owner} binds on line ${String(earlier.line)}; the kernel would share the traffic between them`,
      hint: isMixed
        ? "Add `v6only` to the bind of `::`, or leave out the other one."
        : "Give each address and port to one bind.",
    };
  });
  const known = unix.filter(({ path, conditional }) => path !== null && !conditional);
  const paths = known.flatMap(({ path, line }, index): Finding[] => {
    const earlier = known.slice(0, index).find((other) => other.path === path);
    if (!earlier) return [];
    return [
      {
        step: "listeners",
        line,
        text: `the socket of line ${String(earlier.line)} is bound once more`,
        hint: "Give each socket a path of its own.",
      },
    ];
  });
  return [...overlaps, ...paths];
}
