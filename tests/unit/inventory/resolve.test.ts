import { describe, expect, test } from "vitest";
import { loadInventory } from "../../../src/inventory/load.ts";
import { resolveFleet } from "../../../src/inventory/resolve.ts";
import { parseYaml } from "../../../src/document/yaml.ts";
import type { Variables } from "../../../src/model/fleet.ts";
import { folderOf, problemsOf, textsOf } from "../folder.ts";
import { fleetOf, valuesOf } from "./fleet.ts";

const varsOf = (text: string, file = "vars.yml"): Variables =>
  Object.fromEntries(parseYaml(new TextEncoder().encode(text), file).parts);

describe("precedence", () => {
  // from lowest to highest; each level is checked to beat the one before it
  const levels: [string, Record<string, string>][] = [
    ["inline all", { inline: "all" }],
    ["inline parent", { inline: "parent" }],
    ["inline child", { inline: "child" }],
    ["group_vars/all", { "group_vars/all.yml": "v: group_vars/all\n" }],
    ["group_vars/parent", { "group_vars/parent.yml": "v: group_vars/parent\n" }],
    ["group_vars/child", { "group_vars/child.yml": "v: group_vars/child\n" }],
    ["inline host", { inline: "host" }],
    ["host_vars", { "host_vars/h.yml": "v: host_vars\n" }],
  ];
  const build = (used: [string, Record<string, string>][]) => {
    const inline = new Set(used.flatMap(([, files]) => files.inline ?? []));
    const vars = (name: string) => (inline.has(name) ? `vars: {v: inline ${name}}` : "vars: {}");
    const host = inline.has("host") ? "{v: inline host}" : "";
    const text = `all:\n  ${vars("all")}\n  children:\n    parent:\n      ${vars("parent")}\n      children:\n        child:\n          ${vars("child")}\n          hosts: {h: ${host}}\n`;
    const files = Object.assign({}, ...used.map(([, item]) => item)) as Record<string, string>;
    delete files.inline;
    return { ...files, "hosts.yml": text };
  };

  test.each(levels.map(([name], index) => [name, index] as const))(
    "%s beats what is below it",
    async (name, index) => {
      const fleet = await fleetOf(build(levels.slice(0, index + 1)), { defaults: varsOf("v: default\n") });
      expect(valuesOf(fleet, "h").v).toBe(name);
    },
  );

  test("role defaults are lowest and extra variables highest", async () => {
    const fleet = await fleetOf("all: {hosts: {h: {b: host, c: host}}}\n", {
      defaults: varsOf("a: default\nb: default\n"),
      extraVars: varsOf("c: extra\n"),
    });
    expect(valuesOf(fleet, "h")).toEqual({ a: "default", b: "host", c: "extra" });
  });

  test("of siblings the later name wins, unless a priority says otherwise", async () => {
    const text = (priority: string) =>
      `a: {hosts: {h: }, vars: {v: a${priority}}}\nb: {hosts: {h: }, vars: {v: b}}\n`;
    expect(valuesOf(await fleetOf(text("")), "h").v).toBe("b");
    expect(valuesOf(await fleetOf(text(", ansible_group_priority: 10")), "h")).toEqual({ v: "a" });
  });

  test("depth is the longest way from all", async () => {
    const text =
      "z: {children: {m: {children: {c: {hosts: {h: }, vars: {v: deep}}}}}}\nzz: {hosts: {h: }, vars: {v: flat}}\n";
    const fleet = await fleetOf(text);
    expect(valuesOf(fleet, "h").v).toBe("deep");
    expect(fleet.hosts.get("h")?.groups).toEqual(["all", "z", "zz", "m", "c"]);
  });

  test("a later value replaces a map whole", async () => {
    const fleet = await fleetOf("all: {vars: {m: {a: 1}}, hosts: {h: {m: {b: 2}}}}\n");
    expect(valuesOf(fleet, "h")).toEqual({ m: { b: 2 } });
  });

  test("of two inventories the later wins, in each kind of place", async () => {
    const folder = await folderOf({
      "one/hosts.yml": "web: {hosts: {h: }, vars: {a: 1}}\n",
      "one/group_vars/web.yml": "b: 1\n",
      "two/hosts.yml": "web: {vars: {a: 2, b: inline}}\n",
      "two/group_vars/all.yml": "c: 2\n",
      "two/group_vars/web.yml": "b: 2\n",
    });
    const written = await loadInventory([`${folder}/one/hosts.yml`, `${folder}/two/hosts.yml`]);
    const { fleet } = resolveFleet(written, { defaults: {}, extraVars: {} });
    expect(valuesOf(fleet, "h")).toEqual({ a: 2, b: 2, c: 2 });
  });
});

