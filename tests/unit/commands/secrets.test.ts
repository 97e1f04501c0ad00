import { join } from "node:path";
import { afterEach, expect, test, vi } from "vitest";
import { explainRejection } from "../../../src/commands/explain.ts";
import { inventoryLines } from "../../../src/commands/inventory.ts";
import { loadProject } from "../../../src/commands/project.ts";
import { renderCommand } from "../../../src/commands/render.ts";
import { keepSecret, withoutSecrets } from "../../../src/document/secrets.ts";
import { LbctlError } from "../../../src/errors.ts";
import type { ObservedHost } from "../../../src/model/host.ts";
import { makePlan } from "../../../src/plan/plan.ts";
import { render } from "../../../src/render/render.ts";
import { inlineVault, vaulted } from "../../support/vault.ts";
import { folderOf, textsOf } from "../folder.ts";

afterEach(() => {
  vi.restoreAllMocks();
});

const password = "correct horse";

/** An inventory with this path, cookie and address in a vault. */
async function project(vars: Readonly<Record<string, string>>, files: Readonly<Record<string, string>> = {}) {
  const lines = Object.entries(vars).map(([name, value]) => `    ${name}: ${value}\n`);
  const folder = await folderOf({
    "hosts.yml": `haproxy:
  hosts: { lb-1: { ansible_host: 192.0.2.10 } }
  vars:
    plain: p
${lines.join("")}backend_api_instances: { hosts: { api-1: { ansible_host: 192.0.2.21 } } }
`,
    password,
    ...files,
  });
  return {
    inventory: [join(folder, "hosts.yml")],
    vaultPasswordFile: [join(folder, "password")],
    forks: 1,
    transport: "openssh" as const,
    input: false,
  };
}

async function desiredOf(options: Awaited<ReturnType<typeof project>>) {
  const loaded = await loadProject(options);
  const [host] = loaded.hosts;
  if (!host) throw new Error("no load balancer");
  const input = { ...loaded, host, facts: { haproxyVersion: "2.6", watched: {} } };
  return { input, desired: render(input) };
}

function observed(mode: string, content: string | null, generation: number | null = 1): ObservedHost {
  return {
    host: "lb-1",
    os: { id: "debian", version: "12" },
    uid: 0,
    packages: {},
    haproxyVersion: "2.6.12",
    service: { active: true, enabled: true },
    loadedIdentity: null,
    generation,
    links: {},
    files: content === null ? [] : [{ path: "haproxy.cfg", sha256: "0", mode, content }],
    handMade: false,
    written: null,
    changedSinceLoad: [],
    watched: {},
    digest: "d",
    freeBytes: 1,
    console: null,
    dropIn: "same",
    undecided: null,
  };
}

const vault = (text: string) => inlineVault(text, password, 6);

test("a secret reaches the file, and neither its diff nor its hash's neighbours", async () => {
  const options = await project({
    hidden_path: vault("/swordfish-1"),
    haproxy_api_health_path: '"{{ hidden_path }}/health"',
  });
  const { desired } = await desiredOf(options);
  const config = desired.files.find(({ path }) => path === "haproxy.cfg");
  expect(config?.content).toContain("/swordfish-1/health");
  expect(config?.masked).toContain("<secret>");
  expect(config?.masked?.split("\n")).toHaveLength(config?.content.split("\n").length ?? 0);
  const plan = makePlan(desired, observed("0644", null, null));
  expect(JSON.stringify(plan)).not.toContain("swordfish");
  expect(plan.files[0]?.diff).toContain("<secret>");
});

test("a file that holds a secret is not for everybody to read; others are as the role says", async () => {
  const { desired } = await desiredOf(await project({ haproxy_api_health_path: vault("/swordfish-2") }));
  const modes = Object.fromEntries(desired.files.map(({ path, mode }) => [path, mode]));
  expect(modes["haproxy.cfg"]).toBe("0640");
  expect(modes["lists/trusted_ips.list"]).toBe("0644");
});

test("short secrets and numbers are masked by where they stand, and plain values that are equal are not", async () => {
  const options = await project({
    haproxy_sticky_cookie_name: vault("abc"),
    haproxy_api_health_path: "/abc",
  });
  const { desired } = await desiredOf(options);
  const config = desired.files.find(({ path }) => path === "haproxy.cfg");
  expect(config?.content).toMatch(/cookie abc /);
  expect(config?.masked).not.toMatch(/cookie abc /);
  expect(config?.masked).toContain("uri /abc ");
});

