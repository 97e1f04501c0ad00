import { execFileSync } from "node:child_process";
import { expect, test } from "vitest";
import { lookBeforeDrain } from "../../../src/drain/look.ts";
import { drainsIn } from "../../../src/drain/records.ts";
import { loadScript, parseLoad } from "../../../src/drain/sessions.ts";
import { setState, stateScript, type StateChange } from "../../../src/drain/set-state.ts";
import { waitUntilEmpty } from "../../../src/drain/wait.ts";
import type { Remote } from "../../../src/remote/port.ts";

const role = { service: "haproxy", state: "/var/lib/lbctl/haproxy" };
const change: StateChange = {
  state: "drain",
  servers: ["api_pool/a"],
  goes: ["api_pool/a"],
  by: "ana@laptop",
  reason: "it's $HOME `id` \\ “hot”",
  token: "00ff",
  forSeconds: null,
  again: false,
  lockWait: 0,
};

test("the scripts are whole, for the shell and for perl", () => {
  for (const script of [stateScript(role, change), loadScript(["api_pool/a"])]) {
    execFileSync("sh", ["-n"], { input: script });
    expect(script).not.toContain("undefined");
  }
  const [, ours = ""] = /^code=('.*?')\nreturning=/ms.exec(stateScript(role, change)) ?? [];
  execFileSync("sh", ["-c", `perl -c -e ${ours}`], { stdio: "pipe" });
  const [, theirs = ""] = /^returning=('.*?')\nexport/ms.exec(stateScript(role, change)) ?? [];
  execFileSync("sh", ["-c", `perl -c -e ${theirs}`], { stdio: "pipe" });
  const [, load = ""] = /^exec perl -e ('.*?') --/ms.exec(loadScript([])) ?? [];
  execFileSync("sh", ["-c", `perl -c -e ${load}`], { stdio: "pipe" });
});

test.each(["a", "a/b c", "a/b;d", "a/b\n", "a/$b", "/b", "a/"])("%j is no server's name", (name) => {
  expect(() => stateScript(role, { ...change, servers: [name] })).toThrow("not a server's name");
  expect(() => stateScript(role, { ...change, goes: [name] })).toThrow("not a server's name");
});

test("records of drains, among other lines; what lbctl did not write is none", () => {
  const stdout = [
    'lbctl-drain api/a 12 30 drain {"by":"ana@laptop","reason":"a\u2028disk"}',
    'lbctl-drain api/b 5 - maint {"by":"bo@x","reason":null}',
    'lbctl-drain api/c 5 -3 maint {"by":"bo@x","reason":null}',
    'lbctl-drain api/d 5 - up {"by":"bo@x"}',
    "lbctl-drain api/e 5 - maint {broken}",
    'lbctl-drain api/g 5 - maint {"by":7}',
    "lbctl-answer 0 ok",
    '|lbctl-drain api/f 5 - maint {"by":"x"}',
  ].join("\n");
  expect(drainsIn(stdout)).toEqual([
    {
      server: "api/a",
      state: "drain",
      by: "ana@laptop",
      reason: "a\u2028disk",
      sinceSeconds: 12,
      leftSeconds: 30,
    },
    { server: "api/b", state: "maint", by: "bo@x", reason: null, sinceSeconds: 5, leftSeconds: null },
    { server: "api/c", state: "maint", by: "bo@x", reason: null, sinceSeconds: 5, leftSeconds: 0 },
  ]);
});

/** What `loadScript` prints of one server. */
function printed(
  current: readonly [status: string, sessions: number, total: number],
  old: readonly number[] = [],
  silent: readonly string[] = [],
): string {
  const worker = (which: string, status: string, sessions: number, total: number): string =>
    `worker ${which}\n|# pxname,svname,status,scur,stot,weight\n|api,a,${status},${String(sessions)},${String(total)},1\n`;
  return [
    worker("current", ...current),
    ...old.map((n) => worker("old", "UP", n, 90)),
    ...silent.map((who) => `worker silent ${who}\n`),
    "end\n",
  ].join("");
}

test("sessions are counted over all workers", () => {
  expect(parseLoad("lb", printed(["DRAIN", 2, 10], [3, 4], ["81"]))).toEqual({
    sessions: 2,
    oldSessions: 7,
    silent: ["81"],
    total: 10,
    up: [],
  });
  expect(parseLoad("lb", printed(["UP", 0, 1])).up).toEqual(["api/a"]);
  expect(() => parseLoad("lb", "worker current failed /run/x: Connection refused\nend\n")).toThrow(
    "Connection refused",
  );
  expect(() => parseLoad("lb", printed(["DRAIN", 0, 0]).replace("end\n", ""))).toThrow(
    "the answer was cut off",
  );
});

