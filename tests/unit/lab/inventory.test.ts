import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { parse } from "yaml";
import { formatInventory, writeInventory } from "../../../src/lab/inventory.ts";
import { labMembers } from "../../../src/lab/members.ts";
import { labPaths } from "../../../src/lab/paths.ts";
import { formatKnownHosts } from "../../../src/lab/ssh.ts";

const members = labMembers({ lb: 1, api: 1, stream: 0, haproxy: "2.6" }, "10.214.7");
const paths = labPaths({ HOME: "/home/me" });

describe("the lab's inventory", () => {
  test("has each role's group, addresses and the lab's own way in", () => {
    expect(parse(formatInventory(members, paths))).toEqual({
      all: {
        vars: {
          ansible_user: "root",
          ansible_ssh_private_key_file: "/home/me/.cache/lbctl/lab/id_ed25519",
          ansible_ssh_common_args:
            "-o UserKnownHostsFile=/home/me/.cache/lbctl/lab/known_hosts -o IdentitiesOnly=yes -o StrictHostKeyChecking=yes",
          ansible_incus_project: "lbctl-lab",
        },
        children: {
          haproxy: { hosts: { "lb-1": { ansible_host: "10.214.7.11", ansible_incus_host: "lb-1" } } },
          backend_api_instances: {
            hosts: { "backend-api-1": { ansible_host: "10.214.7.51", ansible_incus_host: "backend-api-1" } },
          },
          stream_server_instances: { hosts: {} },
        },
      },
    });
  });

  test("quotes a cache folder with a space for YAML, for Ansible and for ssh", () => {
    const text = formatInventory(members, labPaths({ XDG_CACHE_HOME: "/my cache" }));
    const { vars } = (parse(text) as { all: { vars: Record<string, string> } }).all;
    expect(vars.ansible_ssh_private_key_file).toBe("/my cache/lbctl/lab/id_ed25519");
    expect(vars.ansible_ssh_common_args).toContain(
      `-o 'UserKnownHostsFile="/my cache/lbctl/lab/known_hosts"' -o`,
    );
  });

  let cwd = "";
  beforeEach(async () => {
    cwd = await mkdtemp(join(tmpdir(), "lbctl-lab-"));
  });
  afterEach(async () => {
    await rm(cwd, { recursive: true });
  });

  test("follows the lab, but settings that were edited stay", async () => {
    const folder = await writeInventory(cwd, members, paths);
    const settings = join(folder, "group_vars", "all.yml");
    expect(parse(await readFile(settings, "utf8"))).toEqual({ haproxy_health_check_interval_ms: 1000 });
    await writeFile(settings, "mine: true\n");
    await writeInventory(cwd, members.slice(0, 1), paths);
    expect(await readFile(settings, "utf8")).toBe("mine: true\n");
    expect(await readFile(join(folder, "hosts.yml"), "utf8")).not.toContain("backend-api-1");
  });
});

test("known hosts are named by address and by both names", () => {
  const hosts = [{ name: "lb-1", ip: "10.214.7.11", hostKey: "ssh-ed25519 AAAA" }];
  expect(formatKnownHosts(hosts)).toBe("10.214.7.11,lb-1,lb-1.lab ssh-ed25519 AAAA\n");
});

test.each([
  [{ HOME: "/h" }, "/h/.cache/lbctl/lab"],
  [{ HOME: "/h", XDG_CACHE_HOME: "/c" }, "/c/lbctl/lab"],
  [{ HOME: "/h", XDG_CACHE_HOME: "relative" }, "/h/.cache/lbctl/lab"],
  [{ HOME: "/h", XDG_CACHE_HOME: "" }, "/h/.cache/lbctl/lab"],
])("the cache of %o is %s", (env, root) => {
  expect(labPaths(env).root).toBe(root);
});
