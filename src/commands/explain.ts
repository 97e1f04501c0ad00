import { mask, withoutAnySecret } from "../document/secrets.ts";
import { LbctlError, type Problem } from "../errors.ts";
import { parseAlerts, plainAlerts } from "../haproxy/alerts.ts";
import type { DesiredHost } from "../model/host.ts";
import { sourceOf, type RenderInput } from "../render/render.ts";

/** Turns HAProxy's complaint about a rendered line into the template line and the variables that made it. */
export function explainRejection(error: LbctlError, desired: DesiredHost, input: RenderInput): LbctlError {
  if (error.code !== "rejected" && error.code !== "rolled-back") return error;
  const problems = error.problems.flatMap((problem): Problem[] => {
    const alerts = parseAlerts(problem.what);
    if (alerts.length === 0) return [{ ...problem, what: withoutAnySecret(plainAlerts(problem.what)) }];
    return alerts.map((alert) => explain(alert, problem, desired, input));
  });
  return new LbctlError(error.code, problems, { cause: error });
}

function explain(
  alert: ReturnType<typeof parseAlerts>[number],
  problem: Problem,
  desired: DesiredHost,
  input: RenderInput,
): Problem {
  const file = desired.files.find(({ path }) => alert.file === path || alert.file.endsWith(`/${path}`));
  if (!file)
    return { ...problem, what: `${alert.file}:${String(alert.line)}: ${withoutAnySecret(alert.text)}` };
  const source = sourceOf(input, file.path, alert.line);
  const lineOf = (text: string): string => text.split("\n")[alert.line - 1]?.trim() ?? "";
  const rendered = lineOf(file.content);
  const shown = file.masked === undefined ? rendered : file.masked === null ? mask : lineOf(file.masked);
  // HAProxy quotes words of the line, and a part of a secret is one too
  const words =
    shown === rendered ? withoutAnySecret(alert.text) : "(its words are not shown: the line holds a secret)";
  const lines = [`HAProxy refuses line ${String(alert.line)} of ${file.path}: ${words}`, `  ${shown}`];
  if (source) {
    lines.push(`from ${source.template}:${String(source.line)}`);
    for (const variable of source.variables) lines.push(`${variable.name} is set in ${variable.at}`);
  }
  const from = source && [
    ...source.variables.map(({ at }) => at),
    `${source.template}:${String(source.line)}`,
  ];
  return { ...problem, what: lines.join("\n"), ...(from ? { from } : {}) };
}