/** One that answers so, one after another, and then as it did last. */
function remote(answers: readonly string[], host = "lb-1"): Remote {
  let at = 0;
  return {
    host,
    run: () => {
      const stdout = answers[Math.min(at++, answers.length - 1)] ?? "";
      return Promise.resolve({ status: 0, stdout, stderr: "" });
    },
    close: () => Promise.resolve(),
  };
}

const waitFor = (hosts: readonly (readonly string[])[], signal = new AbortController().signal) =>
  waitUntilEmpty(
    hosts.map((answers, at) => ({ remote: remote(answers, `lb-${String(at + 1)}`), servers: ["api/a"] })),
    {
      each: (items, work) => Promise.all(items.map(work)),
      timeoutMs: 1200,
      signal,
      onWait: () => undefined,
    },
  );

const quiet = printed(["DRAIN", 0, 5]);

test.each([
  ["nobody came between two looks", [quiet], "empty", 0],
  ["the last one came just before", [quiet, printed(["DRAIN", 0, 6]), printed(["DRAIN", 0, 6])], "empty", 1],
  ["an old worker has some", [printed(["DRAIN", 0, 5], [1])], "deadline", 0],
  ["an old worker does not answer", [printed(["DRAIN", 0, 5], [], ["81"])], "deadline", 0],
  [
    "a reload counts anew",
    [printed(["DRAIN", 1, 5]), printed(["DRAIN", 0, 2], [1]), printed(["DRAIN", 0, 2], [1])],
    "deadline",
    2,
  ],
  ["it takes clients again", [printed(["DRAIN", 1, 5]), printed(["UP", 1, 5])], "lost", 0],
])("the wait: %s", async (_, answers, end, arrived) => {
  expect(await waitFor([answers])).toMatchObject([{ end, arrived }]);
});

test("a load balancer that was empty counts again when a client comes back to it before the others are", async () => {
  const back = [quiet, quiet, printed(["DRAIN", 1, 6])];
  const late = [printed(["DRAIN", 1, 3]), printed(["DRAIN", 1, 3]), printed(["DRAIN", 0, 3])];
  expect(await waitFor([back, late])).toMatchObject([
    { end: "deadline", load: { sessions: 1 }, arrived: 1 },
    { end: "empty" },
  ]);
});

test("one that cannot be asked any more ends alone, and Ctrl-C ends all", async () => {
  expect(await waitFor([["worker current failed gone\nend\n"], [quiet]])).toMatchObject([
    { code: "unreachable" },
    { end: "empty" },
  ]);
  const busy = [printed(["DRAIN", 1, 1])];
  expect(await waitFor([busy, [quiet]], AbortSignal.abort())).toMatchObject([
    { end: "interrupted" },
    { end: "interrupted" },
  ]);
});

test.each([
  ["lbctl-fail busy", "busy", "another lbctl is changing this host"],
  ["lbctl-fail emptied a, b", "busy", "no other server of a, b is up any more"],
  ["lbctl-fail drill bo@x", "busy", "bo@x is drilling"],
  ["lbctl-fail root 1000", "rejected", "lbctl is not root there, but uid 1000"],
  ["lbctl-fail silent the socket", "unreachable", "HAProxy does not answer: the socket"],
  ["lbctl-fail rejected the timer", "rejected", "the timer"],
  ["", "bug", "could not be set"],
])("%j is an error %s", async (line, code, words) => {
  const error: unknown = await setState(remote([`${line}\n`]), role, change).catch(
    (thrown: unknown) => thrown,
  );
  expect(error).toMatchObject({ code, message: expect.stringContaining(words) as string });
});

test("a second state that is refused does not say that nothing was touched", async () => {
  const error: unknown = await setState(remote(["lbctl-fail busy\n"]), role, {
    ...change,
    again: true,
  }).catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({
    problems: [{ hint: "Wait with --lock-wait SECONDS. They drain on there." }],
  });
});

test("a login without root is told before anything else", async () => {
  const answer = "lbctl-host 1000 lost\nlbctl-answer 0 error /run/x: Permission denied\nlbctl-end 1\n";
  await expect(lookBeforeDrain(remote([answer]), role, new AbortController().signal)).rejects.toMatchObject({
    code: "rejected",
    message: "lb-1: lbctl is not root there, but uid 1000",
  });
});
