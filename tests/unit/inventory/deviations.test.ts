import { expect, test } from "vitest";
import { join } from "node:path";
import { loadInventory } from "../../../src/inventory/load.ts";
import { folderOf, textsOf } from "../folder.ts";

/** What Ansible drops with a warning, or crashes on: lbctl names it and goes no further. */
test.each([
  [
    "a number as a host",
    "all: {hosts: {012: }}\n",
    "hosts.yml:1 the host name 10 is 10 (a whole number) to YAML, not text",
  ],
  [
    "a word that YAML takes for false",
    "all: {hosts: {no: }}\n",
    "hosts.yml:1 the host name false is false (a boolean) to YAML, not text",
  ],
  [
    "a number as a group",
    "1: {hosts: {h: }}\n",
    'hosts.yml:1 the group name "1" is 1 (a whole number) to YAML, not text',
  ],
  [
    "a number as a child",
    "a: {children: {2: }, hosts: {h: }}\n",
    'hosts.yml:1 the group name "2" is 2 (a whole number) to YAML, not text',
  ],
  [
    "all below a group",
    "a: {children: {all: {hosts: {h: }}}}\n",
    'hosts.yml:1 the group "all" is a child of "a", which is itself in all',
  ],
  [
    "a priority with a fraction as text",
    'a: {vars: {ansible_group_priority: "5.0"}, hosts: {h: }}\n',
    'hosts.yml:1 ansible_group_priority must be a whole number; read "5.0" (a string)',
  ],
])("refuses %s", async (_, text, expected) => {
  const folder = await folderOf({ "hosts.yml": text });
  expect(await textsOf(() => loadInventory([join(folder, "hosts.yml")]), folder)).toEqual([expected]);
});

test.each([
  ["groups in brackets", "[web]\nh1\n"],
  ["a host at first", "; comment\n\nh1 ansible_host=192.0.2.1\n"],
  ["a host with a port", "# hosts\nh1:22\n"],
  ["a script", "#!/usr/bin/env python3\nall:\n"],
])("a file without an ending that holds %s is told the command that writes it out", async (_, text) => {
  const folder = await folderOf({ hosts: text });
  const [problem = ""] = await textsOf(() => loadInventory([join(folder, "hosts")]), folder);
  expect(problem).toMatch(/^hosts is .*which only Ansible reads$/);
});
