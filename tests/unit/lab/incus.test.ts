import { expect, test } from "vitest";
import { Incus } from "../../../src/lab/incus.ts";
import { labPaths } from "../../../src/lab/paths.ts";
import type { Shell } from "../../../src/lab/shell.ts";

/** A shell whose incus prints what is given for each path that is queried. */
function incusThatPrints(answers: Readonly<Record<string, string>>): Incus {
  const shell: Shell = {
    isRoot: true,
    prepareRoot: () => Promise.resolve(),
    root: () => Promise.reject(new Error("not as root")),
    run: ([, verb, path = ""]) => {
      const stdout = Object.entries(answers).find(([part]) => path.startsWith(`${part}?`))?.[1];
      if (verb !== "query" || stdout === undefined)
        throw new Error(`unexpected: incus ${String(verb)} ${path}`);
      return Promise.resolve({ exitCode: 0, stdout, stderr: "", timedOut: false });
    },
  };
  return new Incus(shell, labPaths({ HOME: "/home/me" }));
}

test("a daemon without any storage pool prints nothing for the list, and that is an empty list", async () => {
  const incus = incusThatPrints({
    "/1.0/storage-pools": "",
    "/1.0/projects": '[{"name":"default"}]',
    "/1.0/networks": "\n",
    "/1.0/instances": "[]",
  });
  expect(await incus.foreignObjects()).toEqual([]);
});

test("what is not the lab's own is somebody else's", async () => {
  const incus = incusThatPrints({
    "/1.0/storage-pools": '[{"name":"lbctl-lab"},{"name":"fast"}]',
    "/1.0/projects": '[{"name":"default"},{"name":"lbctl-lab"},{"name":"shop"}]',
    "/1.0/networks": '[{"name":"eth0","managed":false},{"name":"lxdbr0","managed":true}]',
    "/1.0/instances": '[{"name":"lb-1","project":"lbctl-lab"},{"name":"db","project":"shop"}]',
  });
  expect(await incus.foreignObjects()).toEqual([
    "storage pool fast",
    "project shop",
    "network lxdbr0",
    "instance db",
  ]);
});
