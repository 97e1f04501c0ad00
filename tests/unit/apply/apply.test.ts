import { expect, test } from "vitest";
import { applyHost, type ApplyInput } from "../../../src/apply/apply.ts";
import { steps } from "../../../src/apply/steps.ts";
import { LbctlError } from "../../../src/errors.ts";
import type { RunEvent } from "../../../src/model/events.ts";
import type { Remote, RemoteScript } from "../../../src/remote/port.ts";
import { loadRole } from "../../../src/role/load.ts";
import { join } from "node:path";

const role = await loadRole("haproxy", [join(import.meta.dirname, "../../../roles")]);
const encode = (text: string): string => Buffer.from(text).toString("base64");

/** A remote that plays the lines of a script, then ends as told. Only for failing at an exact step. */
function fakeRemote(lines: readonly string[], end: (request: RemoteScript) => Promise<number>): Remote {
  return {
    host: "lb-1",
    close: () => Promise.resolve(),
    run: async (request) => {
      if (!request.script.includes("flock"))
        throw new Error(`unexpected script: ${request.script.slice(0, 60)}`);
      for (const line of lines) request.onLine?.(line);
      return { status: await end(request), stdout: "", stderr: "" };
    },
  };
}

/** The events of all steps before `name`, and its start. */
function until(name: string): string[] {
  const index = steps.findIndex((step) => step.name === name);
  return [
    ...steps.slice(0, index).flatMap((step) => [`event start ${step.name}`, `event done ${step.name}`]),
    `event start ${name}`,
  ];
}

const input = {
  role,
  plan: {
    host: "lb-1",
    changes: true,
    install: [],
    files: [],
    links: [],
    activate: null,
    enable: false,
    adopts: false,
    warnings: [],
  },
  desired: { files: [], identity: "lbctl:0" },
  observed: { host: "lb-1", digest: "d", freeBytes: 1e12 } as unknown as ApplyInput["observed"],
  expectations: "",
  author: { by: "me", at: "now", lbctl: "0", git: null },
} satisfies ApplyInput;

const apply = (remote: Remote, signal = new AbortController().signal, over: Partial<ApplyInput> = {}) => {
  const events: RunEvent[] = [];
  return applyHost(remote, { ...input, ...over }, (event) => events.push(event), signal).then((outcome) => ({
    ...outcome,
    events,
  }));
};

test("all steps done is a change, and each step is told", async () => {
  const lines = [
    ...steps.flatMap((step) => [`event start ${step.name}`, `event done ${step.name}`]),
    "event outcome changed",
  ];
  const result = await apply(fakeRemote(lines, () => Promise.resolve(0)));
  expect(result.outcome).toBe("changed");
  expect(result.events.filter(({ kind }) => kind === "done")).toHaveLength(steps.length);
});

test.each([
  ["lock", "busy", "failed", "busy"],
  ["stage", "failed", "failed", "bug"],
  ["validate", "rejected", "failed", "rejected"],
  ["recheck", "busy", "failed", "busy"],
  ["swap", "rejected", "failed", "rejected"],
  ["reload", "rolled-back", "rolled-back", "rolled-back"],
  ["verify", "rolled-back", "rolled-back", "rolled-back"],
])("a failure at %s of kind %s ends as %s", async (step, kind, outcome, code) => {
  const lines = [...until(step), `event fail ${kind} ${encode("because of this")}`];
  const result = await apply(fakeRemote(lines, () => Promise.resolve(1)));
  expect(result.outcome).toBe(outcome);
  expect(result.error?.code).toBe(code);
  expect(result.error?.problems).toEqual([expect.objectContaining({ at: "lb-1", what: "because of this" })]);
});

test.each(steps.map((step) => step.name))(
  "a link lost at %s is unreachable, never a success",
  async (step) => {
    const lost = new LbctlError("unreachable", { what: "lost", at: "lb-1" });
    const result = await apply(fakeRemote(until(step), () => Promise.reject(lost)));
    expect(result).toMatchObject({ outcome: "failed", error: { code: "unreachable" } });
  },
);

test("a script that ends without an outcome is a failure", async () => {
  const result = await apply(fakeRemote(until("verify"), () => Promise.resolve(0)));
  expect(result).toMatchObject({ outcome: "failed", error: { code: "bug" } });
});

test("Ctrl-C before the swap stops the script; from the swap on it is waited for", async () => {
  for (const [step, aborted] of [
    ["validate", true],
    ["swap", false],
    ["reload", false],
  ] as const) {
    const abort = new AbortController();
    const remote = fakeRemote(until(step), async (request) => {
      abort.abort();
      await Promise.resolve();
      expect(request.signal?.aborted).toBe(aborted);
      if (aborted) throw new LbctlError("interrupted", { what: "interrupted" });
      request.onLine?.("event outcome changed");
      return 0;
    });
    expect((await apply(remote, abort.signal)).outcome).toBe(aborted ? "skipped" : "changed");
  }
});

test("nothing is sent to a host whose disk is full", async () => {
  const remote = fakeRemote([], () => Promise.reject(new Error("it was asked")));
  const observed = { ...input.observed, freeBytes: 1000 };
  const result = await apply(remote, undefined, { observed });
  expect(result).toMatchObject({ outcome: "failed", error: { code: "rejected" } });
});

test("a plan without changes asks the host nothing", async () => {
  const remote = fakeRemote([], () => Promise.reject(new Error("it was asked")));
  const result = await apply(remote, undefined, { plan: { ...input.plan, changes: false } });
  expect(result.outcome).toBe("unchanged");
});
