import { chmodSync, renameSync, rmSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, test } from "vitest";
import type { Role } from "../../../src/model/role.ts";
import { readGeneration } from "../../../src/observe/generation.ts";
import { readHistory } from "../../../src/observe/history.ts";
import { loadRole } from "../../../src/role/load.ts";
import { StateFolder } from "../../support/generations.ts";
import { localRemote } from "../../support/local-remote.ts";

const shipped = await loadRole("haproxy", [join(import.meta.dirname, "../../../roles")]);
const remote = localRemote("lb-1");
let state: StateFolder;
let role: Role;

beforeEach(() => {
  state = new StateFolder();
  role = { ...shipped, state: state.path };
});

const history = () => readHistory(remote, role);
const changed = (generation: number, outcome = "changed") => ({
  generation,
  outcome,
  reason: null,
  restores: null,
  by: "bert@desk",
  at: "2026-03-04T06:00:00Z",
  lbctl: "0.1.0",
  git: null,
  files: [{ path: "haproxy.cfg", action: "update" }],
});

describe("the history", () => {
  test("of a host that never had an apply is empty", async () => {
    expect(await history()).toEqual({
      host: "lb-1",
      current: null,
      previous: null,
      entries: [],
      undecided: null,
    });
  });

  test("is told newest first, and says what is still there", async () => {
    await state.generation(2, { "haproxy.cfg": "b" });
    await state.generation(3, { "haproxy.cfg": "c" });
    state.current(3);
    state.told(changed(1));
    state.told(changed(2));
    state.told({ ...changed(3, "rolled-back"), reason: "it did not load" });
    state.told(changed(3));
    const { current, previous, entries } = await history();
    expect([current, previous]).toEqual([3, 2]);
    expect(entries.map(({ generation, outcome, kept }) => [generation, outcome, kept])).toEqual([
      [3, "changed", true],
      [3, "rolled-back", false],
      [2, "changed", true],
      [1, "changed", false],
    ]);
    expect(entries[1]?.reason).toBe("it did not load");
    expect(entries[0]).toMatchObject({ by: "bert@desk", files: [{ path: "haproxy.cfg", action: "update" }] });
  });

  test("knows of a generation without a line what its manifest says", async () => {
    const changes = [{ path: "lists/a.list", action: "create" }] as const;
    await state.generation(1, { "haproxy.cfg": "a" }, { changes });
    await state.generation(2, { "haproxy.cfg": "b" });
    await state.generation(3, { "haproxy.cfg": "c" });
    state.current(3);
    state.told(changed(2));
    state.told(changed(3));
    const { entries, previous } = await history();
    expect(previous).toBe(2);
    expect(entries.map(({ generation, outcome }) => [generation, outcome])).toEqual([
      [3, "changed"],
      [2, "changed"],
      [1, "unrecorded"],
    ]);
    expect(entries[2]).toMatchObject({
      by: "anna@desk",
      at: "2026-03-04T05:06:07.890Z",
      git: "0123456789abcdef",
      kept: true,
      files: changes,
    });
  });

  test("passes over lines that are damaged", async () => {
    state.write("history", `{"generation":1\n\nxyz\n${JSON.stringify(changed(2))}\n{"a":1}\n`);
    expect((await history()).entries.map(({ generation }) => generation)).toEqual([2]);
  });
});

describe("the generation before the current one", () => {
  const withGenerations = async (...numbers: number[]) => {
    for (const number of numbers) await state.generation(number, { "haproxy.cfg": String(number) });
    state.current(numbers.at(-1) ?? 0);
  };

  test("is the newest that was current, so a second rollback undoes the first", async () => {
    await withGenerations(1, 2, 3);
    for (const number of [1, 2, 3]) state.told(changed(number, number === 3 ? "rollback" : "changed"));
    expect((await history()).previous).toBe(2);
  });

  test("is no pruned one", async () => {
    await withGenerations(1, 3);
    for (const number of [1, 2, 3]) state.told(changed(number));
    expect((await history()).previous).toBe(1);
  });

  test("is the next lower number where nothing is told", async () => {
    await withGenerations(4, 10, 11);
    expect((await history()).previous).toBe(10);
  });

  test("may have a higher number, after a rollback on the console", async () => {
    await withGenerations(1, 2, 3);
    state.current(1);
    for (const number of [1, 2, 3]) state.told(changed(number));
    state.told(changed(1, "rollback"));
    expect((await history()).previous).toBe(3);
  });

  test("is none from before a release, and none without a manifest", async () => {
    await withGenerations(1, 3);
    state.write("generations/2/haproxy.cfg", "the operator's own");
    state.told(changed(1));
    state.told({ ...changed(0), generation: null, outcome: "released" });
    state.told(changed(3));
    expect((await history()).previous).toBe(null);
  });
});

