import { mask, withoutAnySecret } from "../document/secrets.ts";
import { LbctlError, type Problem } from "../errors.ts";
import { plainAlerts } from "../haproxy/alerts.ts";
import { validationSteps, type Finding, type ValidationStep } from "../model/finding.ts";
import type { DesiredFile, DesiredHost } from "../model/host.ts";
import { Refusal } from "../model/refusal.ts";
import { sourceOf, type RenderInput } from "../render/render.ts";
import { fileNamed, refusedLines, type RefusedLine } from "./refused-lines.ts";

/** Turns a complaint about a rendered line into the step that made it, the template line and its variables. */
export function explainRejection(error: LbctlError, desired: DesiredHost, input: RenderInput): LbctlError {
  if (error.code !== "rejected" && error.code !== "rolled-back") return error;
  const problems =
    error instanceof Refusal
      ? error.findings.flatMap((finding) => explainFinding(finding, desired, input))
      : error.problems.flatMap((problem) => explainText(problem, desired, input));
  return new LbctlError(error.code, problems, { cause: error });
}

const untouched = "The live configuration and the running HAProxy are untouched.";

/** What led to a rendered line, and what is wrong with it. */
interface Complaint extends RefusedLine {
  readonly who: string;
  readonly variables?: readonly string[];
}

function explainFinding(finding: Finding, desired: DesiredHost, input: RenderInput): Problem[] {
  const { step, line, text, variables, hint } = finding;
  const who = `${validationSteps[step]}${ofVersion(step, input)}`;
  const problem: Problem = {
    what: "",
    at: desired.host,
    hint: hint === undefined ? untouched : `${hint} ${untouched}`,
    step,
  };
  if (line !== null) {
    const complaint = { who, path: "haproxy.cfg", line, text, ...(variables ? { variables } : {}) };
    return [explain(complaint, problem, desired, input)];
  }
  const lines = refusedLines(text, desired);
  if (lines.length > 0) return lines.map((refused) => explain({ ...refused, who }, problem, desired, input));
  return [{ ...problem, what: `${who} refuses the configuration: ${withoutAnySecret(plainAlerts(text))}` }];
}

/** Another HAProxy might take it: the one that judged is named. */
function ofVersion(step: ValidationStep, { facts }: RenderInput): string {
  return step === "haproxy-check" || step === "dry-boot" ? ` of HAProxy ${facts.haproxyVersion}` : "";
}

function explainText(problem: Problem, desired: DesiredHost, input: RenderInput): Problem[] {
  const lines = refusedLines(problem.what, desired);
  if (lines.length === 0) return [{ ...problem, what: withoutAnySecret(plainAlerts(problem.what)) }];
  return lines.map((refused) => explain({ ...refused, who: "HAProxy" }, problem, desired, input));
}

function explain(complaint: Complaint, problem: Problem, desired: DesiredHost, input: RenderInput): Problem {
  const { who, path, line, readBy, text, variables = [] } = complaint;
  const file = fileNamed(path, desired);
  if (!file) return { ...problem, what: `${path}:${String(line)}: ${withoutAnySecret(text)}` };
  const source = sourceOf(input, file.path, line);
  const shown = shownLine(file, line);
  const reader = readBy === undefined ? null : shownLine(fileNamed("haproxy.cfg", desired), readBy);
  // HAProxy quotes words of the line, and a part of a secret is one too
  const words =
    shown.isSecret || reader?.isSecret
      ? "(its words are not shown: the line holds a secret)"
      : withoutAnySecret(text);
  const lines = [`${who} refuses line ${String(line)} of ${file.path}: ${words}`, `  ${shown.text}`];
  const named = [...(source?.variables ?? []), ...originsOf(variables, input)];
  const places = [...new Set(named.map(({ at }) => at))];
  if (source) {
    const template = `${source.template}:${String(source.line)}`;
    lines.push(`from ${template}`);
    places.push(template);
  }
  if (reader) lines.push(`line ${String(readBy)} of haproxy.cfg reads it: ${reader.text}`);
  for (const { name, at } of named) lines.push(`${name} is set in ${at}`);
  const from = places.length > 0 ? { from: places } : {};
  return { ...problem, what: lines.join("\n"), ...from, rendered: `${file.path}:${String(line)}` };
}

function shownLine(file: DesiredFile | undefined, line: number): { text: string; isSecret: boolean } {
  const lineOf = (content: string): string => content.split("\n")[line - 1]?.trim() ?? "";
  const rendered = lineOf(file?.content ?? "");
  const text = file?.masked === undefined ? rendered : file.masked === null ? mask : lineOf(file.masked);
  return { text, isSecret: text !== rendered };
}

function originsOf(names: readonly string[], { host }: RenderInput): { name: string; at: string }[] {
  return names.flatMap((name) => {
    const origin = host.vars[name]?.originOf([]);
    return origin ? [{ name, at: `${origin.file}:${String(origin.line)}` }] : [];
  });
}
