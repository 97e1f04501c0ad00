import { join } from "node:path";
import { expect, test } from "vitest";
import { explainRejection } from "../../../src/commands/explain.ts";
import { loadProject } from "../../../src/commands/project.ts";
import { LbctlError } from "../../../src/errors.ts";
import { render } from "../../../src/render/render.ts";
import { root } from "../../support/lbctl.ts";

test("a line that HAProxy refuses is traced to where its variable is set, then to its template", async () => {
  const inventory = join(root, "examples/ci/inventories/production");
  const project = await loadProject({ inventory: [inventory], forks: 1, transport: "openssh", input: false });
  const [host] = project.hosts;
  if (!host) throw new Error("no load balancer");
  const input = { ...project, host, facts: { haproxyVersion: "2.6", watched: {} } };
  const desired = render(input);
  const config = desired.files.find(({ path }) => path === "haproxy.cfg")?.content.split("\n") ?? [];
  const line = config.findIndex((text) => text.trim() === "retries 3") + 1;
  const what = `[ALERT] (1) : config : parsing [/staged/haproxy.cfg:${line}] : no such thing.`;
  const error = explainRejection(new LbctlError("rejected", { what, at: "lb-1" }), desired, input);
  const [problem] = error.problems;
  expect(problem?.at).toBe("lb-1");
  expect(problem?.from).toEqual([
    `${inventory}/group_vars/haproxy.yml:2`,
    expect.stringMatching(/\/templates\/haproxy\/haproxy\.cfg\.eta:\d+$/),
  ]);
});
