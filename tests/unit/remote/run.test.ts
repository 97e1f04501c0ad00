import { expect, test } from "vitest";
import { LbctlError } from "../../../src/errors.ts";
import { remoteOver } from "../../../src/remote/run.ts";

test("a way that throws leaves nothing behind that keeps the process waiting", async () => {
  const timers = (): number => process.getActiveResourcesInfo().filter((each) => each === "Timeout").length;
  const before = timers();
  const remote = remoteOver(
    "lb-1",
    { become: false },
    {
      target: "lb-1",
      exec: () => Promise.reject(new LbctlError("invalid", { what: "no such settings" })),
      explain: () => ({ what: "never asked" }),
    },
  );
  await expect(remote.run({ script: "true" })).rejects.toThrow("no such settings");
  expect(timers()).toBe(before);
});