test("values of an encrypted file are masked too: numbers, lists and addresses of servers", async () => {
  const options = await project(
    {},
    {
      "group_vars/haproxy.yml": vaulted(
        "haproxy_stats_port: 9199\nhaproxy_trusted_ips: [198.51.100.7]\nhaproxy_retries: 7\n",
        password,
      ),
      "host_vars/api-1.yml": vaulted(
        "haproxy_server_address: 203.0.113.9\nhaproxy_server_weight: 77\n",
        password,
      ),
    },
  );
  const { desired } = await desiredOf(options);
  const shown = desired.files.map(({ masked, content }) => masked ?? content).join("\n");
  for (const secret of ["9199", "198.51.100.7", "retries 7", "203.0.113.9", "weight 77"]) {
    expect(desired.files.map(({ content }) => content).join("\n")).toContain(secret);
    expect(shown).not.toContain(secret);
  }
});

test("an old secret on the host is not shown when it goes", async () => {
  const { desired } = await desiredOf(await project({ haproxy_api_health_path: vault("/swordfish-3") }));
  const config = desired.files.find(({ path }) => path === "haproxy.cfg")?.content ?? "";
  const old = config.replaceAll("/swordfish-3", "/oldfish").replace("maxconn", "# maxconn");
  // the new file holds a secret, and so did the old one
  const rotated = makePlan(desired, observed("0640", old)).files[0]?.diff ?? "";
  expect(rotated).toContain("<secret>");
  expect(rotated).not.toMatch(/oldfish|swordfish/);
  // the new file holds one for the first time; the same line held it in plain text
  const first = makePlan(desired, observed("0644", old)).files[0]?.diff ?? "";
  expect(first).not.toMatch(/oldfish|swordfish/);
  // the new file holds none any more
  const { desired: plain } = await desiredOf(await project({}));
  const removed = makePlan(plain, observed("0640", old)).files[0]?.diff ?? "";
  expect(removed).toContain("/api/v1/health");
  expect(removed).not.toMatch(/oldfish|swordfish/);
});

test("who takes over a configuration can read it, whatever its mode", async () => {
  const { desired } = await desiredOf(await project({}));
  const diff = makePlan(desired, observed("0640", "global\n  maxconn 7\n", null)).files[0]?.diff;
  expect(diff).toContain("-  maxconn 7");
});

test("when HAProxy refuses a line with a secret, its words are not repeated", async () => {
  const { desired, input } = await desiredOf(
    await project({ haproxy_api_health_path: vault("/two-swordfish-4") }),
  );
  const config = desired.files.find(({ path }) => path === "haproxy.cfg")?.content ?? "";
  const line = config.split("\n").findIndex((text) => text.includes("/two-swordfish-4")) + 1;
  const alert = `[ALERT]    (7) : config : parsing [/staged/haproxy.cfg:${String(line)}] : unknown keyword '-swordfish-4'.`;
  const refused = new LbctlError("rejected", { what: alert, at: "lb-1" });
  const text = JSON.stringify(explainRejection(refused, desired, input).problems);
  expect(text).not.toContain("swordfish");
  expect(text).toContain("haproxy_api_health_path is set in");
});

test.each([
  [
    "a value of another kind",
    "haproxy_retries",
    "swordfish-5",
    "haproxy_retries must be a whole number from 0 to 10",
  ],
  [
    "a value of another form",
    "haproxy_stats_address",
    "sw",
    "haproxy_stats_address must be an IPv4 or IPv6 address",
  ],
  [
    "a long value",
    "haproxy_sticky_cookie_name",
    "swordfish ".repeat(20),
    "haproxy_sticky_cookie_name must be",
  ],
  ["an address", "haproxy_server_address", "swordfish_6", "haproxy_server_address must be"],
])("what is wrong with a secret is told without it: %s", async (_, name, text, expected) => {
  const options = await project({ [name]: vault(text) });
  const [problem = ""] = await textsOf(() => loadProject(options));
  expect(problem).toContain(expected);
  expect(problem).toContain("its value is secret and not shown");
  expect(withoutSecrets(problem)).toBe(problem);
  expect(problem).not.toMatch(/"sw"|swordfish/);
});

test("two secrets that do not fit each other are named, not quoted", async () => {
  const options = await project(
    {},
    { "group_vars/haproxy.yml": vaulted("haproxy_stats_port: 81\nhaproxy_listen_http: 81\n", password) },
  );
  const [problem = ""] = await textsOf(() => loadProject(options));
  expect(problem).toContain("haproxy_stats_port does not fit haproxy_listen_http");
  expect(problem.replace(/.*hosts\.yml|.*haproxy\.yml:\d+/, "")).not.toContain("81");
});

