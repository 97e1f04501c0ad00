import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { loadProject } from "../../../src/commands/project.ts";
import { LbctlError } from "../../../src/errors.ts";

async function problemsOf(inventory: string, ...extraVars: string[]): Promise<string[]> {
  const file = join(mkdtempSync(join(tmpdir(), "lbctl-project-")), "hosts.yml");
  writeFileSync(file, inventory);
  const options = { inventory: [file], extraVars, forks: 1, transport: "openssh" as const, input: false };
  const error: unknown = await loadProject(options).then(
    () => undefined,
    (caught: unknown) => caught,
  );
  expect(error).toBeInstanceOf(LbctlError);
  return (error as LbctlError).problems.map(({ at, what }) => `${(at ?? "").replace(/.*\//, "")} ${what}`);
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
