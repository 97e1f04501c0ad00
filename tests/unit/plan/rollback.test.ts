import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import type { GenerationFile, ObservedGeneration } from "../../../src/model/history.ts";
import type { ObservedHost } from "../../../src/model/host.ts";
import { planRollback } from "../../../src/plan/rollback.ts";

const links = ["haproxy.cfg", "lists", "maps", "certs", "pages"];
const sha256 = (text: string): string => createHash("sha256").update(text).digest("hex");
const file = (path: string, content: string, mode = "0644"): GenerationFile => ({
  path,
  mode,
  sha256: sha256(content),
  content: path.startsWith("certs/") || mode !== "0644" ? null : content,
});
const cfg = (identity: string, rest = ""): string => `description lbctl:${identity.repeat(32)}\n${rest}`;

function observed(files: GenerationFile[], over: Partial<ObservedHost> = {}): ObservedHost {
  return {
    host: "lb-1",
    os: { id: "debian", version: "12" },
    uid: 0,
    packages: { haproxy: { installed: "2.6", candidate: null } },
    haproxyVersion: "2.6.12",
    service: { active: true, enabled: true },
    loadedIdentity: `lbctl:${"b".repeat(32)}`,
    generation: 2,
    links: Object.fromEntries(links.map((name) => [name, "linked"])),
    files,
    handMade: false,
    written: null,
    changedSinceLoad: [],
    watched: {},
    digest: "",
    freeBytes: 1e12,
    console: null,
    dropIn: "same",
    undecided: null,
    ...over,
  };
}

function target(files: GenerationFile[], owned = files): ObservedGeneration {
  const manifest = {
    format: 1 as const,
    identity: `lbctl:${"a".repeat(32)}`,
    by: "anna@desk",
    at: "2026-03-04T05:06:07Z",
    lbctl: "0",
    git: null,
    files: owned,
  };
  return { number: 1, isKept: false, manifest, files, current: { ...manifest, files: [] } };
}

const plan = (
  from: GenerationFile[],
  live: GenerationFile[],
  { withCerts = false, owned = from }: { withCerts?: boolean; owned?: GenerationFile[] } = {},
) => planRollback(target(from, owned), observed(live), { links, withCerts });

test("the configuration goes back, lists and maps stay as they are today", () => {
  const result = plan(
    [file("haproxy.cfg", cfg("a", "old\n")), file("lists/a.list", "1\n"), file("maps/gone.map", "x\n")],
    [file("haproxy.cfg", cfg("b", "new\n")), file("lists/a.list", "2\n"), file("lists/b.list", "3\n")],
  );
  expect(result.plan.files).toEqual([
    {
      path: "haproxy.cfg",
      action: "update",
      diff: expect.stringContaining("-new\n+old\n") as string,
      note: null,
      drift: false,
    },
  ]);
  expect(result.plan.activate).toEqual({ how: "reload", why: "the configuration changed" });
  expect(result.stays).toEqual(["lists", "maps", "certs"]);
  expect(result.files.map(({ path, sha256: sum }) => [path, sum])).toEqual([
    ["haproxy.cfg", sha256(cfg("a", "old\n"))],
    ["lists/a.list", sha256("2\n")],
    ["lists/b.list", sha256("3\n")],
  ]);
  expect(result.plan.warnings).toEqual([
    "back to generation 1, by anna@desk at 2026-03-04T05:06:07Z; lists, maps, certs stay as they are today",
  ]);
});

test("a generation that differs only in what stays is no change", () => {
  const result = plan(
    [file("haproxy.cfg", cfg("a")), file("lists/a.list", "1\n")],
    [file("haproxy.cfg", cfg("b")), file("lists/a.list", "2\n")],
  );
  expect(result.plan).toMatchObject({ changes: false, files: [], activate: null });
});

test("nothing is shown of a file that may hold secrets, whether it comes or goes", () => {
  const hidden = plan(
    [file("haproxy.cfg", cfg("a", "password hunter2\n"), "0640")],
    [file("haproxy.cfg", cfg("b", "password hunter3\n"))],
  );
  expect(JSON.stringify(hidden.plan.files)).not.toContain("hunter");
  const leaving = planRollback(
    target([file("haproxy.cfg", cfg("a", "mode http\n"))]),
    observed([{ ...file("haproxy.cfg", cfg("b", "password hunter3\n")), mode: "0640" }]),
    { links, withCerts: false },
  );
  expect(JSON.stringify(leaving.plan.files)).not.toContain("hunter");
  expect(leaving.plan.changes).toBe(true);
});

test("a file that was too large to be sent is changed without lines to show", () => {
  const large = { ...file("pages/x", "a"), content: null };
  const result = plan([large], [file("pages/x", "b")]);
  expect(result.plan).toMatchObject({
    changes: true,
    files: [{ path: "pages/x", action: "update", diff: "" }],
  });
});

test("today's certificates stay; with certificates the generation's come back", () => {
  const from = [file("haproxy.cfg", cfg("a")), file("certs/site.pem", "old", "0600")];
  const live = [
    file("haproxy.cfg", cfg("a")),
    file("certs/site.pem", "new", "0600"),
    file("certs/theirs.pem", "k", "0600"),
  ];
  expect(plan(from, live).plan.files).toEqual([]);
  const back = plan(from, live, { withCerts: true });
  expect(back.stays).toEqual(["lists", "maps"]);
  expect(back.plan.files).toEqual([
    {
      path: "certs/site.pem",
      action: "update",
      diff: "",
      note: "not shown: it is too large, or secret",
      drift: false,
    },
    {
      path: "certs/theirs.pem",
      action: "delete",
      diff: "",
      note: "not shown: it is too large, or secret",
      drift: false,
    },
  ]);
});

test("a certificate that no manifest names comes along, and gets into none", () => {
  const cert = file("certs/theirs.pem", "k", "0600");
  const from = [file("haproxy.cfg", cfg("a", "old\n"))];
  const live = [file("haproxy.cfg", cfg("b", "new\n")), cert];
  expect(plan(from, live).files.map(({ path }) => path)).toEqual(["haproxy.cfg"]);
  const both = plan([...from, cert], live, { withCerts: true, owned: from });
  expect(both.files.map(({ path }) => path)).toEqual(["haproxy.cfg"]);
});

test("an edit is told of, also where it stays, since the new manifest would make it lbctl's own", () => {
  const live = [file("haproxy.cfg", cfg("b", "new\n")), file("lists/a.list", "mine\n")];
  const written = [file("haproxy.cfg", cfg("b", "new\n")), file("lists/a.list", "1\n")];
  const { plan: made } = planRollback(
    target([file("haproxy.cfg", cfg("a", "old\n")), file("lists/a.list", "1\n")]),
    observed(live, { written }),
    { links, withCerts: false },
  );
  expect(made.drift).toEqual(["lists/a.list"]);
  expect(made.files.map(({ path, drift }) => [path, drift])).toEqual([
    ["haproxy.cfg", false],
    ["lists/a.list", true],
  ]);
});