test.each([
  [
    "haproxy_stream_hosts: [a.example, a.example]",
    "haproxy_stream_hosts holds the same item twice; its value",
  ],
  [
    "haproxy_tls_cert_path: /etc/haproxy/certs/site.pem",
    "haproxy_tls_cert_path is in a folder that lbctl manages",
  ],
])("a secret that fits nowhere is told without it: %s", async (text, expected) => {
  const options = await project({}, { "group_vars/haproxy.yml": vaulted(`${text}\n`, password) });
  const [problem = ""] = await textsOf(() => loadProject(options));
  expect(problem).toContain(expected);
  expect(problem).not.toMatch(/a\.example|site\.pem/);
});

test("a wrong vault password is one error with file and line, and nothing else", async () => {
  const options = await project({
    haproxy_api_health_path: vault("/a"),
    haproxy_stream_health_path: vault("/b"),
    haproxy_stats_address: vault("::1"),
  });
  const folder = await folderOf({ password: "wrong" });
  const wrong = { ...options, vaultPasswordFile: [join(folder, "password")] };
  const texts = await textsOf(() => loadProject(wrong));
  expect(texts).toHaveLength(1);
  expect(texts[0]).toMatch(/hosts\.yml:\d+ the vault password does not open this/);
});

test("what lbctl does not need stays encrypted, and needs no password", async () => {
  const options = await project({ somebody_elses: vault("never opened") });
  await loadProject({ ...options, vaultPasswordFile: [] });
  await loadProject(options);
  expect(withoutSecrets("never opened")).toBe("never opened");
});

test("render prints masks, and writes the secret into files that are not for everybody", async () => {
  const options = await project({ haproxy_api_health_path: vault("/swordfish-7") });
  const printed: string[] = [];
  vi.spyOn(process.stdout, "write").mockImplementation((text) => printed.push(String(text)) > 0);
  await renderCommand({ ...options, haproxyVersion: "2.6" });
  await renderCommand({ ...options, haproxyVersion: "2.6", json: true });
  expect(printed.join("")).toContain("<secret>");
  expect(printed.join("")).not.toContain("swordfish");
});

test("no hash of a secret is printed: who can try all ports would have it", async () => {
  const options = await project({}, { "group_vars/haproxy.yml": vaulted("haproxy_retries: 7\n", password) });
  const { desired } = await desiredOf(options);
  const config = desired.files.find(({ path }) => path === "haproxy.cfg");
  expect(config?.content).toContain(`description ${desired.identity}`);
  const printed: string[] = [];
  vi.spyOn(process.stdout, "write").mockImplementation((text) => printed.push(String(text)) > 0);
  await renderCommand({ ...options, haproxyVersion: "2.6", json: true });
  await renderCommand({ ...options, haproxyVersion: "2.6" });
  const text = printed.join("");
  expect(text).toContain("description lbctl:<secret>");
  expect(text).not.toContain(desired.identity.slice(6));
  expect(text).not.toContain(config?.sha256);
  const [{ identity, files } = { identity: "", files: [] }] = (
    JSON.parse(printed[0] ?? "") as {
      hosts: { identity: string; files: { path: string; sha256: unknown }[] }[];
    }
  ).hosts;
  expect(identity).toBe("lbctl:<secret>");
  const hashes = Object.fromEntries(files.map(({ path, sha256 }) => [path, sha256]));
  expect(hashes).toMatchObject({ "haproxy.cfg": null });
  expect(hashes["lists/trusted_ips.list"]).toMatch(/^[0-9a-f]{64}$/);
  // an old one on the host is no more to be shown, and a new one alone is no difference
  const old = (config?.content ?? "").replaceAll(desired.identity, `lbctl:${"a".repeat(32)}`);
  expect(makePlan(desired, observed(config?.mode ?? "", old)).files[0]?.diff).toBe("");
});

test("a file that names the identity of secrets elsewhere is as hidden as they are", async () => {
  const options = await project(
    {},
    { "group_vars/haproxy.yml": vaulted("haproxy_trusted_ips: [198.51.100.7]\n", password) },
  );
  const { desired } = await desiredOf(options);
  const config = desired.files.find(({ path }) => path === "haproxy.cfg");
  expect(config?.mode).toBe("0640");
  expect(config?.masked).toContain("description lbctl:<secret>");
});

