import { afterAll, afterEach } from "vitest";
import { endChildren } from "./children.ts";

// what a test left behind that ran out of time would go on beside the next, and hold the run open
afterEach(({ task }) => {
  if (task.result?.state === "fail") endChildren();
});
afterAll(endChildren);
