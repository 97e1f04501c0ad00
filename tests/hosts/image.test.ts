import { chmodSync, cpSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { exampleProject } from "../support/example.ts";
import { asRoot, buildah, buildImage, removeImages, succeed } from "../support/image.ts";
import { balancer, key, knownHosts } from "../support/hosts.ts";
import { liveState } from "../support/lab.ts";
import { run, type Run } from "../support/lbctl.ts";

const tools = await Promise.all(
  ["buildah", "mmdebstrap"].map((tool) => run("sh", ["-c", `command -v ${tool}`])),
);
const missing = tools.some(({ code }) => code !== 0);

// scripts/test.sh names what is left out; in CI nothing may be
describe.skipIf(missing && process.env.CI !== "true")(
  "the container image, built from the Containerfile as it is",
  () => {
    const login = mkdtempSync(join(tmpdir(), "lbctl-login-"));
    let container = "";
    const inside = (...words: string[]): Promise<Run> => buildah("run", container, "--", ...words);

    /** lbctl in the image: the project read-only, the login where only the image's user reads it. */
    const inImage = (project: string, ...args: string[]): Promise<Run> => {
      chmodSync(project, 0o755);
      const volumes = ["-v", `${project}:/work:ro`, "-v", `${login}:/login:ro`];
      return buildah("run", ...volumes, container, "--", "lbctl", ...args, "-e", "@/login/vars.yml");
    };

    beforeAll(async () => {
      cpSync(key, join(login, "key"));
      cpSync(knownHosts, join(login, "known_hosts"));
      const args = "-o UserKnownHostsFile=/login/known_hosts -o IdentitiesOnly=yes";
      writeFileSync(
        join(login, "vars.yml"),
        `ansible_ssh_private_key_file: /login/key\nansible_ssh_extra_args: ${args}\n`,
      );
      await succeed(asRoot("sh", "-c", `chmod -R go= '${login}' && chown -R 1000:1000 '${login}'`));
      await buildImage("lbctl");
      container = await succeed(buildah("from", "--pull-never", "lbctl"));
    });

    afterAll(async () => {
      await removeImages();
      await succeed(asRoot("rm", "-r", login));
    });

    test("starts lbctl, not as root", async () => {
      const config = await succeed(
        buildah("inspect", "--format", "{{.OCIv1.Config.Entrypoint}} {{.OCIv1.Config.User}}", container),
      );
      expect(config).toBe("[lbctl] 1000:1000");
      expect(await succeed(inside("id", "-u"))).toBe("1000");
      expect(await succeed(inside("lbctl", "--version"))).toMatch(/^\d+\.\d+\.\d+$/);
    });

    test("has no ssh, no npm, no compiler and no package lists", async () => {
      const tools = "ssh ssh-keygen ssh-agent npm npx cc gcc make python3 git curl";
      expect(
        (await inside("sh", "-c", `command -v ${tools}; ls -A /var/lib/apt/lists /usr/lib/lbctl`)).stdout,
      ).toBe(
        "/usr/lib/lbctl:\nCHANGELOG.md\nLICENSE\nbin\ndist\npackage.json\nroles\ntemplates\n\n/var/lib/apt/lists:\n",
      );
    });

    test("adds little to its base: Node, and 2 MB of lbctl", async () => {
      const sizes = await succeed(buildah("images", "--format", "{{.Name}} {{.Size}}"));
      process.stdout.write(`${sizes}\n`);
      const megabytes = (name: string): number => Number(new RegExp(`${name}\\s+(\\d+) MB`).exec(sizes)?.[1]);
      expect(megabytes("localhost/lbctl") - megabytes("debian")).toBeLessThan(130);
    });

    test("plans and applies on real hosts, over its own SSH", async () => {
      await succeed(inImage(exampleProject("haproxy_retries: 3"), "apply", "--yes"));
      const project = exampleProject("haproxy_retries: 6");
      const before = await liveState(balancer);
      const plan = await inImage(project, "plan", "--detailed-exitcode");
      expect(plan.stdout + plan.stderr).toContain("retries 6");
      expect(plan.code).toBe(2);
      expect(await liveState(balancer)).toBe(before);
      const applied = await inImage(project, "apply", "--yes");
      expect(applied.stdout + applied.stderr).toMatch(/lb-1 +changed/);
      expect(applied.code).toBe(0);
      expect(await succeed(inImage(project, "apply", "--yes"))).toMatch(/lb-1 +unchanged/);
    });

    test("refuses a host key that is not known", async () => {
      await succeed(asRoot("truncate", "-s", "0", join(login, "known_hosts")));
      const refused = await inImage(exampleProject("haproxy_retries: 3"), "plan");
      expect(refused.code).toBe(4);
      expect(refused.stderr).toMatch(/host key of .* is unknown/);
    });
  },
);
