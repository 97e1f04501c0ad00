import type { Variables } from "../model/fleet.ts";
import { renderTemplate, type Templates, type View } from "./engine.ts";

/** Where a rendered line came from. */
export interface LineSource {
  /** Template file as shown to people. */
  readonly template: string;
  /** Line in the template, from 1. */
  readonly line: number;
  /** Variables that this template line prints, with the place each was set. */
  readonly variables: readonly { readonly name: string; readonly at: string }[];
}

const markStart = "\u{E000}";
const markEnd = "\u{E001}";

/**
 * Finds the template line and the variables behind line `line` (from 1) of a rendered file, by rendering it once
 * more with a mark before each line of each template. Only used to explain an error, so it costs nothing otherwise.
 */
export function traceLine(
  templates: Templates,
  name: string,
  view: View,
  vars: Variables,
  line: number,
): LineSource | undefined {
  const files = [...templates];
  const marked = files.map(
    ([key, { file, text }], index) => [key, { file, text: markLines(text, index) }] as const,
  );
  const rendered = renderTemplate(new Map(marked), name, view).split("\n")[line - 1];
  const marks = [...(rendered ?? "").matchAll(new RegExp(`${markStart}(\\d+):(\\d+)${markEnd}`, "gu"))];
  const [, index, mark] = marks.at(-1) ?? [];
  const template = files[Number(index)]?.[1];
  if (!template) return undefined;
  const names = variablesOf(template.text.split("\n"), Number(mark));
  return {
    template: template.file,
    line: Number(mark),
    variables: [...names].flatMap((variable) => {
      const origin = vars[variable]?.originOf([]);
      return origin ? [{ name: variable, at: `${origin.file}:${String(origin.line)}` }] : [];
    }),
  };
}

/** Variables that a line reads, by itself or as the `item` of a loop `for (const item of it.list)` above it. */
function variablesOf(lines: readonly string[], line: number): Set<string> {
  const source = lines[line - 1] ?? "";
  const loops = [
    ...lines
      .slice(0, line)
      .join("\n")
      .matchAll(/\bfor \(const (\w+) of it\.(\w+)\)/g),
  ];
  const items = new Map(loops.map(([, item = "", list = ""]) => [item, list]));
  const code = [...source.matchAll(/<%.*?%>/g)].map(([tag]) => tag).join(" ");
  const listed = [...code.matchAll(/(?<![.\w])\w+/g)].flatMap(([word]) => items.get(word) ?? []);
  return new Set([...[...source.matchAll(/\bit\.(\w+)/g)].map(([, name = ""]) => name), ...listed]);
}

/** Puts a mark at the start of each line that begins outside a tag. */
function markLines(text: string, file: number): string {
  let line = 1;
  const mark = (): string => `${markStart}${String(file)}:${String(line)}${markEnd}`;
  const first = mark();
  const marked = text.split(/(<%[\s\S]*?%>)/).map((piece, index) => {
    const isTag = index % 2 === 1;
    if (isTag) {
      line += piece.split("\n").length - 1;
      return piece;
    }
    return piece.replace(/\n/g, () => {
      line += 1;
      return `\n${mark()}`;
    });
  });
  return first + marked.join("");
}
