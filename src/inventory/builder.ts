import { resolve } from "node:path";
import type { Lacking, Origin } from "../model/fleet.ts";
import type { Part } from "../document/part.ts";
import { invalid, type Problems } from "../document/problems.ts";
import { place } from "../document/words.ts";
import type { WrittenGroup, WrittenHost, WrittenInventory } from "./written.ts";

interface GroupDraft extends WrittenGroup {
  readonly hosts: Set<string>;
  readonly children: Set<string>;
  readonly vars: Map<string, Part>;
  priority: number;
}

interface HostDraft extends WrittenHost {
  readonly vars: Map<string, Part>;
}

/** Gathers the groups and hosts of all inventory files; what is written later wins. */
export class InventoryBuilder {
  private readonly groups = new Map<string, GroupDraft>();
  private readonly hosts = new Map<string, HostDraft>();
  private lacks: Lacking | undefined;
  private readonly unread = new Set<string>();

  constructor() {
    const origin = { file: "inventory", line: 1 };
    this.group("all", origin).children.add("ungrouped");
    this.group("ungrouped", origin);
  }

  group(name: string, origin: Origin): GroupDraft {
    let group = this.groups.get(name);
    if (!group) {
      group = { name, origin, hosts: new Set(), children: new Set(), vars: new Map(), priority: 1 };
      this.groups.set(name, group);
    }
    return group;
  }

  /** There is something that could not be read. */
  lose(what: Lacking): void {
    if (this.lacks !== "anything") this.lacks = what;
  }

  /** Some variable of this group or host could not be read. */
  loseVars(name: string): void {
    this.unread.add(name);
  }

  /** Where variables of a host go: to the group of its name, when there is one, as Ansible has it. */
  varsOf(host: HostDraft): Map<string, Part> {
    return this.groups.get(host.name)?.vars ?? host.vars;
  }

  hasHost(name: string): boolean {
    return this.hosts.has(name);
  }

  host(name: string, origin: Origin): HostDraft {
    let host = this.hosts.get(name);
    if (!host) {
      host = { name, origin, file: resolve(origin.file), vars: new Map() };
      this.hosts.set(name, host);
    }
    return host;
  }

  /** Gives every group a parent and every host a group, as Ansible does. */
  finish(problems: Problems): Omit<WrittenInventory, "folders" | "project"> {
    this.refuseCycles(problems);
    if (this.hosts.size === 0) this.lose("anything");
    const all = this.group("all", { file: "inventory", line: 1 });
    const ungrouped = this.group("ungrouped", all.origin);
    const withParent = new Set([...this.groups.values()].flatMap((group) => [...group.children]));
    for (const name of this.groups.keys()) {
      if (name !== "all" && !withParent.has(name)) all.children.add(name);
    }
    const inRealGroup = new Set<string>();
    for (const group of this.groups.values()) {
      if (group !== all && group !== ungrouped) group.hosts.forEach((host) => inRealGroup.add(host));
    }
    for (const name of this.hosts.keys()) {
      if (inRealGroup.has(name)) ungrouped.hosts.delete(name);
      // Ansible looks for a group of the name first
      else if (this.groups.has(name) && !ungrouped.hosts.has(name)) ungrouped.children.add(name);
      else ungrouped.hosts.add(name);
    }
    return { groups: this.groups, hosts: this.hosts, lacks: this.lacks, unread: this.unread };
  }

  private refuseCycles(problems: Problems): void {
    const done = new Set<string>();
    const visit = (name: string, chain: readonly string[]): void => {
      const start = chain.indexOf(name);
      if (start >= 0) {
        const group = this.groups.get(name);
        const text = [...chain.slice(start), name].join(" > ");
        problems.take(
          invalid(
            `the group "${name}" is a child of itself: ${text}`,
            group ? place(group.origin) : "",
            "Remove one of these children.",
          ),
        );
        this.lose("anything");
        // what is told must not be walked
        this.groups.get(chain.at(-1) ?? "")?.children.delete(name);
        return;
      }
      if (done.has(name)) return;
      for (const child of this.groups.get(name)?.children ?? []) visit(child, [...chain, name]);
      done.add(name);
    };
    for (const name of this.groups.keys()) visit(name, []);
    for (const { name, origin, children } of this.groups.values()) {
      if (name === "all" || !children.has("all")) continue;
      const what = `the group "all" is a child of "${name}", which is itself in all`;
      problems.take(invalid(what, place(origin), "Remove `all` from its children."));
      children.delete("all");
      this.lose("anything");
    }
  }
}
