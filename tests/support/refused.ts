import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "./lbctl.ts";

/** tests/fixtures/haproxy/refused/NAME/: a set that HAProxy refuses, and what each release says of it in /staged. */
const folder = join(root, "tests/fixtures/haproxy/refused");

export const refusedSets = readdirSync(folder).sort();

export interface RefusedSet {
  readonly folder: string;
  readonly files: readonly { readonly path: string; readonly content: string }[];
  /** Lines of haproxy.cfg with a mark: those that are to be named. */
  readonly marked: readonly number[];
  readonly alerts: (release: string) => string;
}

export function refusedSet(name: string): RefusedSet {
  const own = join(folder, name);
  const paths = readdirSync(own, { recursive: true, encoding: "utf8" });
  const files = paths
    .filter((path) => /\.(?:cfg|list|map)$/.test(path))
    .map((path) => ({ path, content: readFileSync(join(own, path), "utf8") }));
  const config = files.find(({ path }) => path === "haproxy.cfg")?.content.split("\n") ?? [];
  return {
    folder: own,
    files,
    marked: config.flatMap((line, index) => (line.endsWith(" #!") ? [index + 1] : [])),
    alerts: (release) => readFileSync(join(own, `alerts-${release}.txt`), "utf8"),
  };
}