test.each([
  ["an unknown name made of it", "it[it.haproxy_api_health_path.slice(1)]"],
  ["its own words", "(() => { throw new Error(btoa(it.haproxy_api_health_path)); })()"],
  ["no error at all", "(() => { throw it.haproxy_api_health_path.slice(2); })()"],
  ["a template named by it", "include(it.haproxy_api_health_path.slice(1))"],
])("a template that fails with %s does not tell a secret", async (_, code) => {
  const { input } = await desiredOf(await project({ haproxy_api_health_path: vault("/swordfish-9") }));
  const text = `first line\n<%= ${code} %>\n`;
  const templates = new Map([...input.templates.keys()].map((name) => [name, { file: "mine.eta", text }]));
  const [problem = ""] = await textsOf(() => Promise.resolve(render({ ...input, templates })));
  expect(problem).toMatch(
    /^mine\.eta(:2)? the template fails; the words are withheld.*: haproxy_api_health_path$/,
  );
  const plain = new Map(
    [...templates.keys()].map((name) => [name, { file: "mine.eta", text: "<%= it.nme %>" }]),
  );
  const [other = ""] = await textsOf(() => Promise.resolve(render({ ...input, templates: plain })));
  expect(other).toContain("it.nme is not a variable of this role");
});

test("keys within an encrypted map are no suggestions", async () => {
  const options = await project(
    { haproxy_api_health_path: '"{{ theirs.swordfish_ten }}"' },
    { "group_vars/all.yml": vaulted("theirs: {swordfish_11: a}\n", password) },
  );
  const texts = await textsOf(() => loadProject(options));
  expect(texts.join("\n")).toContain('"theirs" has no .swordfish_ten');
  expect(texts.join("\n")).not.toMatch(/did you mean|swordfish_11/);
});

test("what the role wants as a number may be a value under !vault, and stays secret", async () => {
  const options = await project({
    haproxy_stats_port: vault("9177\n"),
    theirs: vault("7"),
    haproxy_retries: '"{{ theirs }}"',
  });
  const { desired, input } = await desiredOf(options);
  expect(input.host.vars).toMatchObject({
    haproxy_stats_port: { value: 9177 },
    haproxy_retries: { value: 7 },
  });
  const config = desired.files.find(({ path }) => path === "haproxy.cfg");
  expect(config?.content).toMatch(/retries 7\n[\s\S]*:9177\n/);
  expect(config?.masked).not.toMatch(/9177|retries 7/);
  const text = (await inventoryLines({ ...options, list: true, resolved: true })).join("\n");
  expect(text).toContain('"haproxy_retries": "<secret>"');
  const [problem = ""] = await textsOf(async () =>
    loadProject(await project({ haproxy_retries: vault("seven") })),
  );
  expect(problem).toContain("haproxy_retries must be a whole number");
});

test("no way of looking at the inventory shows a secret", async () => {
  const options = await project(
    { mine: vault("swordfish-8"), haproxy_stats_address: '"{{ theirs[0].deep }}"' },
    { "group_vars/all.yml": vaulted("theirs: [{deep: 127.0.0.44}]\n", password) },
  );
  for (const more of [
    { list: true },
    { list: true, resolved: true },
    { host: "lb-1", origin: true },
    { host: "lb-1", resolved: true, origin: true },
    { list: true, resolved: true, origin: true, json: true },
  ]) {
    const text = (await inventoryLines({ ...options, ...more })).join("\n");
    expect(text).toMatch(/haproxy_stats_address/);
    expect(text).not.toMatch(/swordfish|127\.0\.0\.44/);
  }
});

test("a listing stays JSON whatever is secret", async () => {
  const options = await project(
    { yes: "true", number: "12345", hash: "ab12345cd" },
    { "group_vars/all.yml": vaulted('a: "true"\nb: 12345\nc: plain\n', password) },
  );
  for (const more of [{ list: true }, { host: "lb-1" }, { origin: true, json: true, host: "lb-1" }]) {
    const text = (await inventoryLines({ ...options, ...more })).join("\n");
    expect(() => JSON.parse(text) as unknown).not.toThrow();
    expect(text).toContain("ab12345cd");
  }
});

test("a text loses secrets as a whole, by line, by longer word, and as JSON writes them", () => {
  keepSecret('first "line"\nsecond-w0rd third\n');
  expect(withoutSecrets('say first "line" now')).toBe("say <secret> now");
  expect(withoutSecrets(JSON.stringify({ a: 'first "line"' }))).toBe('{"a":"<secret>"}');
  expect(withoutSecrets("near 'second-w0rd'")).toBe("near '<secret>'");
  expect(withoutSecrets("third")).toBe("third");
});
