import { join } from "node:path";
import { expect, test } from "vitest";
import { Problems } from "../../../src/document/problems.ts";
import type { Role } from "../../../src/model/role.ts";
import { loadRole, loadTemplates } from "../../../src/role/load.ts";
import { folderOf, textsOf } from "../folder.ts";

const roleYml = (more = "") => `packages: [x]
service: x
group: xs
live: /etc/x
state: /var/lib/x
files:
  - {path: x.conf, template: x/x.conf.eta, mode: "0644"}
steps: {validate: haproxy-check, activate: haproxy-reload, verify: haproxy-serving}
${more}`;
const role = (files: Record<string, string> = {}) => ({
  "roles/x/role.yml": roleYml(),
  "roles/x/defaults/main.yml": "x_a: 1\n",
  "roles/x/schema.json": '{"type": "object", "properties": {"x_a": {"type": "integer"}}}',
  "templates/x/x.conf.eta": "shipped",
  ...files,
});

async function problems(files: Record<string, string>) {
  const folder = await folderOf(role(files));
  return textsOf(() => loadRole("x", [join(folder, "roles")]), folder);
}

async function templatesOf(of: Role, dirs: readonly string[]) {
  const found = new Problems();
  const templates = await loadTemplates(of, dirs, found);
  found.throwIfAny();
  return templates;
}

test("the shipped role loads, and says what the design says", async () => {
  const haproxy = await loadRole("haproxy", ["roles"]);
  expect(haproxy).toMatchObject({
    name: "haproxy",
    packages: ["haproxy"],
    service: "haproxy",
    group: "haproxy",
    live: "/etc/haproxy",
    state: "/var/lib/lbctl/haproxy",
    links: ["haproxy.cfg", "lists", "maps", "certs", "pages"],
    watch: ["haproxy_tls_cert_path"],
    steps: { validate: "haproxy-check", activate: "haproxy-reload", verify: "haproxy-serving" },
  });
  expect(haproxy.files.map(({ path }) => path)).toEqual([
    "haproxy.cfg",
    "lists/trusted_ips.list",
    "maps/trusted_ips.map",
  ]);
});

test("every variable with a default is in the schema with a description, and the other way round", async () => {
  const haproxy = await loadRole("haproxy", ["roles"]);
  const { properties } = haproxy.schema as { properties: Record<string, { description?: string }> };
  const ofServers = ["haproxy_server_address", "haproxy_server_id", "haproxy_server_weight"];
  expect(Object.keys(properties).sort()).toEqual([...Object.keys(haproxy.defaults), ...ofServers].sort());
  for (const { description } of Object.values(properties)) expect(description).toBeTruthy();
});

test("each file is taken from the first folder that has it", async () => {
  const folder = await folderOf({
    ...role(),
    "own/roles/x/defaults/main.yml": "x_a: 2\n",
    "own/templates/x/x.conf.eta": "own",
    "templates/x/part.eta": "part",
    "templates/x/deep/part.eta": "deep",
    "templates/x/notes.txt": "no template",
    "templates/y/other.eta": "of another role",
  });
  const loaded = await loadRole("x", [join(folder, "own/roles"), join(folder, "roles")]);
  expect(loaded.defaults.x_a?.value).toBe(2);
  expect(loaded.packages).toEqual(["x"]);
  const templates = await templatesOf(loaded, [join(folder, "own/templates"), join(folder, "templates")]);
  expect(Object.fromEntries([...templates].map(([key, { text }]) => [key, text]))).toEqual({
    "x/x.conf.eta": "own",
    "x/part.eta": "part",
    "x/deep/part.eta": "deep",
  });
  expect(templates.get("x/x.conf.eta")?.file).toBe(join(folder, "own/templates/x/x.conf.eta"));
});

