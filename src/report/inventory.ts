import { ansibleJson } from "../document/ansible-json.ts";
import { shownValue, type Part } from "../document/part.ts";
import { mask } from "../document/secrets.ts";
import { place } from "../document/words.ts";
import { cut } from "./columns.ts";
import { style } from "./style.ts";
import { visibleLine } from "./visible.ts";

type Hosts = ReadonlyMap<string, ReadonlyMap<string, Part>>;

/** Each host's variables, one a line: name, value, and the `file:line` it comes from. */
export function originLines(hosts: Hosts): string[] {
  return [...hosts].flatMap(([host, vars], index) => [
    ...(index > 0 ? [""] : []),
    style.bold(host),
    ...sorted(vars).flatMap(([name, part]) => [
      `  ${visibleLine(name)}: ${cut(oneLine(part), Math.max(20, 76 - name.length))}`,
      `      ${style.dim(visibleLine(place(part.origin)))}`,
    ]),
  ]);
}

/** The JSON that programs rely on; keys are only ever added. */
export function originDocument(hosts: Hosts): object {
  const entries = [...hosts].map(([host, vars]) => [
    host,
    Object.fromEntries(
      sorted(vars).map(([name, part]) => {
        const { file, line } = part.origin;
        // what JSON has no word for, such as infinity, is null here
        return [name, { value: part.isSecret ? mask : shownValue(part), file, line }];
      }),
    ),
  ]);
  return { format_version: 1, hosts: Object.fromEntries(entries) as object };
}

function oneLine(part: Part): string {
  if (part.tag === "!vault") return "(encrypted)";
  return ansibleJson(part).replace(/\n\s*/g, " ");
}

function sorted(vars: ReadonlyMap<string, Part>): [string, Part][] {
  return [...vars].sort(([a], [b]) => (a < b ? -1 : 1));
}
