import { realpathSync, statSync } from "node:fs";
import { isAbsolute, relative } from "node:path";
import { withoutSecrets } from "../document/secrets.ts";
import type { Problem } from "../errors.ts";
import { visible } from "./visible.ts";

/** This is a job of GitHub or Forgejo Actions, whose runner reads commands out of what is printed. */
export const inActions = [process.env.GITHUB_ACTIONS, process.env.FORGEJO_ACTIONS].includes("true");

// GitHub's runner takes `::name ...::` after white space too, `##[name]` anywhere, and ends lines at \r as at \n
const command = /(?<=^|[\r\n])((?:\p{Cc}\[[\d;]*m|(?![\r\n])[\s\p{Cc}\p{Cf}])*)::(?=[^\r\n]*::)/gu;

/** The text, its lines no longer commands for a runner: what a host or an inventory says must not become one. */
export function withoutCommands(text: string): string {
  return text.replace(command, "$1: :").replaceAll("##[", "# #[");
}

/** A document as JSON that a runner finds no command in; it says the same. */
export function jsonWithoutCommands(json: string): string {
  return json.replaceAll("##[", "\\u0023#[");
}

/** The problem as a command that shows it beside the line it names, when that is in the job's checkout. */
export function annotation(level: "error" | "warning", problem: Problem, workspace: string): string {
  const place = [problem.at, ...(problem.from ?? [])].flatMap((at) => placeIn(workspace, at) ?? [])[0];
  const properties = [
    ...(place ? [["file", place.file] as const] : []),
    ...(place?.line ? [["line", place.line] as const] : []),
    ["title", ["lbctl", ...(place?.at === problem.at ? [] : [problem.at])].join(" ")] as const,
  ];
  const message = [problem.what, problem.hint].filter((part) => part !== undefined).join("\n");
  const written = properties.map(([name, value]) => `${name}=${escapeProperty(value)}`).join(",");
  return `::${level} ${written}::${escapeData(message)}`;
}

/** The file and line that `at` names, relative to the workspace; undefined when it names none in there. */
function placeIn(workspace: string, at: string | undefined) {
  const [, path = "", line] = /^(.*?)(?::(\d+))?$/s.exec(at ?? "") ?? [];
  if (!statSync(path, { throwIfNoEntry: false })?.isFile()) return undefined;
  const file = relative(realpathSync(workspace), realpathSync(path));
  return file.startsWith("..") || isAbsolute(file) ? undefined : { at, file, line };
}

function escapeData(text: string): string {
  const shown = visible(withoutSecrets(text)).replaceAll("##[", "# #[");
  return shown.replaceAll("%", "%25").replaceAll("\n", "%0A");
}

function escapeProperty(text: string): string {
  return escapeData(text).replaceAll(":", "%3A").replaceAll(",", "%2C");
}