test("defaults in place of the shipped ones hold all that the schema still takes", async () => {
  const folder = await folderOf({
    ...role(),
    "roles/x/defaults/main.yml": "x_a: 1\nx_b: 1\nx_gone: 1\n",
    "own/roles/x/defaults/main.yml": "\nx_a: 2\n",
    "own/roles/x/schema.json": '{"type": "object", "properties": {"x_a": {}, "x_b": {}}}',
  });
  const dirs = [join(folder, "own/roles"), join(folder, "roles")];
  const expected = [
    "own/roles/x/defaults/main.yml:2 there is no default of x_b here; this file replaces the shipped one whole",
  ];
  expect(await textsOf(() => loadRole("x", dirs), folder)).toEqual(expected);
  const lacking = new Problems();
  const { defaults } = await loadRole("x", dirs, lacking);
  expect(lacking.list()).toHaveLength(1);
  expect(Object.entries(defaults).map(([name, { value }]) => [name, value])).toEqual([
    ["x_a", 2],
    ["x_b", 1],
  ]);
});

test("a template loses its byte order mark and CRLF, which HAProxy would not read", async () => {
  const folder = await folderOf(role({ "templates/x/x.conf.eta": "\uFEFFa\r\nb\r\n" }));
  const templates = await templatesOf(await loadRole("x", [join(folder, "roles")]), [
    join(folder, "templates"),
  ]);
  expect(templates.get("x/x.conf.eta")?.text).toBe("a\nb\n");
});

test("what role.yml does not say is empty", async () => {
  const folder = await folderOf(role());
  expect(await loadRole("x", [join(folder, "roles")])).toMatchObject({ links: [], watch: [] });
});

test.each<[string, Record<string, string>, string]>([
  [
    "an unknown key",
    { "roles/x/role.yml": roleYml("servce: y") },
    'roles/x/role.yml:9 servce unknown key "servce"; did you mean "service"?',
  ],
  [
    "a path that climbs",
    { "roles/x/role.yml": roleYml().replace("path: x.conf", "path: ../x.conf") },
    'roles/x/role.yml:7 files/0/path must be a relative path of letters, digits, `.`, `_`, `-` and `/`, without `..`; read "../x.conf" (a string), which has a `.` or `..` part',
  ],
  [
    "an absolute template",
    { "roles/x/role.yml": roleYml().replace("x/x.conf.eta", "/etc/passwd") },
    'roles/x/role.yml:7 files/0/template must be a relative path of letters, digits, `.`, `_`, `-` and `/`, without `..`; read "/etc/passwd" (a string), which has an empty part (//)',
  ],
  [
    "a mode that YAML read as a number",
    { "roles/x/role.yml": roleYml().replace('"0644"', "0644") },
    'roles/x/role.yml:7 files/0/mode must be a file mode of four octal digits in quotes, such as "0644"; read 420 (a whole number)',
  ],
  ["an empty role.yml", { "roles/x/role.yml": "" }, "roles/x/role.yml:1 must be a map; read nothing (null)"],
  [
    "a missing key",
    { "roles/x/role.yml": roleYml().replace("service: x\n", "") },
    'roles/x/role.yml:1 the key "service" is missing',
  ],
  [
    "defaults that are a list",
    { "roles/x/defaults/main.yml": "[1]" },
    "roles/x/defaults/main.yml:1 defaults must be a map; read [1] (a list)",
  ],
  [
    "a broken schema",
    { "roles/x/schema.json": '{"type": "nonsense"}' },
    "roles/x/schema.json the schema is not valid",
  ],
])("refuses %s", async (_, files, expected) => {
  const found = await problems(files);
  expect(found).toHaveLength(1);
  expect(found[0]?.startsWith(expected)).toBe(true);
});

test.each(["../x", "a/b", "", "-x", "a b", ".."])("the role name %j is refused", async (name) => {
  expect((await textsOf(() => loadRole(name, ["roles"])))[0]).toMatch(/^the role name /);
});

test("a role that is not there says where it was looked for", async () => {
  expect(await textsOf(() => loadRole("gone", ["roles"]))).toEqual([
    "role gone there is no gone/role.yml",
    "role gone there is no gone/defaults/main.yml",
    "role gone there is no gone/schema.json",
  ]);
});

test("a template that the role names and nobody has is an error", async () => {
  const folder = await folderOf(role());
  const loaded = await loadRole("x", [join(folder, "roles")]);
  expect(await textsOf(() => templatesOf(loaded, [join(folder, "nowhere")]))).toEqual([
    "role x there is no template x/x.conf.eta",
  ]);
});
