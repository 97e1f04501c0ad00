import { readFileSync } from "node:fs";
import { parse } from "yaml";

export interface Step {
  readonly name?: string;
  readonly id?: string;
  readonly if?: string;
  readonly uses?: string;
  readonly with?: Readonly<Record<string, unknown>>;
  readonly env?: Readonly<Record<string, unknown>>;
  readonly run?: string;
}

export interface Job {
  readonly "runs-on": string;
  readonly "timeout-minutes": number;
  readonly defaults: { readonly run: { readonly shell: string } };
  readonly env: Readonly<Record<string, string>>;
  readonly steps: readonly Step[];
}

export interface Workflow {
  readonly name: string;
  readonly on: Readonly<Record<string, { readonly branches?: readonly string[] } | null>>;
  readonly permissions?: Readonly<Record<string, string>>;
  readonly concurrency: { readonly group: string; readonly "cancel-in-progress": boolean };
  readonly jobs: Readonly<Record<string, Job>>;
}

/** Reads a workflow. A key that this reader does not know is an error: what is written must also be run. */
export function readWorkflow(file: string): Workflow {
  const workflow = parse(readFileSync(file, "utf8")) as Workflow;
  const known = (where: string, value: object, keys: readonly string[]): void => {
    const unknown = Object.keys(value).filter((key) => !keys.includes(key));
    if (unknown.length > 0)
      throw new Error(`${file}: ${where} has ${unknown.join(", ")}, which no test runs`);
  };
  known("the workflow", workflow, ["name", "on", "permissions", "concurrency", "jobs"]);
  known("concurrency", workflow.concurrency, ["group", "cancel-in-progress"]);
  for (const [event, filter] of Object.entries(workflow.on)) known(event, filter ?? {}, ["branches"]);
  for (const [id, job] of Object.entries(workflow.jobs)) {
    known(id, job, ["runs-on", "timeout-minutes", "defaults", "env", "steps"]);
    known(`${id}: defaults`, job.defaults, ["run"]);
    known(`${id}: defaults: run`, job.defaults.run, ["shell"]);
    for (const step of job.steps)
      known(`${id}: steps`, step, ["name", "id", "if", "uses", "with", "env", "run"]);
  }
  return workflow;
}
