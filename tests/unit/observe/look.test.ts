import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  chmodSync,
  mkdirSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { beforeEach, expect, test } from "vitest";
import type { ObservedHost } from "../../../src/model/host.ts";
import { changedInPerl } from "../../../src/observe/changed.ts";
import { liveFunctions } from "../../../src/observe/look.ts";
import { observe } from "../../../src/observe/observe.ts";
import type { Remote } from "../../../src/remote/port.ts";
import { loadRole } from "../../../src/role/load.ts";
import { folderOf } from "../folder.ts";

const shipped = await loadRole("haproxy", [join(import.meta.dirname, "../../../roles")]);
let folder = "";
let role = shipped;

beforeEach(async () => {
  folder = await folderOf({
    "state/generations/3/haproxy.cfg": "global\n",
    "state/generations/3/certs/site.pem": "secret\n",
    "state/generations/3/lists/a list.list": "",
    "live/maps/big.map": "x".repeat(300_000),
  });
  // one that is installed here, or apt would be asked
  role = { ...shipped, packages: ["dpkg"], live: join(folder, "live"), state: join(folder, "state") };
  symlinkSync("generations/3", join(role.state, "current"));
  for (const name of ["haproxy.cfg", "certs", "lists"])
    symlinkSync(join(role.state, "current", name), join(role.live, name));
});

const remote: Remote = {
  host: "h",
  close: () => Promise.resolve(),
  run: ({ script, payload }) => {
    const { status, stdout, stderr } = spawnSync("sh", ["-c", script], {
      input: payload instanceof Uint8Array ? payload : "",
      encoding: "utf8",
    });
    return Promise.resolve({ status: status ?? -1, stdout, stderr });
  },
};
const look = (): Promise<ObservedHost> => observe(remote, role, []);

test("what stands at each live name, and every file below it", async () => {
  const { generation, links, files, handMade } = await look();
  expect(generation).toBe(3);
  expect(links).toEqual({
    "haproxy.cfg": "linked",
    lists: "linked",
    maps: "directory",
    certs: "linked",
    pages: "missing",
  });
  expect(files.map(({ path, mode, content }) => [path, mode, content])).toEqual([
    ["certs/site.pem", "0644", null],
    ["haproxy.cfg", "0644", "global\n"],
    ["lists/a list.list", "0644", ""],
    ["maps/big.map", "0644", null],
  ]);
  expect(files[1]?.sha256).toBe(createHash("sha256").update("global\n").digest("hex"));
  expect(handMade).toBe(true);
});

test.each([
  ["nothing", ""],
  ["one byte", "a"],
  ["two", "ab"],
  ["three", "abc"],
  ["what needs care", "é\0\n`'=/+"],
  ["much", "line\n".repeat(20_000)],
])("content comes as it is: %s", async (_, content) => {
  writeFileSync(join(role.state, "generations/3/haproxy.cfg"), content);
  const { files } = await look();
  expect(files.find(({ path }) => path === "haproxy.cfg")?.content).toBe(content);
});

test("an apply computes the same digest, and any change shows in it", async () => {
  const digestThere = (): string => {
    const script = `${liveFunctions(role)}\nlook | sha256sum`;
    return spawnSync("sh", ["-c", script], { encoding: "utf8" }).stdout.slice(0, 64);
  };
  const seen = new Set<string>();
  const changes = [
    () => undefined,
    () => {
      writeFileSync(join(role.state, "generations/3/haproxy.cfg"), "globaL\n");
    },
    () => {
      writeFileSync(join(role.live, "maps/münchen.map"), "");
    },
    () => {
      writeFileSync(join(role.live, "maps/-n"), "");
    },
    () => {
      rmSync(join(role.live, "certs"));
    },
    () => {
      rmSync(role.live, { recursive: true });
    },
  ];
  for (const change of changes) {
    change();
    const { digest } = await look();
    expect(digest).toBe(digestThere());
    seen.add(digest);
  }
  expect(seen.size).toBe(changes.length);
});

