import { isList, isMap, Part } from "../document/part.ts";
import type { Problems } from "../document/problems.ts";
import { didYouMean, place, readAs } from "../document/words.ts";
import type { Lacking, Value } from "../model/fleet.ts";
import type { InventoryBuilder } from "./builder.ts";
import { hostNameProblem, nameProblem } from "./names.ts";
import { readHostPattern, type HostPattern } from "./ranges.ts";

const sections = ["hosts", "children", "vars"];

/** Adds one inventory document to the builder, and what is wrong with it to the problems. */
export function readGroups(document: Part, builder: InventoryBuilder, problems: Problems): void {
  const reader = new GroupReader(builder, problems);
  if (document.value === null) {
    reader.report(document, "the inventory is empty", "Write `all:`, and below it `hosts:` with your hosts.");
  } else if (!isMap(document.value)) {
    reader.report(
      document,
      `an inventory must be a map of groups; read ${readAs(document.value)}`,
      "Write `all:`, and below it `hosts:` with your hosts.",
    );
  } else if (document.parts.get("plugin")?.value) {
    reader.report(
      document.parts.get("plugin") ?? document,
      "this file configures an inventory plugin, which only Ansible can run",
      writeOut(document.origin.file),
    );
  } else {
    for (const [name, body] of document.parts) reader.readTop(String(name), body);
  }
}

/** The way from an inventory that only Ansible reads to one that lbctl reads. */
export function writeOut(file: string): string {
  return `Run \`ansible-inventory -i ${file} --list --yaml > inventory.yml\` and use that file.`;
}

class GroupReader {
  private readonly builder: InventoryBuilder;
  private readonly problems: Problems;

  constructor(builder: InventoryBuilder, problems: Problems) {
    this.builder = builder;
    this.problems = problems;
  }

  readTop(name: string, body: Part): void {
    const isMisplaced =
      sections.includes(name) && [...body.parts.keys()].some((key) => !sections.includes(String(key)));
    if (!isMisplaced) this.readGroup(name, body);
    else
      this.report(
        body,
        `\`${name}\` stands where a group must be`,
        `Put \`${name}:\` below a group, such as \`all:\`.`,
      );
  }

  readGroup(name: string, body: Part): void {
    const bad = oddKeyProblem(body) ?? nameProblem(name);
    if (bad) {
      this.report(
        body,
        `the group name ${JSON.stringify(name)} ${bad}`,
        "Use letters, digits, `_`, `.` and `-`, in quotes where YAML would read a number or a word like `no`.",
      );
      return;
    }
    const group = this.builder.group(name, body.origin);
    // of two that are written only one is read
    if (body.tag === "!broken") this.builder.lose("anything");
    if (body.value === null || (body.tag === "!broken" && !isMap(body.value))) return;
    if (!isMap(body.value)) {
      const hint = sections.includes(name)
        ? `Put \`${name}:\` below a group, such as \`all:\`.`
        : "Write `hosts:`, `children:` or `vars:` below it.";
      this.report(body, `the group "${name}" must be a map; read ${readAs(body.value)}`, hint);
      return;
    }
    for (const [key, section] of body.parts) {
      if (section.tag === "!broken") this.builder.lose("anything");
      if (key === "hosts")
        this.eachOf(section, key, name, (pattern, vars) => {
          this.readHost(pattern, vars, group.hosts);
        });
      else if (key === "children") {
        this.eachOf(section, key, name, (child, childBody) => {
          this.readGroup(child, childBody);
          if (!oddKeyProblem(childBody) && !nameProblem(child)) group.children.add(child);
        });
      } else if (key === "vars") {
        this.eachOf(section, key, name, (variable, value) => {
          if (variable === "ansible_group_priority") this.readPriority(group, value);
          else group.vars.set(variable, value);
        });
      } else this.reportUnknown(String(key), section, group);
    }
  }

