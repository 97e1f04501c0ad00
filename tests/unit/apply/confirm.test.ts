import { readdirSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { Confirmation } from "../../../src/apply/confirm.ts";
import { confirmScript } from "../../../src/apply/pending.ts";
import { LbctlError } from "../../../src/errors.ts";
import type { RunEvent } from "../../../src/model/events.ts";
import type { Remote } from "../../../src/remote/port.ts";
import { StateFolder } from "../../support/generations.ts";
import { run } from "../../support/lbctl.ts";

const record = (phase: string): string =>
  `token 0a\nnext 5\noutcome changed\nprevious generations/4\nphase committing\nphase ${phase}\n`;
/** No lock can be taken there, as while the transaction lives. */
const confirm = (state: StateFolder, token: string, seconds: number) =>
  run("sh", ["-c", confirmScript(state.path, "no/lock", token, seconds)]);

test("of a confirmation and a revert at one time exactly one counts", async () => {
  for (let round = 0; round < 12; round += 1) {
    const state = new StateFolder();
    state.write("pending", record("serving"));
    const delay = String(round * 0.002);
    const move = `sleep ${delay}; mv -T ${state.path}/pending ${state.path}/reverting 2>/dev/null && mv ${state.path}/reverting ${state.path}/reverted`;
    const [{ stdout }] = await Promise.all([confirm(state, "0a", 2), run("sh", ["-c", move])]);
    const [left, ...others] = readdirSync(state.path);
    expect(others).toEqual([]);
    expect(stdout).toMatch(new RegExp(`^decision ${left ?? ""}$`, "m"));
  }
});

test("what does not serve yet, or is another change, is not confirmed", async () => {
  const state = new StateFolder();
  state.write("pending", record("committing"));
  expect((await confirm(state, "0a", 0.5)).stdout).toBe("decision unknown\n");
  state.write("pending", record("serving"));
  expect((await confirm(state, "0b", 0.5)).stdout).toBe("decision unknown\n");
  expect(readdirSync(join(state.path))).toEqual(["pending"]);
  expect((await confirm(state, "0a", 0.5)).stdout).toBe("decision confirmed\n");
});

test("who cannot connect is told once how long is left, and tries again", async () => {
  const events: RunEvent[] = [];
  let runs = 0;
  const remote: Remote = {
    host: "lb-1",
    close: () => Promise.resolve(),
    run: () => {
      runs += 1;
      if (runs < 3) return Promise.reject(new LbctlError("unreachable", { what: "refused" }));
      return Promise.resolve({ status: 0, stdout: "decision confirmed\n", stderr: "" });
    },
  };
  const confirmation = new Confirmation(remote, "script", 60_000, (event) => events.push(event));
  const decision = confirmation.begin();
  confirmation.serving(30);
  expect(await decision).toEqual({ kind: "confirmed", reason: null });
  expect(runs).toBe(3);
  expect(events).toEqual([
    { kind: "note", host: "lb-1", text: "serving, but you cannot reach it: reverting in 30 s" },
  ]);
});
