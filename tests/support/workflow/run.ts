import { cpSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { readCommands, type Command } from "./commands.ts";
import { evaluate, interpolate, truthy, type Contexts } from "./expression.ts";
import { readWorkflow, type Job, type Step } from "./file.ts";
import { execute, readPairs } from "./shell.ts";

/** A repository on a forge, and the runner that serves it. */
export interface Forge {
  readonly kind: "github" | "forgejo";
  /** The workflow file, as it is. */
  readonly workflow: string;
  /** What checkout copies. */
  readonly checkout: string;
  readonly secrets: Readonly<Record<string, string>>;
  readonly vars: Readonly<Record<string, string>>;
  /** Where `npm install --global` puts things. */
  readonly tools: string;
}

export interface ForgeEvent {
  readonly name: "push" | "pull_request";
  /** The branch that is pushed to, or that the pull request comes from. */
  readonly branch: string;
  /** The pull request comes from a stranger's copy of the repository. */
  readonly fork?: boolean;
}

interface StepRun {
  readonly name: string;
  readonly outcome: "success" | "failure" | "skipped";
  readonly code: number | null;
}

/** What came of a job. */
export interface JobRun {
  readonly outcome: "success" | "failure";
  readonly steps: readonly StepRun[];
  /** Exit code of the step that failed. */
  readonly code: number | null;
  readonly log: string;
  /** Commands in the log, as the runner reads them. */
  readonly commands: readonly Command[];
  readonly summary: string;
  /** The runner's folder for temporary files, as the job left it. */
  readonly temp: string;
  /** Names given to later steps. */
  readonly env: Readonly<Record<string, string>>;
}

const repository = "ops/load-balancers";

/** Runs the workflow's one job for an event, as the forge's runner would. null when the event is not its trigger. */
export async function runWorkflow(forge: Forge, event: ForgeEvent): Promise<JobRun | null> {
  const workflow = readWorkflow(forge.workflow);
  const trigger = workflow.on[event.name];
  if (trigger === undefined || (event.name === "push" && trigger?.branches?.includes(event.branch) === false))
    return null;
  const [job, ...others] = Object.values(workflow.jobs);
  if (!job || others.length > 0) throw new Error("this runner takes one job");
  return new Runner(forge, event, job).run();
}

class Runner {
  private readonly folder = mkdtempSync(join(tmpdir(), "lbctl-runner-"));
  private readonly temp = mkdtempSync(join(tmpdir(), "lbctl-runner-temp-"));
  private readonly home = mkdtempSync(join(tmpdir(), "lbctl-runner-home-"));
  private readonly forge: Forge;
  private readonly event: ForgeEvent;
  private readonly job: Job;
  private readonly steps: StepRun[] = [];
  private readonly outputs: Record<string, { outputs: Record<string, string> }> = {};
  private env: Record<string, string> = {};
  private log = "";
  private summary = "";

  constructor(forge: Forge, event: ForgeEvent, job: Job) {
    this.forge = forge;
    this.event = event;
    this.job = job;
  }

  async run(): Promise<JobRun> {
    this.env = mapValues(this.job.env, (value) => interpolate(value, this.contexts()));
    for (const step of this.job.steps) await this.step(step);
    const failed = this.steps.find(({ outcome }) => outcome === "failure");
    return {
      outcome: failed ? "failure" : "success",
      steps: this.steps,
      code: failed?.code ?? null,
      log: this.log,
      commands: readCommands(this.log),
      summary: this.summary,
      temp: this.temp,
      env: this.env,
    };
  }

  private async step(step: Step): Promise<void> {
    const name = step.name ?? step.uses ?? step.run ?? "";
    const condition = step.if ?? "success()";
    const asked = /\b(always|success|failure|cancelled)\(/.test(condition)
      ? condition
      : `success() && (${condition})`;
    if (!truthy(evaluate(asked, this.contexts()))) {
      this.steps.push({ name, outcome: "skipped", code: null });
      return;
    }
    const code = step.run === undefined ? this.use(step) : await this.script(step, step.run);
    this.steps.push({ name, outcome: code === 0 ? "success" : "failure", code });
  }

  /** What the named actions do, as far as a job sees it. */
  private use({ uses = "", with: inputs = {} }: Step): number {
    const [action = "", version = ""] = uses.replace(/^https:\/\/data\.forgejo\.org\//, "").split("@");
    if (!/^[0-9a-f]{40}$/.test(version)) throw new Error(`${uses} is not pinned to a commit`);
    const known = JSON.stringify([action, inputs]);
    switch (known) {
      case '["actions/checkout",{"persist-credentials":false}]':
        cpSync(this.forge.checkout, this.folder, { recursive: true });
        return 0;
      case '["actions/setup-node",{"node-version":20}]':
        if (Number(process.versions.node.split(".")[0]) < 20) throw new Error("this machine's node is older");
        return 0;
      default:
        throw new Error(`this runner does not know ${known}`);
    }
  }

  private async script(step: Step, script: string): Promise<number | null> {
    const contexts = this.contexts();
    const files = mkdtempSync(join(tmpdir(), "lbctl-runner-step-"));
    const file = (name: string, text = ""): string => {
      writeFileSync(join(files, name), text);
      return join(files, name);
    };
    const env = {
      ...this.runnerEnv(),
      ...this.env,
      ...mapValues(step.env ?? {}, (value) => interpolate(String(value), contexts)),
      GITHUB_ENV: file("env"),
      GITHUB_OUTPUT: file("output"),
      GITHUB_STEP_SUMMARY: file("summary.md"),
    };
    if (this.job.defaults.run.shell !== "bash") throw new Error("this runner knows bash only");
    // what both runners make of `shell: bash`
    const args = [
      "--noprofile",
      "--norc",
      "-eo",
      "pipefail",
      file("script.sh", interpolate(script, contexts)),
    ];
    const { code, output } = await execute("bash", args, { cwd: this.folder, env });
    this.log += output;
    this.env = { ...this.env, ...readPairs(env.GITHUB_ENV) };
    if (step.id !== undefined) this.outputs[step.id] = { outputs: readPairs(env.GITHUB_OUTPUT) };
    this.summary += readFileSync(env.GITHUB_STEP_SUMMARY, "utf8");
    return code;
  }

  private contexts(): Contexts {
    const { forge, event, env, outputs } = this;
    const failed = this.steps.some(({ outcome }) => outcome === "failure");
    const stranger = event.fork === true;
    const pull = { number: 7, head: { repo: { full_name: stranger ? "stranger/copy" : repository } } };
    return {
      values: {
        github: {
          event_name: event.name,
          event: event.name === "push" ? {} : { pull_request: pull },
          ref: event.name === "push" ? `refs/heads/${event.branch}` : "refs/pull/7/merge",
          repository,
        },
        secrets: stranger ? {} : forge.secrets,
        vars: forge.vars,
        env,
        steps: outputs,
      },
      open: ["github.event", "secrets", "vars", "env"],
      functions: { always: () => true, success: () => !failed, failure: () => failed },
    };
  }

  /** What a runner gives every step, and what npm needs to work as on this machine. */
  private runnerEnv(): Record<string, string> {
    const { forge, event } = this;
    const { NODE_EXTRA_CA_CERTS: authorities } = process.env;
    return {
      PATH: [join(forge.tools, "bin"), dirname(process.execPath), "/usr/local/bin", "/usr/bin", "/bin"].join(
        ":",
      ),
      HOME: this.home,
      CI: "true",
      GITHUB_ACTIONS: "true",
      GITHUB_WORKSPACE: this.folder,
      GITHUB_EVENT_NAME: event.name,
      GITHUB_REPOSITORY: repository,
      ...(forge.kind === "forgejo" ? { FORGEJO_ACTIONS: "true" } : {}),
      RUNNER_TEMP: this.temp,
      npm_config_prefix: forge.tools,
      npm_config_userconfig: join(homedir(), ".npmrc"),
      npm_config_cache: join(homedir(), ".npm"),
      npm_config_prefer_offline: "true",
      ...(authorities === undefined ? {} : { NODE_EXTRA_CA_CERTS: authorities }),
    };
  }
}

function mapValues<In>(
  map: Readonly<Record<string, In>>,
  change: (value: In) => string,
): Record<string, string> {
  return Object.fromEntries(Object.entries(map).map(([key, value]) => [key, change(value)]));
}