test("an inventory that is given again counts where it stands last", async () => {
  const folder = await folderOf({
    "one/hosts.yml": "web: {hosts: {h: }}\n",
    "one/group_vars/web.yml": "v: one\n",
    "two/hosts.yml": "web: {hosts: {h: }}\n",
    "two/group_vars/web.yml": "v: two\n",
  });
  const order = ["one", "two", "one"].map((name) => `${folder}/${name}/hosts.yml`);
  const { fleet } = resolveFleet(await loadInventory(order), { defaults: {}, extraVars: {} });
  expect(valuesOf(fleet, "h")).toEqual({ v: "one" });
});

test("groups hold the hosts of their children", async () => {
  const fleet = await fleetOf("a: {children: {b: {hosts: {y: }}}, hosts: {x: }}\n");
  expect(fleet.groups.get("a")?.hosts).toEqual(["x", "y"]);
  expect(fleet.groups.get("all")?.hosts).toEqual(["x", "y"]);
  expect(fleet.groups.get("a")?.children).toEqual(["b"]);
});

describe("references", () => {
  test.each<[string, string, unknown]>([
    ["keeps the type of a whole reference", 'n: 8080\nv: "{{ n }}"', 8080],
    ["keeps a list", 'n: [1, 2]\nv: "{{n}}"', [1, 2]],
    ["makes text of an embedded one", 'n: 8080\nv: "port {{ n }}!"', "port 8080!"],
    ["replaces several", 'a: x\nb: 1\nv: "{{ a }}-{{ b }}"', "x-1"],
    ["follows references to references", 'a: "{{ b }}"\nb: "{{ c }}"\nc: [1]\nv: "{{ a }}"', [1]],
    ["reads keys and items", "n: {a: [{b-c: 1}]}\nv: \"{{ n.a[0]['b-c'] }}\"", 1],
    ["reads quoted keys", 'n: {a: {b: 2}}\nv: "{{ n["a"].b }}"'.replaceAll('["a"]', "['a']"), 2],
    ["reads items by dot", 'n: [5, 6]\nv: "{{ n.1 }}"', 6],
    ["works inside lists and maps", 'n: 1\nv: [{a: "{{ n }}"}, "x{{ n }}"]', [{ a: 1 }, "x1"]],
    ["spells true as Python does", 'n: yes\nv: "is {{ n }}"', "is True"],
    ["spells a fraction as Python does", 'n: 2.0\nv: "v{{ n }}"', "v2.0"],
    [
      "spells a large fraction as Python does",
      'n: 1.0e+20\nm: 1.5e-7\nv: "{{ n }} {{ m }}"',
      "1e+20 1.5e-07",
    ],
    ["keeps the type in a block scalar", "n: [1]\nv: >\n  {{ n }}", [1]],
    ["spells nothing as nothing", 'n:\nv: "a{{ n }}b"', "ab"],
    [
      "knows the host's name",
      'v: "{{ inventory_hostname }}/{{ inventory_hostname_short }}"',
      "h.example.com/h",
    ],
    ["knows the host's groups", 'v: "{{ group_names }}"', ["a", "b"]],
    ["knows all groups", 'v: "{{ groups.b }}"', ["h.example.com"]],
    ["leaves an !unsafe value alone", "v: !unsafe '{{ x }}'", "{{ x }}"],
    ["leaves single braces alone", 'v: "{ x } ${y}"', "{ x } ${y}"],
  ])("%s", async (_, vars, expected) => {
    const indented = vars.replace(/^/gm, "        ");
    const text = `b:\n  children:\n    a:\n      vars:\n${indented}\n      hosts: {h.example.com: }\n`;
    const fleet = await fleetOf(text, { needed: ["v"] });
    expect(valuesOf(fleet, "h.example.com").v).toEqual(expected);
  });

  test.each<[string, string, string]>([
    [
      "an undefined variable",
      'prt: 1\nv: "{{ port }}"',
      'hosts.yml:4 the variable "port" is not defined; did you mean "prt"?',
    ],
    [
      "an unknown key",
      'n: {port: 1}\nv: "{{ n.prot }}"',
      'hosts.yml:4 "n" has no .prot; did you mean "port"?',
    ],
    ["an item beyond the end", 'n: [1]\nv: "{{ n[1] }}"', 'hosts.yml:4 "n" has no [1]'],
    [
      "a filter",
      'v: "{{ x | default(1) }}"',
      "hosts.yml:3 {{ x | default(1) }} is more than the name of a variable: lbctl runs no filters or expressions",
    ],
    [
      "an expression",
      'v: "{{ 1 + 1 }}"',
      "hosts.yml:3 {{ 1 + 1 }} is more than the name of a variable: lbctl runs no filters or expressions",
    ],
    [
      "a lookup",
      `v: "{{ lookup('env', 'X') }}"`,
      "hosts.yml:3 {{ lookup('env', 'X') }} is more than the name of a variable: lbctl runs no filters or expressions",
    ],
    [
      "a statement",
      'v: "{% if x %}y{% endif %}"',
      'hosts.yml:3 "{% if x %}y{% endif %}" holds Jinja code that lbctl does not run',
    ],
    ["a comment", 'v: "a{# b #}"', 'hosts.yml:3 "a{# b #}" holds Jinja code that lbctl does not run'],
    ["an open reference", 'v: "{{ x"', 'hosts.yml:3 "{{ x" holds Jinja code that lbctl does not run'],
    [
      "a list inside text",
      'n: [1]\nv: "a {{ n }}"',
      "hosts.yml:4 {{ n }} is a list or a map and cannot stand inside text",
    ],
    [
      "a circle",
      'a: "{{ b }}"\nb: "x{{ v }}"\nv: "{{ a }}"',
      "hosts.yml:5 these variables name each other in a circle: v > a > b > v",
    ],
    ["itself", 'v: "{{ v }}"', "hosts.yml:3 these variables name each other in a circle: v > v"],
    [
      "an encrypted value",
      "v: !vault |\n  $ANSIBLE_VAULT;1.1;AES256\n  61",
      "hosts.yml:3 the encrypted text is damaged: it is not what ansible-vault writes",
    ],
    [
      "what a needed variable refers to",
      'n: "{{ x }}"\nv: "{{ n }}"',
      'hosts.yml:3 the variable "x" is not defined',
    ],
  ])("refuses %s in a needed variable", async (_, vars, expected) => {
    const text = `all:\n  vars:\n${vars.replace(/^/gm, "    ")}\n  hosts: {h: }\n`;
    const folder = await folderOf({ "hosts.yml": text });
    const written = await loadInventory([`${folder}/hosts.yml`]);
    const { problems } = resolveFleet(written, { defaults: {}, extraVars: {}, needed: ["v"] });
    const texts = problems.map(({ at = "", what }) => `${at.replace(`${folder}/`, "")} ${what}`);
    expect(texts).toEqual([`${expected} (h)`]);
    // what nobody needs stays as it was written
    expect(resolveFleet(written, { defaults: {}, extraVars: {} }).problems).toEqual([]);
  });

  test.each([
    ["texts", (name: string) => `"${`{{ ${name} }}`.repeat(10)}"`],
    ["lists", (name: string) => `[${Array(10).fill(`"{{ ${name} }}"`).join(", ")}]`],
  ])("refuses %s that multiply, quickly", async (_, multiply) => {
    const levels = Array.from({ length: 12 }, (_, level) => `    v${level + 1}: ${multiply(`v${level}`)}`);
    const text = `all:\n  vars:\n    v0: xxxxxxxxxx\n${levels.join("\n")}\n  hosts: {h: }\n`;
    const start = performance.now();
    expect((await textsOf(() => fleetOf(text, { needed: ["v12"] })))[0]).toMatch(/grow beyond all measure/);
    expect(performance.now() - start).toBeLessThan(3000);
  });

  test("reads a text of a million braces quickly", async () => {
    const start = performance.now();
    const fleet = await fleetOf(`all: {vars: {v: "${"{".repeat(1_000_000)}"}, hosts: {h: }}\n`);
    expect(String(valuesOf(fleet, "h").v)).toHaveLength(1_000_000);
    expect(performance.now() - start).toBeLessThan(3000);
  });

  test("refuses endless chains without a crash", async () => {
    const chain = Array.from(
      { length: 20_000 },
      (_, index) => `    v${index + 1}: "{{ v${index} }}"`,
    ).reverse();
    const text = `all:\n  vars:\n${chain.join("\n")}\n    v0: 1\n  hosts: {h: }\n`;
    expect((await textsOf(() => fleetOf(text, { needed: ["v20000"] })))[0]).toMatch(
      /more than 100 references away/,
    );
  });

  test("a variable of the role's defaults is needed, and so is one of a drill", async () => {
    const text = 'all: {hosts: {h: {role_x: "{{ a }}", lbctl_drill_unit: "{{ b }}", other: "{{ c }}"}}}\n';
    const found = await textsOf(() => fleetOf(text, { defaults: varsOf("role_x: 1\n") }));
    expect(found.map((item) => /"(.)"/.exec(item)?.[1])).toEqual(["a", "b"]);
  });

  test("tells which hosts miss a variable", async () => {
    const text = 'all: {vars: {v: "{{ a }}"}, hosts: {"h[1:3]": , x: {a: 1}}}\n';
    const problems = await problemsOf(() => fleetOf(text, { needed: ["v"] }));
    expect(problems.map(({ what }) => what)).toEqual([
      'the variable "a" is not defined (h1 and 2 more hosts)',
    ]);
  });

  test("tells one mistake of many hosts once, and several of one variable all", async () => {
    const text = 'all: {vars: {v: ["{{ a | b }}", "{{ c | d }}"]}, hosts: {"h[1:9]": }}\n';
    expect(await problemsOf(() => fleetOf(text, { needed: ["v"] }))).toHaveLength(2);
  });

  test("a resolved value stands where it is set, and its parts where they are written", async () => {
    const text = 'all:\n  vars:\n    n:\n      - 1\n      - 2\n    v: "{{ n }}"\n  hosts: {h: }\n';
    const variable = (await fleetOf(text)).hosts.get("h")?.vars.v;
    expect([variable?.originOf([]).line, variable?.originOf([1]).line]).toEqual([6, 5]);
  });
});

test("resolves ten thousand hosts within seconds", async () => {
  const start = performance.now();
  const fleet = await fleetOf('all: {vars: {a: "{{ inventory_hostname }}"}, hosts: {"h[00001:10000]": }}\n', {
    defaults: varsOf(Array.from({ length: 40 }, (_, index) => `d${index}: ${index}`).join("\n")),
  });
  expect(valuesOf(fleet, "h09999").a).toBe("h09999");
  expect(performance.now() - start).toBeLessThan(5000);
});
