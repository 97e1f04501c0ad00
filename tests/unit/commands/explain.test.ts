import { join } from "node:path";
import { expect, test } from "vitest";
import { explainRejection } from "../../../src/commands/explain.ts";
import { loadProject } from "../../../src/commands/project.ts";
import { Refusal } from "../../../src/model/refusal.ts";
import { render, type RenderInput } from "../../../src/render/render.ts";
import { root } from "../../support/lbctl.ts";

const inventory = join(root, "examples/ci/inventories/production");

/** With one template changed. */
async function inputWith(template: string, change: (text: string) => string): Promise<RenderInput> {
  const project = await loadProject({ inventory: [inventory], forks: 1, transport: "openssh", input: false });
  const [host] = project.hosts;
  const shipped = project.templates.get(template);
  if (!host || !shipped) throw new Error("no load balancer, or no such template");
  const templates = new Map(project.templates).set(template, { ...shipped, text: change(shipped.text) });
  return { ...project, templates, host, facts: { haproxyVersion: "2.6", watched: {} } };
}

function lineOf(content: string, text: string): number {
  return content.split("\n").findIndex((line) => line.trim() === text) + 1;
}

/** What is said when HAProxy says `what` of the rendered set. */
function explained(input: RenderInput, what: (config: string) => string) {
  const desired = render(input);
  const config = desired.files.find(({ path }) => path === "haproxy.cfg")?.content ?? "";
  const finding = { step: "haproxy-check", line: null, text: what(config) } as const;
  return { config, problems: explainRejection(new Refusal("lb-1", [finding]), desired, input).problems };
}

test("a line that HAProxy refuses is traced to where its variable is set, then to its template", async () => {
  const input = await inputWith("haproxy/haproxy.cfg.eta", (text) => text);
  const { problems } = explained(
    input,
    (config) =>
      `[ALERT] (1) : config : parsing [/staged/haproxy.cfg:${lineOf(config, "retries 3")}] : no such thing.`,
  );
  expect(problems).toHaveLength(1);
  expect(problems[0]?.at).toBe("lb-1");
  expect(problems[0]?.from).toEqual([
    `${inventory}/group_vars/haproxy.yml:2`,
    expect.stringMatching(/\/templates\/haproxy\/haproxy\.cfg\.eta:\d+$/),
  ]);
});

test("a line that HAProxy does not name is found, and traced to its template", async () => {
  const input = await inputWith("haproxy/haproxy.cfg.eta", (text) =>
    text.replace(/default_backend .*/, "default_backend lost"),
  );
  const { config, problems } = explained(
    input,
    () => "[ALERT]    (1) : config : Proxy 'web': unable to find required default_backend: 'lost'.",
  );
  const template = input.templates.get("haproxy/haproxy.cfg.eta");
  const [problem] = problems;
  expect(problem?.rendered).toBe(`haproxy.cfg:${lineOf(config, "default_backend lost")}`);
  expect(problem?.from).toEqual([
    `${template?.file}:${lineOf(template?.text ?? "", "default_backend lost")}`,
  ]);
});

test("a broken line of a list is named with the list's own template, and the line that reads it", async () => {
  const input = await inputWith("haproxy/trusted_ips.list.eta", (text) => `${text}not-an-address\n`);
  const acl = "acl trusted_peer src -f lists/trusted_ips.list";
  const { config, problems } = explained(
    input,
    (text) =>
      `[ALERT]    (1) : config : parsing [/staged/haproxy.cfg:${lineOf(text, acl)}] : error detected while parsing ACL 'trusted_peer' : 'not-an-address' is not a valid IPv4 or IPv6 address at line 2 of file 'lists/trusted_ips.list'.`,
  );
  const [problem] = problems;
  expect(problem?.rendered).toBe("lists/trusted_ips.list:2");
  expect(problem?.from).toEqual([expect.stringMatching(/\/trusted_ips\.list\.eta:5$/)]);
  expect(problem?.what).toMatch(/refuses line 2 of lists\/trusted_ips\.list: .*\n {2}not-an-address\nfrom /);
  expect(problem?.what).toContain(`\nline ${lineOf(config, acl)} of haproxy.cfg reads it: ${acl}`);
});

test("a list that a line with a secret reads is refused without HAProxy's words", async () => {
  const input = await inputWith("haproxy/trusted_ips.list.eta", (text) => text);
  const desired = render(input);
  const files = desired.files.map((file) =>
    file.path === "haproxy.cfg"
      ? { ...file, masked: file.content.replaceAll("trusted_peer", "<secret>") }
      : file,
  );
  const acl = lineOf(files[0]?.content ?? "", "acl trusted_peer src -f lists/trusted_ips.list");
  const text = `[ALERT]    (1) : config : parsing [/staged/haproxy.cfg:${acl}] : error detected while parsing ACL 'trusted_peer' : 'x' is no address at line 1 of file 'lists/trusted_ips.list'.`;
  const refusal = new Refusal("lb-1", [{ step: "haproxy-check", line: null, text }]);
  const [problem] = explainRejection(refusal, { ...desired, files }, input).problems;
  expect(problem?.rendered).toBe("lists/trusted_ips.list:1");
  expect(problem?.what).toContain("reads it: acl <secret> src -f lists/trusted_ips.list");
  expect(problem?.what).not.toContain("trusted_peer");
});
