import { makeClaim } from "../../../src/apply/lease.ts";
import { alone } from "../../../src/apply/turn.ts";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { Project } from "../../../src/commands/project.ts";
import { putBack } from "../../../src/commands/put-back.ts";
import type { Author, Manifest } from "../../../src/model/history.ts";
import type { ObservedHost } from "../../../src/model/host.ts";
import type { Reachable } from "../../../src/remote/port.ts";
import { loadRole } from "../../../src/role/load.ts";
import { root } from "../../support/lbctl.ts";

const role = await loadRole("haproxy", [join(root, "roles")]);
const base64 = (value: object | string): string =>
  Buffer.from(typeof value === "string" ? value : JSON.stringify(value)).toString("base64");

const author: Author = { by: "anna@desk", at: "2026-03-04T05:06:07.890Z", lbctl: "0.1.0", git: null };
const manifest = (over: Partial<Manifest> = {}): Manifest => ({
  format: 1,
  identity: "lbctl:1",
  ...author,
  files: [],
  ...over,
});

const facts = `os debian 12
uid 0
package haproxy 2.6.12-1 -
haproxy 2.6.12
ActiveState=active
UnitFileState=enabled
generation generations/8
${role.links.map((name) => `link ${name} linked`).join("\n")}
${"ab".repeat(32)}  haproxy.cfg
file 644 =${base64("global\n")} haproxy.cfg
handmade no
dropin same
manifest ${base64(manifest())}
digest d
free 1000000 4096
`;

/** A host whose current generation was made by this author, and which takes every transaction. */
async function putBackOn(current: Author, generation: number | null = 7) {
  let transactions = 0;
  const remote: Reachable = {
    anew: () => remote,
    host: "lb-1",
    close: () => Promise.resolve(),
    run: ({ script, onLine }) => {
      const answer = script.includes("problems_of($dir)")
        ? `manifest ${base64(manifest())}\ncurrent ${base64(manifest(current))}\nend\n`
        : facts;
      if (!script.includes("flock -n 9")) return Promise.resolve({ status: 0, stdout: answer, stderr: "" });
      transactions += 1;
      onLine?.("event outcome changed");
      return Promise.resolve({ status: 0, stdout: "", stderr: "" });
    },
  };
  const look = {
    remote,
    observed: { generation, written: [], links: {}, files: [] } as unknown as ObservedHost,
  };
  const { signal } = new AbortController();
  const turn = alone(makeClaim("anna@desk", "rollback"));
  const outcome = await putBack(
    { role, hosts: [] as Project["hosts"] } as Project,
    look,
    author,
    () => undefined,
    signal,
    turn,
  );
  return { ...outcome, transactions };
}

test("a host that this run has changed goes back by a transaction of its own", async () => {
  expect(await putBackOn(author)).toMatchObject({ outcome: "changed", transactions: 1 });
});

test("what somebody else has put there since stays", async () => {
  expect(await putBackOn({ ...author, by: "bert@desk" })).toMatchObject({
    outcome: "failed",
    transactions: 0,
    error: { code: "busy", message: "lb-1: somebody else has changed it since" },
  });
  expect(await putBackOn({ ...author, at: "2026-03-04T05:06:09Z" })).toMatchObject({ transactions: 0 });
});

test("a host without a generation of before has nothing to go back to", async () => {
  expect(await putBackOn(author, null)).toMatchObject({
    outcome: "failed",
    transactions: 0,
    error: { code: "rejected" },
  });
});
