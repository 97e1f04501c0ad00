import { mkdirSync, writeFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";
import { loadProject } from "../../../src/commands/project.ts";
import { render } from "../../../src/render/render.ts";
import { goldenInventory, goldens, goldenSet } from "../../support/goldens.ts";

// The container tests let the real HAProxy of each release judge the same files.
// UPDATE_GOLDENS=1 writes them anew, to be read before they are committed.
test.each(goldens)("%s renders to its golden files", async (name) => {
  const project = await loadProject({
    inventory: [goldenInventory(name)],
    forks: 1,
    transport: "openssh",
    input: false,
  });
  const [host] = project.hosts;
  if (!host) throw new Error("no load balancer");
  const facts = { haproxyVersion: "2.6", watched: {} };
  for (const file of render({ ...project, host, facts }).files) {
    const path = join(goldenSet(name), file.path);
    if (process.env.UPDATE_GOLDENS) {
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, file.content);
    }
    expect(file.content).toBe(await readFile(path, "utf8"));
  }
});

test("rendering is pure: the same input gives the same bytes", async () => {
  const project = await loadProject({
    inventory: [goldenInventory("two-pools")],
    forks: 1,
    transport: "openssh",
    input: false,
  });
  const [host] = project.hosts;
  if (!host) throw new Error("no load balancer");
  const facts = { haproxyVersion: "2.6", watched: {} };
  expect(render({ ...project, host, facts })).toEqual(render({ ...project, host, facts }));
  const renewed = { ...facts, watched: { "/etc/site.pem": "00" } };
  expect(render({ ...project, host, facts: renewed }).identity).not.toBe(
    render({ ...project, host, facts }).identity,
  );
});
