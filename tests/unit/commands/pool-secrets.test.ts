import { join } from "node:path";
import { afterEach, expect, test, vi } from "vitest";
import { loadProject } from "../../../src/commands/project.ts";
import { renderCommand } from "../../../src/commands/render.ts";
import { shownSides } from "../../../src/plan/shown.ts";
import { render } from "../../../src/render/render.ts";
import { inlineVault, vaulted } from "../../support/vault.ts";
import { folderOf, textsOf } from "../folder.ts";
import { everyKey } from "../../support/every-pool-key.ts";

afterEach(() => {
  vi.restoreAllMocks();
});

const password = "correct horse";
const vault = (text: string) => inlineVault(text, password, 14);

const inventory = `haproxy: { hosts: { lb-1: { ansible_host: 192.0.2.10 } } }
backend_api_instances: { hosts: { api-1: { ansible_host: 192.0.2.21 } } }
stream_server_instances: { hosts: { stream-1: { ansible_host: 192.0.2.22 } } }
forges: { hosts: { git-1: { ansible_host: 192.0.2.31 } } }
nobody: { hosts: {} }
`;

async function project(groupVars: string) {
  const folder = await folderOf({ "hosts.yml": inventory, password, "group_vars/haproxy.yml": groupVars });
  return {
    inventory: [join(folder, "hosts.yml")],
    vaultPasswordFile: [join(folder, "password")],
    forks: 1,
    transport: "openssh" as const,
    input: false,
  };
}

/** haproxy.cfg as it is, and as people may see it. Its lines pair up. */
async function configOf(groupVars: string): Promise<{ content: string; masked: string }> {
  const loaded = await loadProject(await project(groupVars));
  const [host] = loaded.hosts;
  if (!host) throw new Error("no load balancer");
  const { files } = render({ ...loaded, host, facts: { haproxyVersion: "2.6", watched: {} } });
  const config = files.find(({ path }) => path === "haproxy.cfg");
  if (typeof config?.masked !== "string") throw new Error("nothing of it can be shown");
  return { content: config.content, masked: config.masked };
}

const sectionOf = (text: string, start: string): string =>
  text.slice(text.indexOf(start)).split("\n\n")[0]?.trim() ?? "";

test("of pools in an encrypted file each value is masked, and the lines stay as they are", async () => {
  const { content, masked } = await configOf(vaulted(JSON.stringify(everyKey), password));
  expect(masked.split("\n")).toHaveLength(content.split("\n").length);
  expect(sectionOf(masked, "backend git")).toMatchInlineSnapshot(`
    "backend git
        balance <secret>
        hash-type consistent
        cookie <secret> insert indirect nocache httponly
        # Only a GET is ever sent twice.
        http-request disable-l7-retry unless METH_GET
        timeout server <secret>ms
        timeout queue <secret>ms
        timeout check <secret>ms
        option httpchk
        http-check send meth <secret> uri <secret> ver HTTP/1.1 hdr Host <secret>
        http-check expect status <secret>
        default-server check port <secret> inter <secret>ms fastinter <secret>ms downinter <secret>ms fall <secret> rise <secret>
        default-server observe layer4 error-limit 3 on-error fastinter
        default-server slowstart <secret>s
        default-server maxconn <secret>
        default-server ssl check-ssl verify <secret> sni str(<secret>) check-sni <secret> crt <secret>
        server git-1 192.0.2.31:<secret> id 602295 cookie git-1
        server <secret> <secret>:<secret> id <secret> cookie <secret> weight <secret> maxconn <secret> backup resolvers target init-addr last,libc,none"
  `);
  expect(masked.split("\n").filter((line) => /use_backend (?!stream|api)/.test(line))).toMatchInlineSnapshot(`
    [
      "    use_backend <secret> if { req.hdr(host),field(1,:) -m str -i <secret> } { path <secret> }",
      "    use_backend <secret> if { req.hdr(host),field(1,:) -m str -i <secret> } { path <secret> }",
      "    use_backend <secret> if { req.hdr(host),field(1,:) -m str -i <secret> } { path_beg <secret>/ }",
    ]
  `);
});

test("one secret among plain values is masked alone", async () => {
  const groupVars = `haproxy_pools:
  git:
    groups: [forges]
    port: 3000
    sticky_cookie: ${vault("swordfish-cookie")}
    check: { host: plain.example.com, path: /plain }
    tls:
      sni: ${vault("swordfish.example.com")}
    servers:
      - name: far
        address: ${vault("swordfish.example.net")}
haproxy_routes:
  - { hosts: [plain.example.com], pool: git }
  - hosts:
      - ${vault("swordfish.example.org")}
    pool: git
`;
  const { content, masked } = await configOf(groupVars);
  expect(content.match(/swordfish/g)).toHaveLength(5);
  expect(masked).not.toContain("swordfish");
  const differ = content.split("\n").flatMap((line, at) => {
    const shown = masked.split("\n")[at] ?? "";
    return line === shown ? [] : [shown.trim()];
  });
  expect(differ.filter((line) => !line.includes("lbctl:"))).toMatchInlineSnapshot(`
    [
      "use_backend git if { req.hdr(host),field(1,:) -m str -i <secret> }",
      "cookie <secret> insert indirect nocache httponly",
      "default-server ssl check-ssl verify required ca-file @system-ca sni str(<secret>) check-sni <secret>",
      "server far <secret>:3000 id 753160 cookie far resolvers target init-addr last,libc,none",
    ]
  `);
});

