import { join } from "node:path";
import { afterEach, expect, test, vi } from "vitest";
import { loadProject, type Judge } from "../../../src/commands/project.ts";
import { findDrillProblems } from "../../../src/drill/check.ts";
import { LbctlError } from "../../../src/errors.ts";
import { folderOf } from "../folder.ts";

afterEach(() => {
  vi.restoreAllMocks();
});

async function problemsOf(inventory: string, ...extraVars: string[]): Promise<string[]> {
  return problemsOfFiles({ "hosts.yml": inventory }, { extraVars });
}

async function problemsOfFiles(
  files: Readonly<Record<string, string>>,
  more: { readonly extraVars?: string[]; readonly limit?: string } = {},
  judge?: Judge,
): Promise<string[]> {
  const folder = await folderOf(files);
  const options = { forks: 1, transport: "openssh" as const, input: false, ...more };
  const error: unknown = await loadProject(
    { inventory: [join(folder, "hosts.yml")], ...options },
    judge,
  ).then(
    () => undefined,
    (caught: unknown) => caught,
  );
  expect(error).toBeInstanceOf(LbctlError);
  const texts = (error as LbctlError).problems.map(({ at = "", what }) => `${at} ${what}`);
  return texts.map((text) => text.replaceAll(`${folder}/`, "")).sort();
}

const inventory = (...vars: string[]) => `all:
  children:
    haproxy:
      hosts: { lb-1: { ansible_host: 192.0.2.10 } }
      vars:
${vars.map((line) => `        ${line}\n`).join("")}
    backend_api_instances: { hosts: { api-1: { ansible_host: 192.0.2.21 } } }
    stream_server_instances: { hosts: {} }
`;

test("a reference that leads nowhere hides no other mistake", async () => {
  const found = await problemsOf(
    inventory(
      "haproxy_health_check_fall: none",
      'haproxy_sticky_cookie_name: "{{ nope }}"',
      "haproxy_trusted_ips: [10.0.0.1/8]",
      "haproxy_retrys: 2",
    ),
  );
  expect(found).toHaveLength(4);
  expect(found).toEqual(
    expect.arrayContaining([
      expect.stringMatching(/^hosts\.yml:6 haproxy_health_check_fall must be a whole number/),
      expect.stringMatching(/^hosts\.yml:7 .*"nope" is not defined/),
      expect.stringMatching(/^hosts\.yml:8 haproxy_trusted_ips\/0 .*10\.0\.0\.0\/8/),
      expect.stringMatching(/^hosts\.yml:9 .*haproxy_retrys/),
    ]),
  );
});

test("a missing inventory, a broken -e and a missing file are told together", async () => {
  const options = {
    inventory: ["/nope"],
    extraVars: ["@/nope-vars", "{"],
    forks: 1,
    transport: "openssh" as const,
    input: false,
  };
  const error: unknown = await loadProject(options).catch((caught: unknown) => caught);
  const problems = (error as LbctlError).problems.map(({ at, what }) => `${at ?? ""} ${what}`).join("\n");
  expect(problems).toContain("/nope");
  expect(problems).toContain("/nope-vars");
  expect(problems).toContain("--extra-vars:2");
});

/** Two load balancers and three servers. */
const fleet = (vars: { readonly lb1?: string; readonly lb2?: string; readonly servers?: string[] } = {}) => {
  const [one, two, three] = vars.servers ?? ["192.0.2.21", "192.0.2.22", "192.0.2.23"];
  return `all:
  children:
    haproxy:
      hosts:
        lb-1: { ansible_host: 192.0.2.10${vars.lb1 ?? ""} }
        lb-2: { ansible_host: 192.0.2.11${vars.lb2 ?? ""} }
    backend_api_instances:
      hosts:
        api-1: { ansible_host: ${one} }
        api-2: { ansible_host: ${two} }
        api-3: { ansible_host: ${three} }
    stream_server_instances: { hosts: {} }
`;
};

