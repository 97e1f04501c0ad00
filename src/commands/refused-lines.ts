import { readAlerts, type Alert } from "../haproxy/alerts.ts";
import type { DesiredFile, DesiredHost } from "../model/host.ts";
import { readConfig } from "../validate/config.ts";
import { directiveBehind } from "../validate/directive.ts";
import { linesNamed } from "../validate/named.ts";

/** A line that HAProxy refuses. */
export interface RefusedLine {
  readonly path: string;
  readonly line: number;
  /** The line of haproxy.cfg that reads `path`, when that is a list or map of it. */
  readonly readBy?: number;
  readonly text: string;
}

/** The lines that HAProxy's output is about: those that it names, and those that its words lead to. Pure. */
export function refusedLines(output: string, desired: DesiredHost): RefusedLine[] {
  const config = readConfig(desired.files.find(({ path }) => path === "haproxy.cfg")?.content ?? "");
  const alerts = withoutConsequences(readAlerts(output));
  const named = alerts.flatMap((alert) => placeOf(alert, desired));
  const placeless = alerts.filter(({ places }) => places.length === 0).map(({ text }) => text);
  const found = [...new Set(placeless)].flatMap((text) => {
    const boot = directiveBehind(text, config);
    const times = placeless.filter((other) => other === text).length;
    const lines = boot === null ? linesNamed(text, times, config) : [boot];
    return lines.map((line): RefusedLine => ({ path: "haproxy.cfg", line, text }));
  });
  const isKnown = ({ path, line }: RefusedLine) =>
    named.some((other) => other.line === line && other.path.endsWith(path));
  return [...named, ...found.filter((line) => !isKnown(line))];
}

/** A rendered file by the name that HAProxy gives it. */
export function fileNamed(name: string, desired: DesiredHost): DesiredFile | undefined {
  return desired.files.find(({ path }) => name === path || name.endsWith(`/${path}`));
}

function placeOf({ places, text }: Alert, desired: DesiredHost): RefusedLine[] {
  const reader = places.at(-1);
  const own = places.find(({ file }) => fileNamed(file, desired)) ?? reader;
  if (!own || !reader) return [];
  const isRead = own !== reader && fileNamed(reader.file, desired)?.path === "haproxy.cfg";
  return [{ path: own.file, line: own.line, ...(isRead ? { readBy: reader.line } : {}), text }];
}

/** Without an ACL that was refused, each rule that asks it is refused too. */
function withoutConsequences(alerts: readonly Alert[]): Alert[] {
  const refused = new Set(alerts.map(({ text }) => /while parsing ACL '([^']+)'/.exec(text)?.[1]));
  return alerts.filter(({ text }) => {
    const missing = /no such ACL : '([^']+)'/.exec(text)?.[1];
    return missing === undefined || !refused.has(missing);
  });
}