describe("a generation", () => {
  const files = {
    "haproxy.cfg": { content: "the secret is s\n", mode: "0640" },
    "lists/a.list": "192.0.2.1\n",
    "pages/größe.html": "x",
  };
  const read = () => readGeneration(remote, role, 2);

  beforeEach(async () => {
    await state.generation(1, { "haproxy.cfg": "old" });
    await state.generation(2, files);
    state.current(1);
  });

  test("is read when it is whole; what is not for everybody stays where it is", async () => {
    const generation = await read();
    expect(generation.manifest).toMatchObject({ identity: "lbctl:2", by: "anna@desk" });
    expect(generation.current?.identity).toBe("lbctl:1");
    expect(generation.files.map(({ path, mode, content }) => [path, mode, content])).toEqual([
      ["haproxy.cfg", "0640", null],
      ["lists/a.list", "0644", "192.0.2.1\n"],
      ["pages/größe.html", "0644", "x"],
    ]);
    expect(generation.files.map(({ sha256 }) => sha256)).toEqual(
      generation.manifest.files.map(({ sha256 }) => sha256),
    );
  });

  const at = (path: string) => join(state.path, "generations/2", path);
  test.each([
    [
      "has another content",
      "lists/a.list has another content",
      () => {
        state.write("generations/2/lists/a.list", "0.0.0.0/0\n");
      },
    ],
    [
      "misses a file",
      "lists/a.list is missing",
      () => {
        rmSync(at("lists/a.list"));
      },
    ],
    [
      "has one more",
      "lists/b.list was added",
      () => {
        state.write("generations/2/lists/b.list", "");
      },
    ],
    [
      "has one more that is hidden",
      ".x was added",
      () => {
        state.write("generations/2/.x", "");
      },
    ],
    [
      "has a link more",
      "lists/b.list was added",
      () => {
        symlinkSync("/etc/passwd", at("lists/b.list"));
      },
    ],
    [
      "has a link instead of a file",
      "lists/a.list is no plain file",
      () => {
        renameSync(at("lists/a.list"), "/tmp/lbctl-a.list");
        symlinkSync("/tmp/lbctl-a.list", at("lists/a.list"));
      },
    ],
    [
      "has another mode",
      "haproxy.cfg has the mode 0666, not 0640",
      () => {
        chmodSync(at("haproxy.cfg"), 0o666);
      },
    ],
    [
      "has other sums",
      "its .sha256sums is not that of its manifest.json",
      () => {
        state.write("generations/2/.sha256sums", "");
      },
    ],
    [
      "has no manifest",
      "it has no manifest.json",
      () => {
        rmSync(at("manifest.json"));
      },
    ],
    [
      "has a broken manifest",
      "its manifest.json cannot be read",
      () => {
        state.write("generations/2/manifest.json", "{}");
      },
    ],
    [
      "is of a later format",
      "its format 2 needs a newer lbctl",
      () => {
        state.write("generations/2/manifest.json", '{\n  "format": 2,\n');
      },
    ],
    [
      "is gone",
      "it is not there",
      () => {
        rmSync(join(state.path, "generations/2"), { recursive: true });
      },
    ],
  ])("that %s is refused by name", async (_, problem, damage) => {
    damage();
    await expect(read()).rejects.toMatchObject({
      code: "rejected",
      problems: [{ what: `generation 2 cannot be gone back to: ${problem}`, at: "lb-1" }],
    });
  });

  test("may hold certificates that others put there", async () => {
    state.write("generations/2/certs/theirs.pem", "key", 0o600);
    expect((await read()).files.find(({ path }) => path === "certs/theirs.pem")).toMatchObject({
      mode: "0600",
      content: null,
    });
  });
});
