import { execFileSync } from "node:child_process";
import { expect, test } from "vitest";
import { drainsIn } from "../../../src/drain/records.ts";
import { loadScript, parseLoad } from "../../../src/drain/sessions.ts";
import { setState, stateScript, type StateChange } from "../../../src/drain/set-state.ts";
import { waitUntilEmpty } from "../../../src/drain/wait.ts";
import type { Remote } from "../../../src/remote/port.ts";

const role = { service: "haproxy", state: "/var/lib/lbctl/haproxy" };
const change: StateChange = {
  state: "drain",
  servers: ["api_pool/a"],
  remaining: [["api_pool/b"]],
  by: "ana@laptop",
  reason: "it's $HOME `id` \\ “hot”",
  token: "00ff",
  forSeconds: null,
  lockWait: 0,
};

test("the scripts are whole, for the shell and for perl", () => {
  for (const script of [stateScript(role, change), loadScript(["api_pool/a"])]) {
    execFileSync("sh", ["-n"], { input: script });
    expect(script).not.toContain("undefined");
  }
  const [, ours = ""] = /^code=('.*?')\nreturning='#!/ms.exec(stateScript(role, change)) ?? [];
  execFileSync("sh", ["-c", `perl -c -e ${ours}`], { stdio: "pipe" });
  const [, theirs = ""] = /^returning=('.*?')\nexport/ms.exec(stateScript(role, change)) ?? [];
  execFileSync("sh", ["-c", `perl -c -e ${theirs}`], { stdio: "pipe" });
  const [, load = ""] = /^exec perl -e ('.*?') --/ms.exec(loadScript([])) ?? [];
  execFileSync("sh", ["-c", `perl -c -e ${load}`], { stdio: "pipe" });
});

test.each(["a", "a/b c", "a/b;d", "a/b\n", "a/$b", "/b", "a/"])("%j is no server's name", (name) => {
  expect(() => stateScript(role, { ...change, servers: [name] })).toThrow("not a server's name");
  expect(() => stateScript(role, { ...change, remaining: [[name]] })).toThrow("not a server's name");
});

test("records of drains, among other lines; what lbctl did not write is none", () => {
  const stdout = [
    'lbctl-drain api/a 12 30 {"state":"drain","by":"ana@laptop","reason":"a disk"}',
    'lbctl-drain api/b 5 - {"state":"maint","by":"bo@x","reason":null}',
    'lbctl-drain api/c 5 -3 {"state":"maint","by":"bo@x","reason":null}',
    'lbctl-drain api/d 5 - {"state":"up","by":"bo@x"}',
    "lbctl-drain api/e 5 - {broken}",
    "lbctl-answer 0 ok",
    '|lbctl-drain api/f 5 - {"state":"maint","by":"x"}',
  ].join("\n");
  expect(drainsIn(stdout)).toEqual([
    {
      server: "api/a",
      state: "drain",
      by: "ana@laptop",
      reason: "a disk",
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
): string {
  const worker = (which: string, status: string, sessions: number, total: number): string =>
    `worker ${which}\n|# pxname,svname,status,scur,stot,weight\n|api,a,${status},${String(sessions)},${String(total)},1\n`;
  return `${worker("current", ...current)}${old.map((n) => worker("old", "UP", n, 90)).join("")}end\n`;
}

test("sessions are counted over all workers", () => {
  expect(parseLoad("lb", printed(["DRAIN", 2, 10], [3, 4]))).toEqual({
    sessions: 2,
    oldSessions: 7,
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

function remote(answers: readonly string[]): Remote {
  let at = 0;
  return {
    host: "lb-1",
    run: () => {
      const stdout = answers[Math.min(at++, answers.length - 1)] ?? "";
      return Promise.resolve({ status: 0, stdout, stderr: "" });
    },
    close: () => Promise.resolve(),
  };
}

test.each([
  ["nobody came between two looks", [printed(["DRAIN", 0, 5])], "empty", 0],
  [
    "the last one came just before",
    [printed(["DRAIN", 0, 5]), printed(["DRAIN", 0, 6]), printed(["DRAIN", 0, 6])],
    "empty",
    1,
  ],
  ["an old worker has some", [printed(["DRAIN", 0, 5], [1])], "deadline", 0],
  [
    "a reload counts anew",
    [printed(["DRAIN", 1, 5]), printed(["DRAIN", 0, 2], [1]), printed(["DRAIN", 0, 2], [1])],
    "deadline",
    2,
  ],
  ["it takes clients again", [printed(["DRAIN", 1, 5]), printed(["UP", 1, 5])], "lost", 0],
])("the wait: %s", async (_, answers, end, arrived) => {
  const wait = {
    servers: ["api/a"],
    timeoutMs: 1200,
    signal: new AbortController().signal,
    onWait: () => undefined,
  };
  expect(await waitUntilEmpty(remote(answers), wait)).toMatchObject({ end, arrived });
});

test.each([
  ["lbctl-fail busy", "busy", "another lbctl is changing this host"],
  ["lbctl-fail moved a/b, a/c", "busy", "of a/b, a/c none is up any more"],
  ["lbctl-fail silent the socket", "unreachable", "HAProxy does not answer: the socket"],
  ["lbctl-fail rejected the timer", "rejected", "the timer"],
  ["", "bug", "could not be set"],
])("%j is an error %s", async (line, code, words) => {
  const error: unknown = await setState(remote([`${line}\n`]), role as never, change).catch(
    (thrown: unknown) => thrown,
  );
  expect(error).toMatchObject({ code, message: expect.stringContaining(words) as string });
});