test("one undefined variable hides nothing of its own host, nor of others", async () => {
  const found = await problemsOfFiles({
    "hosts.yml": fleet({
      lb1: ", ansible_port: ssh",
      lb2: ', ansible_user: "{{ who }}", ansible_become: perhaps',
      servers: ["192.0.2.21, haproxy_server_id: 5", "192.0.2.21, haproxy_server_id: 5", '"{{ nowhere }}"'],
    }),
    "group_vars/haproxy.yml": `haproxy_sticky_cookie_name: "{{ nope }}"
haproxy_health_check_interval_ms: 60000
haproxy_trusted_ips:
  - "{{ nets }}"
  - 10.0.0.1/8
`,
  });
  expect(found).toEqual([
    expect.stringMatching(
      /^group_vars\/haproxy\.yml:1 the variable "nope" is not defined \(lb-1 and 1 more host\)$/,
    ),
    expect.stringMatching(/^group_vars\/haproxy\.yml:2 haproxy_graceful_drain_seconds is 30 s, not longer/),
    expect.stringMatching(/^group_vars\/haproxy\.yml:4 the variable "nets" is not defined/),
    expect.stringMatching(/^group_vars\/haproxy\.yml:5 haproxy_trusted_ips\/1 must be .*10\.0\.0\.0\/8/),
    'hosts.yml:10 haproxy_server_id of api-2 is 5, as is that of api-1 in the group "backend_api_instances"',
    "hosts.yml:10 the servers api-1 and api-2 have the same address 192.0.2.21",
    'hosts.yml:11 the variable "nowhere" is not defined',
    expect.stringMatching(/^hosts\.yml:5 ansible_port: must be a whole number/),
    expect.stringMatching(/^hosts\.yml:6 ansible_become: must be true or false/),
    'hosts.yml:6 the variable "who" is not defined',
  ]);
});

test.each([
  ["the group of a pool", 'haproxy_api_group: "{{ nope }}"'],
  ["a certificate, on which a port depends", 'haproxy_tls_cert_path: "{{ nope }}"\nhaproxy_listen_https: 80'],
  ["a port", 'haproxy_listen_http: "{{ nope }}"\nhaproxy_stats_port: 80'],
  ["a whole list", 'haproxy_trusted_ips: "{{ nope }}"'],
  ["items of a list", 'haproxy_trusted_ips: ["{{ nope }}", "{{ nope }}"]'],
  ["how to connect", 'ansible_connection: "{{ nope }}"\nansible_password: x\nansible_port: ssh'],
])("what is not known is not judged: %s", async (_, vars) => {
  const found = await problemsOfFiles({ "hosts.yml": fleet(), "group_vars/haproxy.yml": `${vars}\n` });
  expect(found).toEqual([expect.stringMatching(/the variable "nope" is not defined/)]);
});

test("a file that cannot be read hides nothing of the others, and nothing is said that it might change", async () => {
  const found = await problemsOfFiles({
    "hosts.yml": fleet({
      lb1: ", ansible_port: ssh, ansible_password: x",
      servers: ["192.0.2.1", "192.0.2.1", "a_b"],
    }),
    "group_vars/all.yml": "a: [1\n",
    "group_vars/haproxy.yml": `haproxy_sticky_cookie_name: "{{ nope }}"
haproxy_health_check_interval_ms: 60000
haproxy_retries: many
haproxy_api_health_path: "{{ x | default(1) }}"
`,
  });
  expect(found).toEqual([
    "group_vars/all.yml:1 the [ that opens here is not closed",
    expect.stringMatching(/^group_vars\/haproxy\.yml:3 haproxy_retries must be a whole number/),
    expect.stringMatching(/^group_vars\/haproxy\.yml:4 .*lbctl runs no filters/),
    "hosts.yml:10 the servers api-1 and api-2 have the same address 192.0.2.1",
    expect.stringMatching(/^hosts\.yml:5 ansible_port: must be/),
  ]);
});

test("a file of one host leaves the others judged in full", async () => {
  const found = await problemsOfFiles({
    "hosts.yml": fleet(),
    "host_vars/lb-1.yml": "a: [1\n",
    "group_vars/haproxy.yml": 'haproxy_sticky_cookie_name: "{{ nope }}"\n',
  });
  expect(found).toEqual([
    'group_vars/haproxy.yml:1 the variable "nope" is not defined (lb-2)',
    "host_vars/lb-1.yml:1 the [ that opens here is not closed",
  ]);
});

