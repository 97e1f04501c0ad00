import { join } from "node:path";
import { afterEach, expect, test, vi } from "vitest";
import { inventoryLines, type InventoryOptions } from "../../../src/commands/inventory.ts";
import { folderOf, textsOf } from "../folder.ts";

afterEach(() => {
  vi.restoreAllMocks();
});

const files = {
  "hosts.yml": `haproxy:
  hosts:
    lb-1: { ansible_host: "{{ prefix }}.10" }
    lb-2:
  vars:
    haproxy_retries: 2
backend_api_instances: { hosts: { api-1: { odd: "{{ prefix | upper }}" } } }
`,
  "group_vars/all.yml": "# shared\nprefix: 192.0.2\n",
  "host_vars/lb-2.yml": "haproxy_retries: 4\nlimit: [.inf, 1]\n",
};

async function run(options: Partial<InventoryOptions>): Promise<string> {
  const folder = await folderOf(files);
  const lines = await inventoryLines({
    inventory: [join(folder, "hosts.yml")],
    forks: 1,
    transport: "openssh",
    input: false,
    ...options,
  });
  return lines.join("\n").replaceAll(`${folder}/`, "");
}

test("without a flag it draws the groups", async () => {
  expect(await run({})).toMatch(/^@all:\n {2}\|--@ungrouped:\n {2}\|--@haproxy:\n {2}\| {2}\|--lb-1\n/);
});

test("a note that several hosts share is told once", async () => {
  const told: string[] = [];
  vi.spyOn(process.stderr, "write").mockImplementation((text) => told.push(String(text)) > 0);
  const folder = await folderOf({
    "hosts.yml": 'web: {hosts: {a: , b: , c: }, vars: {odd: "{{ x | upper }}"}}\n',
  });
  await run({ inventory: [join(folder, "hosts.yml")], list: true, resolved: true });
  expect(told.join("").match(/note:/g)).toHaveLength(1);
});

test("--limit keeps the tree and drops the hosts", async () => {
  expect(await run({ graph: "haproxy", limit: "lb-2" })).toBe("@haproxy:\n  |--lb-2");
});

test("--origin says which file and line each value comes from", async () => {
  expect(await run({ host: "lb-2", origin: true })).toBe(`lb-2
  haproxy_retries: 4
      host_vars/lb-2.yml:1
  limit: [ Infinity, 1 ]
      host_vars/lb-2.yml:2
  prefix: "192.0.2"
      group_vars/all.yml:2`);
});

test("--origin --json is for programs", async () => {
  const document: unknown = JSON.parse(
    await run({ origin: true, json: true, limit: "lb-2", extraVars: ["haproxy_retries=9"] }),
  );
  expect(document).toEqual({
    format_version: 1,
    hosts: {
      "lb-2": {
        haproxy_retries: { value: "9", file: "--extra-vars", line: 1 },
        limit: { value: [null, 1], file: "host_vars/lb-2.yml", line: 2 },
        prefix: { value: "192.0.2", file: "group_vars/all.yml", line: 2 },
      },
    },
  });
});

test("--resolved shows what lbctl uses: the role's defaults, references replaced, numbers from -e", async () => {
  const vars = JSON.parse(
    await run({ host: "lb-1", resolved: true, extraVars: ["haproxy_retries=9"] }),
  ) as Record<string, unknown>;
  expect(vars).toMatchObject({ ansible_host: "192.0.2.10", haproxy_retries: 9, haproxy_listen_http: 80 });
});

test("--resolved keeps what it cannot resolve as it is, and says so with file and line", async () => {
  const said: string[] = [];
  vi.spyOn(process.stderr, "write").mockImplementation((text) => said.push(String(text)) > 0);
  expect(await run({ host: "api-1", resolved: true })).toContain('"odd": "{{ prefix | upper }}"');
  expect(said.join("")).toMatch(/note: .*hosts\.yml:7: \{\{ prefix \| upper \}\} is more than the name/);
});

test.each<[string, Partial<InventoryOptions>, string]>([
  ["two views", { list: true, host: "lb-1" }, "--list and --host cannot stand together"],
  ["a tree of origins", { graph: true, origin: true }, "--graph and --origin cannot stand together"],
  ["an unknown group", { graph: "haprox" }, 'no group is called "haprox"; did you mean "haproxy"?'],
  ["an unknown host", { host: "lb-9" }, 'no host or group matches "lb-9"; did you mean "lb-1"?'],
  ["several hosts", { host: "haproxy" }, "--host haproxy stands for 2 hosts"],
  ["a host outside the limit", { host: "lb-1", limit: "lb-2" }, "--host lb-1 stands for no host"],
  ["a limit file that is not there", { limit: "@/no/file" }, "--limit @/no/file: there is no such file"],
])("refuses %s", async (_, options, expected) => {
  expect(await textsOf(() => run(options))).toEqual([expected]);
});

test("an empty limit file is refused, where Ansible would take every host", async () => {
  const folder = await folderOf({ "limit.txt": "\n  \n" });
  expect(await textsOf(() => run({ limit: `@${join(folder, "limit.txt")}` }), folder)).toEqual([
    "limit.txt the limit file names nobody",
  ]);
});
