import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { DesiredHost, LinkState, ObservedHost } from "../../../src/model/host.ts";
import { unifiedDiff } from "../../../src/plan/diff.ts";
import { makePlan } from "../../../src/plan/plan.ts";
import { parseYaml } from "../../../src/document/yaml.ts";

const identity = "lbctl:11111111111111111111111111111111";

/** tests/cases/plan/*.yaml: what is desired, what was observed, and the plan that must come of it. */
interface Case {
  readonly it: string;
  readonly desired: { readonly files: Record<string, string> };
  readonly observed: {
    readonly files: Record<string, string>;
    readonly packages?: ObservedHost["packages"];
    readonly service?: ObservedHost["service"];
    readonly links?: Record<string, LinkState>;
    readonly loadedIdentity?: string | null;
    readonly dropIn?: ObservedHost["dropIn"];
    /** What the manifest says, by content. */
    readonly written?: Record<string, string>;
    readonly modes?: Record<string, string>;
    readonly handMade?: boolean;
    readonly changedSinceLoad?: string[];
    readonly watched?: ObservedHost["watched"];
  };
  readonly expected: {
    readonly changes: boolean;
    readonly install: string[];
    readonly files: string[];
    readonly links: string[];
    readonly activate: string | null;
    readonly enable: boolean;
    readonly drift?: string[];
    readonly adopts?: boolean;
    /** By path. */
    readonly notes?: Record<string, string>;
  };
}

const folder = join(import.meta.dirname, "../../cases/plan");
const cases = readdirSync(folder).map(
  (file) => parseYaml(readFileSync(join(folder, file)), file).value as unknown as Case,
);

test.each(cases.map((one) => [one.it, one] as const))("%s", (_, { desired, observed, expected }) => {
  const plan = makePlan(desiredHost(desired), observedHost(observed));
  expect({
    changes: plan.changes,
    install: plan.install,
    files: plan.files.map(({ action, path }) => `${action} ${path}`),
    links: plan.links,
    activate: plan.activate === null ? null : `${plan.activate.how}: ${plan.activate.why}`,
    enable: plan.enable,
    drift: plan.drift,
    adopts: plan.adopts,
  }).toEqual({ drift: [], adopts: false, ...without(expected, "notes") });
  expect(Object.fromEntries(plan.files.map(({ path, note }) => [path, note]))).toMatchObject(
    expected.notes ?? {},
  );
});

test("a diff leaves the identity out", () => {
  const [a, b] = ["1", "2"].map((digit) => `# lbctl:${digit.repeat(32)}\nx\n`);
  expect(unifiedDiff("f", a ?? "", b ?? "")).toBe("");
  expect(unifiedDiff("f", a ?? "", `${b ?? ""}y\n`)).toContain("+y");
});

function without<T extends object>(value: T, key: keyof T): object {
  return Object.fromEntries(Object.entries(value).filter(([name]) => name !== key));
}

function desiredHost({ files }: Case["desired"]): DesiredHost {
  return {
    host: "lb",
    identity,
    shownIdentity: identity,
    warnings: [],
    files: Object.entries(files).map(([path, content]) => ({
      path,
      content,
      mode: "0644",
      sha256: hash(content),
    })),
  };
}

function observedHost(observed: Case["observed"]): ObservedHost {
  return {
    host: "lb",
    os: { id: "debian", version: "12" },
    uid: 0,
    packages: observed.packages ?? { haproxy: { installed: "2.6.12-1", candidate: null } },
    haproxyVersion: "2.6.12",
    service: observed.service ?? { active: true, enabled: true },
    loadedIdentity: observed.loadedIdentity === undefined ? identity : observed.loadedIdentity,
    generation: 1,
    links: observed.links ?? { "haproxy.cfg": "linked", lists: "linked" },
    files: Object.entries(observed.files).map(([path, content]) => ({
      path,
      content: path.startsWith("certs/") ? null : content,
      mode: observed.modes?.[path] ?? "0644",
      sha256: hash(content),
    })),
    handMade: observed.handMade ?? false,
    written: observed.written
      ? Object.entries(observed.written).map(([path, content]) => ({
          path,
          mode: "0644",
          sha256: hash(content),
        }))
      : null,
    changedSinceLoad: observed.changedSinceLoad ?? [],
    watched: observed.watched ?? {},
    digest: "d",
    freeBytes: 1e9,
    console: null,
    dropIn: observed.dropIn ?? "same",
    undecided: null,
  };
}

function hash(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
