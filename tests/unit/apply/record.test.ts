import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { recordFunctions } from "../../../src/apply/record.ts";
import { askFunctions } from "../../../src/haproxy/socket.ts";
import { StateFolder } from "../../support/generations.ts";
import { run } from "../../support/lbctl.ts";

/** Entries of the history after `commands`, on a host whose last set was rejected. */
async function entriesAfter(state: StateFolder, commands: string): Promise<Record<string, unknown>[]> {
  const script = `state='${state.path}' next=5\nnote() { echo "$1" >&2; }\n${askFunctions}\n${recordFunctions}\n${commands}`;
  const { code, stderr } = await run("sh", ["-c", script]);
  expect([code, stderr]).toEqual([0, ""]);
  return entriesOf(state);
}

function entriesOf(state: StateFolder): Record<string, unknown>[] {
  const lines = readFileSync(join(state.path, "history"), "utf8").trim().split("\n");
  return lines.map((line) => JSON.parse(line) as Record<string, unknown>);
}

async function withRejected(mode: string): Promise<StateFolder> {
  const state = new StateFolder();
  const changes = [{ path: "haproxy.cfg", action: "update" }] as const;
  await state.generation(5, { "haproxy.cfg": { content: "x", mode } }, { changes, restores: 2 });
  expect((await run("mv", [join(state.path, "generations/5"), join(state.path, "rejected")])).code).toBe(0);
  return state;
}

test("what did not hold is told with its author, changes and reason", async () => {
  const state = await withRejected("0644");
  expect(await entriesAfter(state, `record rolled-back 'a "reason" \\ of\ntwo lines'`)).toEqual([
    {
      generation: 5,
      outcome: "rolled-back",
      reason: 'a "reason" \\ of\ntwo lines',
      restores: 2,
      by: "anna@desk",
      at: "2026-03-04T05:06:07.890Z",
      lbctl: "0.1.0",
      git: "0123456789abcdef",
      files: [{ path: "haproxy.cfg", action: "update" }],
    },
  ]);
  expect(statSync(join(state.path, "history")).mode & 0o777).toBe(0o600);
});

test("words of a set that may hold secrets are left out of the reason", async () => {
  const state = await withRejected("0640");
  const [entry] = await entriesAfter(state, `record rolled-back "unknown keyword 'hunter2' in 'backend x'"`);
  expect(entry?.reason).toBe("unknown keyword <secret> in <secret>");
});

test("a reason that is no UTF-8, or long, or holds control characters is still JSON", async () => {
  const state = await withRejected("0644");
  const entries = await entriesAfter(
    state,
    `record rolled-back "$(printf 'a\\377b\\033[31m')"; record failed "$(printf '%5000s' é)"; record failed ä`,
  );
  expect(entries.map(({ reason }) => String(reason).slice(0, 20).trim())).toEqual(["a?b?[31m", "", "ä"]);
});

test("the newest 200 entries stay", async () => {
  const state = await withRejected("0644");
  for (let number = 1; number <= 205; number += 1) state.told({ generation: number, outcome: "changed" });
  const entries = await entriesAfter(state, "record rolled-back x");
  expect(entries).toHaveLength(200);
  expect([entries[0]?.generation, entries.at(-1)?.outcome]).toEqual([7, "rolled-back"]);
});

test("a history that cannot be written is said, and fails nothing", async () => {
  const state = await withRejected("0644");
  expect((await run("mkdir", [join(state.path, "history.new")])).code).toBe(0);
  const script = `state='${state.path}' next=5\nnote() { echo "$1"; }\n${recordFunctions}\nrecord failed x`;
  expect(await run("sh", ["-c", script])).toMatchObject({
    code: 0,
    stdout: "the history could not be written\n",
  });
});
