import { expect, test, vi } from "vitest";
import { applyHost, type ApplyInput } from "../../../src/apply/apply.ts";
import { makeClaim } from "../../../src/apply/lease.ts";
import { steps } from "../../../src/apply/steps.ts";
import { alone } from "../../../src/apply/turn.ts";
import { LbctlError } from "../../../src/errors.ts";
import type { RunEvent } from "../../../src/model/events.ts";
import type { Reachable, Remote, RemoteScript } from "../../../src/remote/port.ts";
import { loadRole } from "../../../src/role/load.ts";
import { join } from "node:path";

const role = await loadRole("haproxy", [join(import.meta.dirname, "../../../roles")]);
const encode = (text: string): string => Buffer.from(text).toString("base64");

/** A remote that plays the lines of a script, then ends as told. Only for failing at an exact step. */
function fakeRemote(
  lines: readonly string[],
  end: (request: RemoteScript) => Promise<number>,
  decision = "unknown",
): Reachable {
  return {
    host: "lb-1",
    close: () => Promise.resolve(),
    anew: () => confirming(decision),
    run: async (request) => {
      if (!request.script.includes("flock"))
        throw new Error(`unexpected script: ${request.script.slice(0, 60)}`);
      for (const line of lines) request.onLine?.(line);
      return { status: await end(request), stdout: "", stderr: "" };
    },
  };
}

/** The new connection, over which the host says what was decided. */
function confirming(decision: string): Remote {
  return {
    host: "lb-1",
    close: () => Promise.resolve(),
    run: ({ script }) => {
      if (!script.includes("/confirmed")) throw new Error(`unexpected script: ${script.slice(0, 60)}`);
      return Promise.resolve({ status: 0, stdout: `decision ${decision}\n`, stderr: "" });
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
    dropIn: null,
    generation: null,
    adopts: false,
    drift: [],
    warnings: [],
  },
  desired: { files: [], identity: "lbctl:0" },
  observed: {
    host: "lb-1",
    digest: "d",
    freeBytes: 1e12,
    undecided: null,
  } as unknown as ApplyInput["observed"],
  expectations: "",
  isGated: true,
  isEdited: false,
  author: { by: "me", at: "now", lbctl: "0", git: null },
} satisfies ApplyInput;

const apply = (remote: Reachable, signal = new AbortController().signal, over: Partial<ApplyInput> = {}) => {
  const events: RunEvent[] = [];
  const turn = alone(makeClaim("me@here", "apply"));
  return applyHost(remote, { ...input, ...over }, (event) => events.push(event), signal, turn).then(
    (outcome) => ({
      ...outcome,
      events,
    }),
  );
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

test("what a step waits for is said as that step, and its time goes on", async () => {
  const lines = [
    ...until("verify"),
    `event wait ${encode("waiting for a check of p/s")}`,
    "event done verify",
  ];
  const { events } = await apply(fakeRemote([...lines, "event outcome changed"], () => Promise.resolve(0)));
  const ofVerify = events.filter((event) => event.kind !== "note" && event.step === "verify");
  expect(ofVerify.map((event) => ("text" in event ? event.text : event.kind)).slice(1)).toEqual([
    "waiting for a check of p/s",
    "done",
  ]);
});

test.each([
  ["lease", "held", "failed", "busy"],
  ["lease", "lost", "failed", "busy"],
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

test.each([
  ["confirmed", "changed", undefined],
  ['reverted\nentry {"reason":"because"}', "rolled-back", "rolled-back"],
])(
  "a link lost after the swap: the host says over a new one that it is %s",
  async (decision, outcome, code) => {
    const lost = new LbctlError("unreachable", { what: "lost", at: "lb-1" });
    for (const step of ["swap", "reload", "verify", "confirm"]) {
      const result = await apply(fakeRemote(until(step), () => Promise.reject(lost), decision));
      expect([result.outcome, result.error?.code]).toEqual([outcome, code]);
    }
  },
);

test("while an earlier change is undecided nothing is begun", async () => {
  const remote = fakeRemote([], () => Promise.reject(new Error("it was asked")));
  const undecided = { generation: 4, by: "anna@desk", at: "12:00", reverting: false, leftSeconds: 20 };
  const observed = { ...input.observed, undecided };
  for (const changes of [true, false]) {
    const result = await apply(remote, undefined, { observed, plan: { ...input.plan, changes } });
    expect(result.error?.code).toBe("busy");
    expect(result.error?.problems[0]?.what).toMatch(/generation 4 by anna@desk .* within 20 s/);
  }
});

test("a script that ends without an outcome is a failure", async () => {
  const result = await apply(fakeRemote(until("verify"), () => Promise.resolve(0)));
  expect(result).toMatchObject({ outcome: "failed", error: { code: "bug" } });
});

const interrupted = new LbctlError("interrupted", { what: "interrupted" });

/** A remote that is interrupted at a step, and then says of itself what the host is like. */
function interruptedAt(step: string, answer: () => Promise<string>, last: readonly string[] = []) {
  const abort = new AbortController();
  const remote = fakeRemote(until(step), async (request) => {
    abort.abort();
    for (const line of last) request.onLine?.(line);
    if (request.signal?.aborted === true) throw interrupted;
    return new Promise((_, reject) => {
      request.signal?.addEventListener("abort", () => {
        reject(interrupted);
      });
    });
  });
  const asking: Reachable = {
    ...remote,
    run: async (request) => {
      if (!request.script.includes("untouched")) return remote.run(request);
      return { status: 0, stdout: `${await answer()}\n`, stderr: "" };
    },
  };
  return apply(asking, abort.signal);
}

test.each<[string, () => Promise<string>, string, string]>([
  ["is as it was", () => Promise.resolve("untouched"), "skipped", "nothing was touched"],
  ["had gone on to the swap", () => Promise.resolve("touched"), "failed", "the swap had begun"],
  ["cannot be asked", () => Promise.reject(interrupted), "failed", "the swap may have begun"],
])("Ctrl-C before the swap stops the script; the host %s", async (_, answer, outcome, words) => {
  const result = await interruptedAt("validate", answer);
  expect(result).toMatchObject({ outcome, error: { code: "interrupted" } });
  expect(result.error?.message).toContain(words);
});

test.each(["swap", "reload", "verify"])("Ctrl-C at %s waits for the end, and not for ever", async (step) => {
  const remote = fakeRemote(until(step), async (request) => {
    abort.abort();
    await Promise.resolve();
    expect(request.signal?.aborted).toBe(false);
    request.onLine?.("event outcome changed");
    return 0;
  });
  const abort = new AbortController();
  expect((await apply(remote, abort.signal)).outcome).toBe("changed");

  vi.useFakeTimers();
  const left = interruptedAt(step, () => Promise.reject(new Error("it was asked")));
  await vi.advanceTimersByTimeAsync(25_000);
  vi.useRealTimers();
  expect((await left).error).toMatchObject({
    code: "interrupted",
    message: "lb-1: the swap had begun: it finishes or goes back by itself",
  });
});

test("what cuts a script off after its last words changes nothing about them", async () => {
  const ask = (): Promise<string> => Promise.reject(new Error("it was asked"));
  const fail = `event fail rejected ${encode("no")}`;
  expect((await interruptedAt("validate", ask, ["event outcome changed"])).outcome).toBe("changed");
  expect((await interruptedAt("validate", ask, [fail])).error?.code).toBe("rejected");
});

test("whoever is interrupted already sends nothing", async () => {
  const remote = fakeRemote([], () => Promise.reject(new Error("it was asked")));
  expect((await apply(remote, AbortSignal.abort())).outcome).toBe("skipped");
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
