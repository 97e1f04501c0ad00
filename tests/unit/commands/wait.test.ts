import { expect, test, vi } from "vitest";
import { waitUntil } from "../../../src/commands/wait.ts";

const { signal } = new AbortController();

test("without time to wait it looks once", async () => {
  const look = vi.fn(() => Promise.resolve("bad"));
  const onWait = vi.fn();
  expect(await waitUntil(look, () => false, { timeoutMs: 0, signal, onWait })).toBe("bad");
  expect([look.mock.calls.length, onWait.mock.calls.length]).toEqual([1, 0]);
});

test("it looks again until it is good, and says what it saw", async () => {
  const answers = ["bad", "good", "never"];
  const seen: string[] = [];
  const look = (): Promise<string> => Promise.resolve(answers.shift() ?? "");
  const wait = { timeoutMs: 60_000, signal, onWait: (each: string) => seen.push(each) };
  expect(await waitUntil(look, (each) => each === "good", wait)).toBe("good");
  expect(seen).toEqual(["bad"]);
});

test("when the time is over, what was seen last counts", async () => {
  let looks = 0;
  const look = (): Promise<number> => Promise.resolve(++looks);
  const wait = { timeoutMs: 20, signal, onWait: () => undefined };
  expect(await waitUntil(look, () => false, wait)).toBe(looks);
  expect(looks).toBeGreaterThan(1);
});

test("Ctrl-C ends a pause at once", async () => {
  const abort = new AbortController();
  const wait = {
    timeoutMs: 60_000,
    signal: abort.signal,
    onWait: () => {
      abort.abort();
    },
  };
  await expect(
    waitUntil(
      () => Promise.resolve(0),
      () => false,
      wait,
    ),
  ).rejects.toMatchObject({
    code: "interrupted",
  });
});
