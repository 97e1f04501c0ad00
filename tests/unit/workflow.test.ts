import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { root } from "../support/lbctl.ts";
import { evaluate, interpolate, type Contexts } from "../support/workflow/expression.ts";
import { readWorkflow } from "../support/workflow/file.ts";
import { execute } from "../support/workflow/shell.ts";

const contexts: Contexts = {
  values: { github: { event_name: "push", event: {} }, secrets: { A: "a" }, n: 1 },
  open: ["github.event", "secrets"],
  functions: { always: () => true, failure: () => false },
};

test.each([
  ["github.event_name == 'push'", true],
  ["github.event_name != 'push' || always()", true],
  ["!failure() && github.event_name", "push"],
  ["(failure() || 'it''s') && n", 1],
  ["github.event.pull_request.head.repo.full_name == 'x'", false],
  ["secrets.NONE", null],
])("the expression %s", (text, value) => {
  expect(evaluate(text, contexts)).toBe(value);
});

test.each([
  "github.evnt_name",
  "nothing",
  "nothing()",
  "'a' 'b'",
  "a ? b",
  "n == 'x'",
  "(n",
  "hashFiles('x')",
])("the expression %s is none that the tests can run", (text) => {
  expect(() => evaluate(text, contexts)).toThrow();
});

test("text has its expressions replaced", () => {
  expect(interpolate("a ${{ secrets.A }} b${{ secrets.NONE }}", contexts)).toBe("a a b");
  expect(() => interpolate("${{ github }}", contexts)).toThrow("no text");
  expect(() => interpolate("${{ secrets.A", contexts)).toThrow("not closed");
});

describe.each(["github", "forgejo"])("the example's workflow for %s", (forge) => {
  const file = join(root, `examples/ci/.${forge}/workflows/deploy.yml`);
  const workflow = readWorkflow(file);
  const steps = Object.values(workflow.jobs).flatMap((job) => job.steps);

  test("runs for pull requests and for main, never with secrets for a stranger's branch", () => {
    expect(workflow.on).toEqual({ push: { branches: ["main"] }, pull_request: null });
  });

  test("pins its actions to commits", () => {
    for (const { uses } of steps) if (uses !== undefined) expect(uses).toMatch(/@[0-9a-f]{40}$/);
  });

  test("puts no expression into a script, where its text would be code", () => {
    for (const { run } of steps) expect(run ?? "").not.toContain("${{");
  });

  test("gives secrets to the one step that needs them", () => {
    const withSecrets = steps.filter((step) => JSON.stringify(step).includes("${{ secrets."));
    expect(withSecrets.map(({ name }) => name)).toEqual([
      "Put the key and the host keys where only this job reads them",
    ]);
    expect(readFileSync(file, "utf8").match(/\$\{\{ secrets\./g)).toHaveLength(2);
  });

  test("never runs two deploys at once, and cuts none off", () => {
    expect(workflow.concurrency).toEqual({
      group: "load-balancers-${{ github.ref }}",
      "cancel-in-progress": false,
    });
  });

  test("has a token that only reads", () => {
    expect(workflow.permissions).toEqual(forge === "github" ? { contents: "read" } : undefined);
  });
});

test("the two differ only where the forges do", () => {
  const [github, forgejo] = ["github", "forgejo"].map((forge) =>
    Object.values(readWorkflow(join(root, `examples/ci/.${forge}/workflows/deploy.yml`)).jobs).flatMap(
      (job) =>
        job.steps.map(({ uses, run, ...step }) => ({
          ...step,
          uses: uses?.replace("https://data.forgejo.org/", ""),
          run: run?.replace(", and so has its summary", ""),
        })),
    ),
  );
  expect(forgejo).toEqual(github);
});

test("a step that does not end is ended with all that it started, and what it said is told", async () => {
  const script = "sleep 60 & echo begun $!; wait";
  const step = execute("bash", ["-c", script], { cwd: root, env: { PATH: "/usr/bin:/bin" } }, 500);
  const failure: unknown = await step.catch((error: unknown) => error);
  expect(String(failure)).toMatch(/did not end within 0\.5 s; so far:\nbegun \d+/);
  const pid = Number(/begun (\d+)/.exec(String(failure))?.[1]);
  // whose child it was then may take its time to ask for its end
  const stat = `/proc/${String(pid)}/stat`;
  const runs = () => existsSync(stat) && !readFileSync(stat, "utf8").includes(") Z ");
  await expect.poll(runs, { timeout: 10_000 }).toBe(false);
});