test.each([
  ["haproxy_health_check_interval_ms: 4321", "4321"],
  ["haproxy_graceful_drain_seconds: 4321", "4321"],
  ["haproxy_api_timeout_server_ms: 4321", "4321"],
  ["haproxy_timeout_queue_ms: 4321", "4321"],
  ["haproxy_stream_hosts: [swordfish.example.com]", "swordfish"],
  ["haproxy_stream_path_prefixes: [/swordfish]", "swordfish"],
  ["haproxy_backend_api_port: 4321", "4321"],
])("what pools and routes take from %s, a secret, is masked in them too", async (secret, text) => {
  const pools = `haproxy_pools: { git: { groups: [forges], port: 3000 } }`;
  const { content, masked } = await configOf(vaulted(`${secret}\n${pools}\n`, password));
  expect(content).toContain(text);
  expect(masked).not.toContain(text);
});

test("an old secret of a pool is not shown when it goes", async () => {
  const plain = "haproxy_pools: { git: { groups: [forges], port: 3000, check: { path: /plain } } }\n";
  const loaded = await loadProject(await project(plain));
  const [host] = loaded.hosts;
  if (!host) throw new Error("no load balancer");
  const { files } = render({ ...loaded, host, facts: { haproxyVersion: "2.6", watched: {} } });
  const desired = files.find(({ path }) => path === "haproxy.cfg");
  const content = desired?.content.replace("uri /plain", "uri /swordfish") ?? "";
  expect(content).toContain("swordfish");
  expect(JSON.stringify(shownSides(desired, { content, mode: "0640" }))).not.toContain("swordfish");
});

test("render prints masks of pools", async () => {
  const options = await project(
    `haproxy_pools:\n  git:\n    groups: [forges]\n    port: 3000\n    check:\n      path: ${vault("/swordfish")}\n`,
  );
  const printed: string[] = [];
  vi.spyOn(process.stdout, "write").mockImplementation((text) => printed.push(String(text)) > 0);
  await renderCommand({ ...options, haproxyVersion: "2.6" });
  await renderCommand({ ...options, haproxyVersion: "2.6", json: true });
  expect(printed.join("")).toContain("uri <secret>");
  expect(printed.join("")).not.toContain("swordfish");
});

test.each([
  [
    "a wrong value, by its path",
    `    port: 3000\n    check:\n      path: ${vault("swordfish")}`,
    "haproxy_pools/git/check/path must be a path that starts with `/`, of letters, digits and `-._~/`; its value is secret and not shown",
  ],
  [
    "a key that is missing beside a secret",
    `    port: 3000\n    servers:\n      - address: ${vault("swordfish.example")}`,
    'haproxy_pools/git/servers/0 the key "name" is missing; its value is secret and not shown',
  ],
  [
    "a wrong value beside a secret, with what was read",
    `    port: 0\n    check:\n      path: ${vault("/swordfish")}`,
    "haproxy_pools/git/port must be a whole number from 1 to 65535; read 0 (a whole number)",
  ],
  [
    "a file that cannot be there",
    `    port: 3000\n    tls:\n      sni: a.example\n      ca: ${vault("/var/lib/lbctl/swordfish")}`,
    "haproxy_pools/git/tls/ca is in a folder that lbctl manages; keep it elsewhere, such as /etc/ssl/private; its value is secret and not shown",
  ],
  [
    "a group that is not there",
    `    port: 3000\n    groups:\n      - forges\n      - ${vault("forgez")}`,
    "haproxy_pools/git/groups/1 is a secret, which is no group of the inventory",
  ],
])("what is wrong is told without the secret: %s", async (_, lines, expected) => {
  const groups = lines.includes("groups:") ? "" : "    groups: [forges]\n";
  const options = await project(`haproxy_pools:\n  git:\n${groups}${lines}\n`);
  const texts = await textsOf(() => loadProject(options));
  expect(texts.map((text) => text.replace(/^\S+ /, ""))).toEqual([expected]);
});

test.each([
  "haproxy_pools: { swordfish: { port: 0 } }",
  "haproxy_pools: { swordfish: { groups: [forges] } }",
  "haproxy_pools: { swordfish: { groups: [nobody], port: 80 } }",
])("of an encrypted file no key is told: %s", async (text) => {
  const options = await project(vaulted(`${text}\n`, password));
  const problems = await textsOf(async () => {
    const loaded = await loadProject(options);
    const [host] = loaded.hosts;
    if (host) render({ ...loaded, host, facts: { haproxyVersion: "2.6", watched: {} } });
  });
  for (const problem of problems) expect(problem).not.toContain("swordfish");
});