  private readHost(pattern: string, vars: Part, into: Set<string>): void {
    let read: HostPattern;
    try {
      read = readHostPattern(pattern);
    } catch (error) {
      this.report(
        vars,
        `the host "${pattern}" ${(error as Error).message}`,
        "Write for example web[01:10] or web[a:f].",
        "hosts",
      );
      return;
    }
    const odd = oddKeyProblem(vars);
    if (odd) {
      this.report(
        vars,
        `the host name ${pattern} ${odd}`,
        `Put it in quotes: the name as you wrote it.`,
        "hosts",
      );
      return;
    }
    const isBad = !isEmpty(vars) && !isMap(vars.value);
    if (isBad && vars.tag !== "!broken") {
      this.report(
        vars,
        `the variables of host "${pattern}" must be a map; read ${readAs(vars.value)}`,
        `Write \`${pattern}:\` and its variables below it, indented.`,
        null,
      );
    }
    for (const name of read.names) {
      const bad = hostNameProblem(name);
      if (bad) {
        this.report(
          vars,
          `the host name ${JSON.stringify(name)} ${bad}`,
          "Use letters, digits, `_`, `.` and `-`; put the address in `ansible_host`.",
          "hosts",
        );
        return;
      }
      const isNew = !this.builder.hasHost(name);
      const host = this.builder.host(name, vars.origin);
      into.add(name);
      // Ansible drops the port of a host that it has met before, and port 0
      if (read.port && isNew) host.vars.set("ansible_port", new Part(read.port, vars.origin));
      if (isBad || vars.tag === "!broken") this.builder.loseVars(name);
      if (isBad) continue;
      const own = this.builder.varsOf(host);
      for (const [variable, value] of vars.parts) own.set(String(variable), value);
    }
  }

  private readPriority(group: { readonly name: string; priority: number }, value: Part): void {
    const number = wholeNumber(value.value);
    if (number !== undefined) group.priority = number;
    else {
      this.builder.loseVars(group.name);
      this.report(
        value,
        `ansible_group_priority must be a whole number; read ${readAs(value.value)}`,
        "Write a number; the higher wins.",
        null,
      );
    }
  }

  /** Each key of a section with its value; a section may also be one name, or nothing. */
  private eachOf(section: Part, key: string, group: string, visit: (name: string, part: Part) => void): void {
    if (section.value === null) return;
    if (typeof section.value === "string") visit(section.value, new Part(null, section.origin));
    else if (isMap(section.value))
      section.parts.forEach((part, name) => {
        visit(String(name), part);
      });
    else {
      const example = key === "vars" ? "name: value" : "name:";
      this.report(
        section,
        `\`${key}\` of group "${group}" must be a map; read ${readAs(section.value)}`,
        `Write each as \`${example}\` on its own line, without \`-\`.`,
        key === "hosts" ? "hosts" : key === "vars" ? null : "anything",
      );
      if (key === "vars") this.builder.loseVars(group);
    }
  }

  private reportUnknown(
    key: string,
    section: Part,
    group: { readonly name: string; readonly vars: Map<string, Part> },
  ): void {
    const near = didYouMean(key, sections);
    const isVariable = !near && section.value !== null && typeof section.value !== "object";
    this.report(
      section,
      `unknown key "${key}" in group "${group.name}"${near ? `; ${near}` : ""}`,
      "A group has `hosts`, `children` and `vars`; other groups go below `children`.",
      isVariable ? null : "anything",
    );
    // what names it must not be told, too
    if (isVariable && !group.vars.has(key)) group.vars.set(key, section);
  }

  /** `lost`: what may be there besides what is read. */
  report(part: Part, what: string, hint: string, lost: Lacking | null = "anything"): void {
    this.problems.add({ what, at: place(part.origin), hint });
    if (lost) this.builder.lose(lost);
  }
}

/** A key such as 010, no or 1:30 is no text to YAML, and Ansible refuses it as a name. */
function oddKeyProblem({ oddKey }: Part): string | undefined {
  return oddKey === undefined ? undefined : `is ${readAs(oddKey)} to YAML, not text`;
}

/** What Python holds for false: Ansible takes it for no variables. */
export function isEmpty({ value }: Part): boolean {
  return !value || (isList(value) && value.length === 0);
}

/** As Python's int() reads it. */
function wholeNumber(value: Value): number | undefined {
  if (typeof value === "string") return /^\s*[-+]?\d+\s*$/.test(value) ? Number(value) : undefined;
  if (typeof value === "boolean") return Number(value);
  return typeof value === "number" && Number.isFinite(value) ? Math.trunc(value) : undefined;
}