test("where groups and hosts may be missing, none is said to be", async () => {
  const files = {
    "hosts.yml": "haproxy: { hosts: { lb-1: { haproxy_retries: many }, 'a b': {} }, childen: {} }\n",
    "group_vars/haproxy.yml": "haproxy_api_group: elsewhere\n",
  };
  const found = await problemsOfFiles(files, { limit: "lb-7" });
  expect(found).toEqual([
    expect.stringMatching(/^hosts\.yml:1 haproxy_retries must be/),
    expect.stringMatching(/^hosts\.yml:1 the host name "a b" contains a space/),
    expect.stringMatching(/^hosts\.yml:1 unknown key "childen"/),
  ]);
});

test("groups that are children of themselves are told, and the rest is judged", async () => {
  const found = await problemsOf(
    "a: { children: { b: } }\nb: { children: { a: } }\nhaproxy: { hosts: { lb-1: { haproxy_retries: many } } }\n",
  );
  expect(found).toEqual([
    expect.stringMatching(/is a child of itself: /),
    expect.stringMatching(/^hosts\.yml:3 haproxy_retries must be/),
  ]);
});

test("a -e that cannot be read may define what is not defined, and a limit without hosts hides nothing", async () => {
  const files = {
    "hosts.yml": fleet({ lb1: ", haproxy_retries: many" }),
    "group_vars/haproxy.yml": 'haproxy_sticky_cookie_name: "{{ nope }}"\n',
  };
  expect(await problemsOfFiles(files, { extraVars: ["{"] })).toEqual([
    expect.stringMatching(/^--extra-vars:1 /),
    expect.stringMatching(/^hosts\.yml:5 haproxy_retries must be/),
  ]);
  expect(await problemsOfFiles(files, { limit: "api-1" })).toEqual([
    ' --limit api-1 matches no host of the group "haproxy"',
    expect.stringMatching(/^group_vars\/haproxy\.yml:1 the variable "nope"/),
    expect.stringMatching(/^hosts\.yml:5 haproxy_retries must be/),
  ]);
});

test("broken templates are told together, with what is wrong in the inventory", async () => {
  const own = await folderOf({
    "templates/haproxy/haproxy.cfg.eta": "<%~ include('haproxy/part.eta') %>",
    "templates/haproxy/part.eta": "fine\n<% if ( %>\n",
    "templates/haproxy/trusted_ips.list.eta": "<% it.x( %>\n",
    "templates/haproxy/unused.eta": "<% ( %>\n",
  });
  vi.spyOn(process, "cwd").mockReturnValue(own);
  const found = await problemsOf(fleet({ lb1: ", haproxy_retries: many" }));
  expect(found.map((text) => text.replace(`${own}/`, "")).sort()).toEqual([
    expect.stringMatching(/^hosts\.yml:5 haproxy_retries must be/),
    expect.stringMatching(/^templates\/haproxy\/part\.eta:2 Bad template syntax/),
    expect.stringMatching(/^templates\/haproxy\/trusted_ips\.list\.eta:1 Bad template syntax/),
  ]);
});

test("an inventory that cannot be read hides no syntax error of the variables' files", async () => {
  const files = { "hosts.yml": "all: [1\n", "group_vars/web.yml": "b: {\n", "host_vars/lb-1.yml": "c: 'd\n" };
  expect(await problemsOfFiles({ ...files, "group_vars/notes": "[" })).toEqual([
    "group_vars/web.yml:1 the { that opens here is not closed",
    "host_vars/lb-1.yml:1 the ' that opens here is not closed",
    "hosts.yml:1 the [ that opens here is not closed",
  ]);
});

test("a group with another name is told, and servers of the role's own pools are judged", async () => {
  expect(
    await problemsOf(
      fleet({ servers: ["192.0.2.1", "192.0.2.2", "a, haproxy_server_id: x"] }).replace("haproxy", "haproxi"),
    ),
  ).toEqual([
    ' the inventory has no hosts in the group "haproxy", but a group "haproxi"',
    expect.stringMatching(/^hosts\.yml:11 haproxy_server_id must be a whole number/),
  ]);
});