test("names that fit on no line, and pipes, are passed over; a link below is a file, and not followed to a folder", async () => {
  const maps = join(role.live, "maps");
  for (const name of ["line\nbreak", "back\\slash", "tab\t"]) writeFileSync(join(maps, name), "");
  writeFileSync(Buffer.concat([Buffer.from(`${maps}/latin-`), Buffer.from([0xe9])]), "");
  symlinkSync("..", join(maps, "loop"));
  spawnSync("mkfifo", [join(maps, "pipe")]);
  const { files } = await look();
  expect(files.map(({ path }) => path).filter((path) => path.startsWith("maps/"))).toEqual([
    "maps/big.map",
    "maps/loop",
  ]);
});

test("a set without a file of one's own is nobody's", async () => {
  rmSync(join(role.live, "maps"), { recursive: true });
  mkdirSync(join(role.live, "pages"));
  // what stood there before lbctl, after an adoption that did not hold
  expect((await look()).handMade).toBe(true);
  writeFileSync(join(role.state, "generations/3/manifest.json"), JSON.stringify({ format: 1, files: [] }));
  expect((await look()).handMade).toBe(false);
  rmSync(join(role.live, "haproxy.cfg"));
  writeFileSync(join(role.live, "haproxy.cfg"), "mine\n");
  chmodSync(join(role.live, "haproxy.cfg"), 0o600);
  const { handMade, files } = await look();
  expect(handMade).toBe(true);
  expect(files.find(({ path }) => path === "haproxy.cfg")?.mode).toBe("0600");
});

test("what lbctl wrote there is told by the manifest, which one of a newer lbctl is not trusted with", async () => {
  const manifest = join(role.state, "generations/3/manifest.json");
  expect((await look()).written).toBe(null);
  const files = [{ path: "haproxy.cfg", mode: "0644", sha256: "0".repeat(64) }];
  writeFileSync(manifest, JSON.stringify({ format: 1, lbctl: "0.1.0", files }, null, 2));
  expect((await look()).written).toEqual(files);
  writeFileSync(manifest, JSON.stringify({ format: 2, lbctl: "9.0.0", files: [] }, null, 2));
  await expect(look()).rejects.toMatchObject({
    code: "rejected",
    message: expect.stringContaining("9.0.0 wrote them") as string,
  });
});

test("watched files come with their sums, and without one where there is none", async () => {
  const there = join(folder, "it's \\ here.pem");
  writeFileSync(there, "x");
  const { watched } = await observe(remote, role, [there, join(folder, "none.pem")]);
  expect(watched).toEqual({
    [there]: createHash("sha256").update("x").digest("hex"),
    [join(folder, "none.pem")]: null,
  });
});

test("a file that was put back with its old times is seen to have changed, to a part of a second", () => {
  const file = join(folder, "state/generations/3/haproxy.cfg");
  const link = join(role.live, "haproxy.cfg");
  const changed = (path: string, start: number, own = 0): boolean =>
    spawnSync(
      "perl",
      [
        "-e",
        `use strict; ${changedInPerl} print changed_after(@ARGV) ? 1 : 0`,
        start.toFixed(6),
        path,
        String(own),
      ],
      {
        encoding: "utf8",
      },
    ).stdout === "1";
  // all of it within one second, whichever that is
  const loaded = ctimeOf(file) + 0.0005;
  expect(changed(file, loaded)).toBe(false);
  expect(changed(link, loaded)).toBe(false);
  const { atime, mtime } = statSync(file);
  do {
    renameSync(file, `${file}.away`);
    renameSync(`${file}.away`, file);
    utimesSync(file, atime, mtime);
  } while (ctimeOf(file) <= loaded);
  expect(changed(file, loaded)).toBe(true);
  expect(changed(link, loaded)).toBe(true);
  expect(changed(file, ctimeOf(file) + 0.0005)).toBe(false);
  expect(changed(join(folder, "none"), loaded)).toBe(false);
});

/** Seconds, with a fraction. */
function ctimeOf(path: string): number {
  return Number(statSync(path, { bigint: true }).ctimeNs / 1000n) / 1e6;
}
