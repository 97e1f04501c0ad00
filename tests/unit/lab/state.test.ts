import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { describeLeft, describeUndo } from "../../../src/lab/down.ts";
import { aptOptions } from "../../../src/lab/rootfs.ts";
import { StateFile, withLock } from "../../../src/lab/state.ts";

let folder = "";
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "lbctl-lab-"));
});
afterEach(async () => {
  await rm(folder, { recursive: true });
});

describe("the record of changes", () => {
  test("adds up over runs, and leaves no half-written file", async () => {
    const file = join(folder, "deep", "state.json");
    await new StateFile(file).record({ sysctl: { previous: 128, set: 1024 } });
    await new StateFile(file).record({ packages: ["incus-base"] });
    await new StateFile(file).forget("sysctl");
    expect(JSON.parse(await readFile(file, "utf8"))).toEqual({ format: 1, packages: ["incus-base"] });
    expect(await readdir(join(folder, "deep"))).toEqual(["state.json"]);
  });

  test("of another format is refused", async () => {
    const file = join(folder, "state.json");
    await writeFile(file, '{"format":2}');
    await expect(new StateFile(file).read()).rejects.toThrow(/format 2/);
  });

  test("is what `down --all` says it will undo", () => {
    const said = describeUndo(
      {
        format: 1,
        packages: ["a", "b"],
        upgraded: [{ name: "login", previous: "1:4.13", set: "1:4.14" }],
        sysctl: { previous: 128, set: 1024 },
      },
      "/c",
    );
    expect(said).toEqual([
      "delete the lab's instances (those of a bench too), images, network bridge, storage pool, project and profile",
      "purge the 2 packages that the lab installed",
      "put login 1:4.13 back, now 1:4.14",
      "set fs.inotify.max_user_instances back to 128",
      "delete /c",
    ]);
  });
});

test("what stays is said with its reason", () => {
  expect(describeLeft({ packages: [], needed: [], foreign: [] })).toEqual([]);
  expect(describeLeft({ packages: ["a"], needed: ["b"], foreign: ["c"] })).toEqual([
    "packages, because others need some of them: a",
    "newer versions, because others need them: b",
    "what has been upgraded further since the lab did it: c",
  ]);
});

describe("the lock", () => {
  test("keeps a second command out while the first is at work, and is gone afterwards", async () => {
    const file = join(folder, "lock");
    const second = withLock(file, async () => {
      await expect(withLock(file, () => Promise.resolve())).rejects.toMatchObject({ code: "busy" });
      return "done";
    });
    await expect(second).resolves.toBe("done");
    expect(await readdir(folder)).toEqual([]);
  });

  test("of a process that died is taken over", async () => {
    const file = join(folder, "lock");
    await writeFile(file, "2147483646");
    await expect(withLock(file, () => Promise.resolve("mine"))).resolves.toBe("mine");
  });
});

test("images are fetched the way the machine's own apt reaches its archive", () => {
  const dump =
    'Acquire "";\nAcquire::http::Proxy "http://proxy.test:3128";\nAcquire::Check-Date "false";\nAcquire::Languages "none";\n';
  expect(aptOptions(dump)).toEqual([
    'Acquire::http::Proxy "http://proxy.test:3128"',
    'Acquire::Check-Date "false"',
  ]);
});