test("an item of the wrong form does not hide that others are the same", async () => {
  const files = {
    "hosts.yml": fleet(),
    "group_vars/haproxy.yml": "haproxy_stream_path_prefixes: [/a, b, /a]\n",
  };
  expect(await problemsOfFiles(files)).toEqual([
    expect.stringMatching(/^group_vars\/haproxy\.yml:1 haproxy_stream_path_prefixes\/1 must be/),
    expect.stringMatching(/^group_vars\/haproxy\.yml:1 haproxy_stream_path_prefixes\/2 \("\/a"\) repeats/),
  ]);
});

test("a server without an address is told where its host is written", async () => {
  const found = await problemsOf(
    `haproxy: { hosts: { lb-1: { ansible_connection: incus, ansible_port: ssh, haproxy_retries: many } } }
backend_api_instances:
  hosts:
    api-1: { ansible_connection: incus }
`,
  );
  expect(found).toEqual([
    expect.stringMatching(/^hosts\.yml:1 haproxy_retries must be/),
    expect.stringMatching(/^hosts\.yml:4 server api-1 has no address: /),
  ]);
});

test("problems of one line are all told, and each once", async () => {
  const servers = '{ a: { haproxy_server_address: "b c" }, b: { ansible_connection: incus }, FRONTEND: }';
  const found = await problemsOf(
    `haproxy: { hosts: { lb-1: } }\nbackend_api_instances: { hosts: ${servers} }\n`,
  );
  expect(found).toEqual([
    expect.stringMatching(/^hosts\.yml:2 "FRONTEND" cannot be a server's name/),
    expect.stringMatching(/^hosts\.yml:2 haproxy_server_address must be/),
    expect.stringMatching(/^hosts\.yml:2 server b has no address/),
  ]);
});

test("a host is counted once, however often it leads to a problem", async () => {
  const found = await problemsOfFiles({
    "hosts.yml": inventory("haproxy_retries: 3"),
    "group_vars/all.yml":
      'x: {a: "{{ nope.b }}"}\nhaproxy_maxconn: "{{ x.a }}"\nhaproxy_stats_address: "{{ x.a }}"\n',
  });
  expect(found).toContainEqual(expect.stringMatching(/"nope" is not defined \(lb-1 and 1 more host\)$/));
});

test("what Ansible defines by itself is said to stand nowhere", async () => {
  const folder = await folderOf({ "hosts.yml": inventory(`haproxy_stream_group: "{{ groups['zork'] }}"`) });
  const options = { inventory: [join(folder, "hosts.yml")], forks: 1, transport: "openssh" as const };
  const error = await loadProject({ ...options, input: false }).catch((caught: unknown) => caught);
  expect((error as LbctlError).problems[0]?.hint).toBe(
    "It is made of the inventory itself: look at its groups and hosts.",
  );
});

test("what a drill would refuse is told by a validation, once and with its place", async () => {
  const written = (...vars: string[]) =>
    problemsOfFiles(
      { "hosts.yml": fleet(), "group_vars/all.yml": vars.map((line) => `${line}\n`).join("") },
      {},
      findDrillProblems,
    );
  expect(
    await written("lbctl_drill_fault: nonsense", "lbctl_drill_fualt: systemd", "haproxy_retrys: 1"),
  ).toEqual([
    expect.stringMatching(/^group_vars\/all\.yml:1 lbctl_drill_fault is "nonsense", not one of/),
    expect.stringMatching(
      /^group_vars\/all\.yml:2 .*"lbctl_drill_fualt"; did you mean "lbctl_drill_fault"\?$/,
    ),
    expect.stringMatching(/^group_vars\/all\.yml:3 .*haproxy_retrys/),
  ]);
  expect(await written("lbctl_drill_fault: systemd", "b: 1")).toEqual([
    expect.stringMatching(/^group_vars\/all\.yml:1 lbctl_drill_unit is null/),
  ]);
  expect(await written("lbctl_drill_fault: systemd", 'lbctl_drill_unit: "{{ nope }}"')).toEqual([
    expect.stringMatching(/^group_vars\/all\.yml:2 .*"nope" is not defined/),
  ]);
});

const mistakes = 'haproxy_health_check_interval_ms: 60000000\nhaproxy_stats_address: "{{ nope }}"\n';
const both: readonly unknown[] = [
  expect.stringMatching(/^group_vars\/haproxy\.yml:1 haproxy_health_check_interval_ms must be/),
  expect.stringMatching(/^group_vars\/haproxy\.yml:2 .*"nope" is not defined/),
];

test.each([
  ["an unknown key of a group", "  bogus: 3\n", /^hosts\.yml:\d+ unknown key "bogus"/],
  ["a host's bad name", "    stream: { hosts: { 's 1': } }\n", /^hosts\.yml:\d+ the host name "s 1"/],
  ["a bad range", "    stream: { hosts: { 's[2:1]': } }\n", /^hosts\.yml:\d+ the host "s\[2:1\]"/],
  [
    "a host without a map",
    "    stream: { hosts: { s-1: 3 } }\n",
    /^hosts\.yml:\d+ the variables of host "s-1"/,
  ],
  ["a list of hosts", "    stream: { hosts: [s-1] }\n", /^hosts\.yml:\d+ `hosts` of group "stream"/],
  [
    "a host twice",
    "    stream: { hosts: { s-1: {}, s-1: {} } }\n",
    /^hosts\.yml:\d+ the key "s-1" is written twice/,
  ],
  ["a list of variables", "    stream: { vars: [a] }\n", /^hosts\.yml:\d+ `vars` of group "stream"/],
])("%s is told beside all else", async (_, line, expected) => {
  const files = { "hosts.yml": inventory("a: 1") + line, "group_vars/haproxy.yml": mistakes };
  expect(await problemsOfFiles(files)).toEqual([...both, expect.stringMatching(expected)]);
});

test("what only follows from a mistake that stands for itself is not told", async () => {
  const vars = [
    'haproxy_server_weight: "{{ bogus }}"',
    "haproxy_api_group: stream",
    "haproxy_stream_group: stream",
    "haproxy_stats_address: \"{{ groups['stream'][0] }}\"",
  ];
  const found = await problemsOf(
    `${inventory(...vars)}    stream: { hosts: { "s 1": } }\n    more: { bogus: 3 }\n`.replace(
      "haproxy:\n",
      "haproxy:\n      bogus: 3\n",
    ),
  );
  expect(found).toEqual([
    expect.stringMatching(/the host name "s 1"/),
    expect.stringMatching(/unknown key "bogus" in group "more"/),
    expect.stringMatching(/unknown key "bogus" in group "haproxy"/),
  ]);
});

test("a key written twice and a tag that is none hide nothing else in their file", async () => {
  const found = await problemsOfFiles({
    "hosts.yml": inventory("a: 1"),
    "group_vars/haproxy.yml": `${mistakes}haproxy_retrys: 1
haproxy_maxconn: -1
haproxy_maxconn: 3
haproxy_retries: !foo x
haproxy_sticky_cookie_name: "{{ haproxy_maxconn }}"
haproxy_trusted_ips: [!foo x, 10.0.0.1/8]
`,
  });
  expect(found).toEqual([
    ...both,
    expect.stringMatching(/:3 .*haproxy_retrys/),
    expect.stringMatching(/:5 the key "haproxy_maxconn" is written twice/),
    expect.stringMatching(/:6 the tag !foo/),
    expect.stringMatching(/:8 haproxy_trusted_ips\/1/),
    expect.stringMatching(/:8 the tag !foo/),
  ]);
});

test("a word of -e hides nothing of the other options", async () => {
  const written = inventory('haproxy_retries: "{{ word }}"', 'haproxy_stats_address: "{{ nope }}"');
  expect(await problemsOf(written, "haproxy_listen_http=abc", "haproxy_maxconn=x word")).toEqual([
    expect.stringMatching(/^--extra-vars:1 haproxy_listen_http must be/),
    expect.stringMatching(/^--extra-vars:2 "word" is not name=value/),
    expect.stringMatching(/^--extra-vars:2 haproxy_maxconn must be/),
    expect.stringMatching(/^hosts\.yml:7 .*"nope" is not defined/),
  ]);
});
