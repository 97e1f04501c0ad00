import { setMaxListeners } from "node:events";
import { Command, CommanderError, InvalidArgumentError, Option } from "commander";
import type { ApplyOptions } from "./commands/apply.ts";
import { onFailures, parseSerial } from "./commands/batches.ts";
import type { DrainOptions } from "./commands/drain-options.ts";
import type { DrillOptions } from "./commands/drill.ts";
import type { InventoryOptions } from "./commands/inventory.ts";
import type {
  Consent,
  LabDownCommandOptions,
  LabStatusCommandOptions,
  LabUpCommandOptions,
} from "./commands/lab.ts";
import type { LockBreakOptions } from "./commands/lock.ts";
import type { Context, FleetOptions } from "./commands/options.ts";
import type { PlanOptions } from "./commands/plan.ts";
import type { RenderOptions } from "./commands/render.ts";
import type { ReleaseOptions } from "./commands/release.ts";
import type { RollbackOptions } from "./commands/rollback.ts";
import type { StatusOptions } from "./commands/status.ts";
import { exitCodes, LbctlError } from "./errors.ts";
import type { AdminState } from "./model/drain.ts";
import { printProgressText } from "./report/out.ts";
import { version } from "./version.ts";

/** Runs the command line and sets the exit code. The one place that catches. */
export async function main(argv: readonly string[]): Promise<void> {
  surviveClosedPipes();
  const context = interruptible(argv.slice(2));
  try {
    const program = makeProgram(context, (code) => (process.exitCode = code));
    await program.parseAsync([...argv]);
  } catch (thrown) {
    const error = thrown instanceof CommanderError ? usageError(thrown) : thrown;
    if (error === null) return;
    const { reportError } = await import("./report/errors.ts");
    reportError(error, {
      json: argv.includes("--json"),
      verbose: argv.includes("-v") || argv.includes("--verbose"),
    });
    process.exitCode = error instanceof LbctlError ? exitCodes[error.code] : exitCodes.bug;
  }
}

/** What commander says of the command line; null when it was asked for help or the version, and gave it. */
function usageError({ exitCode, code, message }: CommanderError): LbctlError | null {
  if (exitCode === 0) return null;
  return new LbctlError("invalid", {
    // its help was shown in place of a message
    what: code === "commander.help" ? "no command was given" : message.replace(/^error: /, ""),
    hint: "`lbctl COMMAND --help` shows what it takes.",
  });
}

/** `lbctl … | head` closes the pipe early; what is under way is finished all the same. */
function surviveClosedPipes(): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on("error", (error: NodeJS.ErrnoException) => {
      // whatever the command comes to, nobody could read it
      if (error.code !== "EPIPE") process.once("exit", () => (process.exitCode = exitCodes.bug));
    });
  }
}

/**
 * The first Ctrl-C, SIGTERM or hangup asks every step to end well. The second one leaves at once, and tells what it
 * leaves; unless something must not be left as it is: then it says what that is.
 */
function interruptible(words: readonly string[]): Context {
  const abort = new AbortController();
  setMaxListeners(0, abort.signal); // one for each host or program under way
  let mustFinish: string | null = null;
  let lastWords: (() => void) | null = null;
  let looksWith = "lbctl plan";
  const onSignal = (): void => {
    if (!abort.signal.aborted) {
      process.stderr.write(`\nstopping; ${mustFinish ?? "press Ctrl-C again to leave at once"}\n`);
      abort.abort();
    } else if (mustFinish === null) {
      process.stderr.write(`leaving at once; run \`${looksWith}\` to see what is there\n`);
      lastWords?.();
      process.exit(exitCodes.interrupted);
    } else {
      process.stderr.write(`${mustFinish}\n`);
    }
  };
  for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(name, onSignal);
  return {
    signal: abort.signal,
    mustFinish: (why) => {
      mustFinish = why;
    },
    lastWords: (say) => {
      lastWords = say;
    },
    lookWith: (command) => {
      looksWith = command;
    },
    words,
  };
}

/** The commands and their flags, as data for commander; each command's code is loaded when it runs. */
function makeProgram(context: Context, exit: (code: number) => void): Command {
  const program = new Command("lbctl")
    .description("Declarative provisioning for fleets of HAProxy load balancers")
    .version(version, "-V, --version")
    .addOption(new Option("-v, --verbose").hideHelp()) // each command shows its own
    .hook("preAction", (root, command) => {
      if (root.opts().verbose) command.setOptionValue("verbose", true);
    })
    .enablePositionalOptions()
    .configureHelp({ showGlobalOptions: true })
    .configureOutput({ writeErr: printProgressText, outputError: () => undefined })
    .exitOverride();

  const plan = fleetCommand(program, "plan", "say what differs on each load balancer; changes nothing");
  plan.option("--detailed-exitcode", "exit with 2 when there are changes");
  plan.action(async (options: PlanOptions) => {
    const { planCommand } = await import("./commands/plan.ts");
    exit(await planCommand(options, context));
  });

  const apply = fleetCommand(
    program,
    "apply",
    "make each load balancer as described, without dropping a request",
  );
  apply.option("-y, --yes", "do not ask");
  apply.option("--check", "stop after the plan");
  apply.addOption(lockWait());
  apply.option("--adopt", "take over a configuration that lbctl did not write");
  apply.option("--force", "overwrite what was edited by hand since, and keep the edits");
  apply.addOption(confirmTimeout());
  addRunOptions(apply);
  apply.action(async (options: ApplyOptions) => {
    const { applyCommand } = await import("./commands/apply.ts");
    exit(await applyCommand(options, context));
  });

  addGenerations(program, context, exit);

  const render = fleetCommand(program, "render", "print the files each load balancer would get; offline");
  render.addOption(haproxyVersion());
  render.option("-o, --output <folder>", "write them below FOLDER/HOST/ instead");
  render.action(async (options: RenderOptions) => {
    const { renderCommand } = await import("./commands/render.ts");
    exit(await renderCommand(options));
  });

  const validate = fleetCommand(
    program,
    "validate",
    "check inventory, variables, templates and listeners; offline",
  );
  validate.addOption(haproxyVersion());
  validate.action(async (options: RenderOptions) => {
    const { validateCommand } = await import("./commands/render.ts");
    exit(await validateCommand(options));
  });

  const inventory = fleetCommand(
    program,
    "inventory",
    "what the inventory says, and where it says it; offline",
  );
  inventory.option("--list", "all of it, in the JSON of `ansible-inventory --list`");
  inventory.option("--graph [group]", "groups and hosts as a tree (the default)");
  inventory.option("--host <host>", "the variables of one host, as JSON");
  inventory.option("--resolved", "as lbctl uses them: with the role's defaults, references replaced");
  inventory.option("--origin", "the file and line of each value");
  inventory.action(async (options: InventoryOptions) => {
    const { inventoryCommand } = await import("./commands/inventory.ts");
    exit(await inventoryCommand(options));
  });

  const routes = fleetCommand(program, "routes <url>", "which pool a request goes to, and why; offline");
  routes.action(async (url: string, options: FleetOptions) => {
    const { routesCommand } = await import("./commands/routes.ts");
    exit(await routesCommand(url, options));
  });

  const status = fleetCommand(program, "status", "servers, checks and sessions, per pool and load balancer");
  status.option("--wait <seconds>", "look again until all is ok, for this long at most", wholeNumber);
  status.action(async (options: StatusOptions) => {
    const { statusCommand } = await import("./commands/status.ts");
    exit(await statusCommand(options, context));
  });

  addStates(program, context, exit);
  addDrill(program, context, exit);
  addLock(program, context, exit);
  addLab(program, context, exit);
  return program;
}

/** What is kept on the hosts, and the ways back. */
function addGenerations(program: Command, context: Context, exit: (code: number) => void): void {
  const history = fleetCommand(
    program,
    "history",
    "who changed what on each load balancer, and how it ended",
  );
  history.action(async (options: FleetOptions) => {
    const { historyCommand } = await import("./commands/history.ts");
    exit(await historyCommand(options, context));
  });
  const rollback = fleetCommand(
    program,
    "rollback",
    "go back to an earlier generation of each load balancer",
  );
  rollback.option("--to <n>", "this generation (default: the one before the current one)", generation);
  rollback.option("--with-certs", "bring back its certificates too, instead of keeping today's");
  rollback.option("-y, --yes", "do not ask");
  rollback.option("--check", "stop after the plan");
  rollback.addOption(lockWait());
  rollback.option("--force", "overwrite what was edited by hand since, and keep the edits");
  rollback.option("--adopt", "the same, where files stand in place of lbctl's links");
  rollback.addOption(confirmTimeout());
  addRunOptions(rollback);
  rollback.action(async (options: RollbackOptions) => {
    const { rollbackCommand } = await import("./commands/rollback.ts");
    exit(await rollbackCommand(options, context));
  });
  const release = fleetCommand(
    program,
    "release <host>",
    "let go of a load balancer: its files become plain ones",
  );
  release.option("--purge", "remove the generations kept there, too");
  release.option("-y, --yes", "do not ask");
  release.addOption(lockWait());
  release.action(async (host: string, options: ReleaseOptions) => {
    const { releaseCommand } = await import("./commands/release.ts");
    exit(await releaseCommand(host, options, context));
  });
}

/** What servers do while HAProxy runs. */
function addStates(program: Command, context: Context, exit: (code: number) => void): void {
  const stateCommand = (state: AdminState, description: string): Command =>
    fleetCommand(program, `${state} <server...>`, description)
      .addOption(lockWait())
      .action(async (servers: string[], options: DrainOptions) => {
        const { drainCommand } = await import("./commands/drain.ts");
        exit(await drainCommand(state, servers, options, context));
      })
      .addHelpText("after", "\nSERVER is POOL/NAME, or NAME for every pool; * and ? stand for any letters.");
  const drain = stateCommand("drain", "send a server no new clients, and wait until it has none");
  drain.option(
    "--timeout <seconds>",
    "wait this long at most (default: haproxy_graceful_drain_seconds)",
    wholeNumber,
  );
  drain.option("--no-wait", "do not wait");
  drain.option("--maint", "then take it into maintenance, at the deadline at the latest");
  const maint = stateCommand(
    "maint",
    "take a server into maintenance: nobody is sent there, no check is made",
  );
  for (const command of [drain, maint]) {
    command.option("--force", "even where no other server of a pool is up");
    command.option("--for <time>", "make it ready again after this time, like 90s, 10m or 2h", timeSpan);
    command.option("--reason <words>", "why, for whoever looks at `lbctl status`", reason);
  }
  stateCommand("ready", "give a server its load back");
}

function addDrill(program: Command, context: Context, exit: (code: number) => void): void {
  const drill = program
    .command("drill")
    .description("fail something on purpose, and measure what clients notice");
  const failover = fleetCommand(
    drill,
    "failover",
    "kill a backend under load and prove that HAProxy reroutes",
  );
  failover.option("--pool <pool>", "the pool to test", "api_pool");
  failover.option("--server <name>", "the server to kill (default: the pool's first)");
  failover.option("--rate <n>", "requests a second", wholeNumber, 100);
  failover.option("-y, --yes", "do not ask");
  failover.addOption(lockWait());
  failover.action(async (options: DrillOptions) => {
    const { drillFailoverCommand } = await import("./commands/drill.ts");
    exit(await drillFailoverCommand(options, context));
  });
}

function addLock(program: Command, context: Context, exit: (code: number) => void): void {
  const lock = program.command("lock").description("who may change each load balancer");
  const status = fleetCommand(
    lock,
    "status",
    "who holds the lease of each load balancer, since when and why",
  );
  status.action(async (options: FleetOptions) => {
    const { lockStatusCommand } = await import("./commands/lock.ts");
    exit(await lockStatusCommand(options, context));
  });
  const breaking = fleetCommand(lock, "break", "end a lease; a change that has begun goes to its end");
  breaking.requiredOption("--id <id>", "the lease, as `lbctl lock status` names it");
  breaking.option("-y, --yes", "do not ask");
  breaking.action(async (options: LockBreakOptions) => {
    const { lockBreakCommand } = await import("./commands/lock.ts");
    exit(await lockBreakCommand(options, context));
  });
}

function addLab(program: Command, context: Context, exit: (code: number) => void): void {
  const lab = program
    .command("lab")
    .description("a local fleet of Incus containers to practise on")
    .enablePositionalOptions();
  const labCommand = (name: string, hidden = false): Command =>
    lab
      .command(name, { hidden })
      .option("--json", "print JSON")
      .option("--no-color", "print without colour (as NO_COLOR does)")
      .option("--no-input", "never ask")
      .option("-q, --quiet", "no progress")
      .option("-v, --verbose", "show more, stack traces included");
  const up = labCommand("up").description("start the lab, and write its inventory to inventories/lab");
  // the lab says how many there may be of each
  up.option("--lb <n>", "load balancers", Number, 1);
  up.option("--api <n>", "API backends", Number, 2);
  up.option("--stream <n>", "stream servers", Number, 2);
  up.addOption(
    new Option("--haproxy <release>", "HAProxy that the load balancers' Debian has")
      .choices(["2.6", "3.0"])
      .default("2.6"),
  );
  up.option("-y, --yes", "do not ask before installing what is missing on this machine");
  up.action(async (options: LabUpCommandOptions) => {
    const { labUpCommand } = await import("./commands/lab.ts");
    exit(await labUpCommand(options, context));
  });
  const down = labCommand("down").description("delete the lab's containers");
  down.option("--all", "undo everything the lab changed on this machine");
  down.option("-y, --yes", "do not ask");
  down.action(async (options: LabDownCommandOptions) => {
    const { labDownCommand } = await import("./commands/lab.ts");
    exit(await labDownCommand(options, context));
  });
  const install = labCommand("install <package...>", true);
  install.description("install Debian packages that `lab down --all` removes again");
  install.option("-y, --yes", "do not ask");
  install.action(async (packages: string[], options: Consent) => {
    const { labInstallCommand } = await import("./commands/lab.ts");
    exit(await labInstallCommand(packages, options, context));
  });
  const status = labCommand("status").description("the lab's containers");
  status.action(async (options: LabStatusCommandOptions) => {
    const { labStatusCommand } = await import("./commands/lab.ts");
    exit(await labStatusCommand(options));
  });
  const ssh = lab
    .command("ssh <host> [command...]")
    .description("open a shell, or run a command, on a container");
  ssh.passThroughOptions();
  ssh.action(async (host: string, command: string[]) => {
    const { labSshCommand } = await import("./commands/lab.ts");
    exit(await labSshCommand(host, command));
  });
}

/** A command with the options that every command on an inventory takes. */
function fleetCommand(parent: Command, name: string, description: string): Command {
  return parent
    .command(name)
    .description(description)
    .option("-i, --inventory <path>", "inventory file or folder; repeatable", collect)
    .option("-l, --limit <pattern>", "only these hosts")
    .option(
      "-e, --extra-vars <vars>",
      "variables above all others: k=v, JSON, YAML or @file; repeatable",
      collect,
    )
    .option(
      "--vault-password-file <file>",
      "file or program with an Ansible Vault password; repeatable",
      collect,
    )
    .option("--vault-id <id>", "the same, as LABEL@FILE or LABEL@prompt; repeatable", collect)
    .option("--ask-vault-pass", "ask for the vault password")
    .option("--forks <n>", "hosts at a time", wholeNumber, 10)
    .addOption(
      new Option("--transport <name>", "how to reach the hosts")
        .choices(["auto", "openssh", "node-ssh"])
        .default("auto"),
    )
    .option("-K, --ask-become-pass", "ask for sudo's password")
    .option("--json", "print JSON")
    .option("--no-color", "print without colour (as NO_COLOR does)")
    .option("--no-input", "never ask")
    .option("-q, --quiet", "no progress")
    .option("-v, --verbose", "show more: how each host is reached, stack traces");
}

function confirmTimeout(): Option {
  const text = "revert a change that lbctl cannot confirm over a new connection for this long";
  return new Option("--confirm-timeout <seconds>", text).default(30).argParser(wholeNumber);
}

function lockWait(): Option {
  return new Option(
    "--lock-wait <seconds>",
    "wait this long for whoever is changing a host (default: refuse)",
  ).argParser(wholeNumber);
}

/** How a command goes over several hosts. */
function addRunOptions(command: Command): void {
  command
    .option(
      "--serial <sizes>",
      "hosts in a batch, which ends before the next begins: 2, 25%, 1,50%,100% (default: 1,100%)",
      (text: string) => {
        const serial = parseSerial(text);
        if (serial) return serial;
        throw new InvalidArgumentError(
          "It must be numbers of hosts above 0, or 1% to 100%: 2, or 1,25%,100%.",
        );
      },
    )
    .addOption(
      new Option("--on-failure <what>", "when a host fails: begin no other, put back all, or go on")
        .choices(onFailures)
        .default("stop"),
    );
}

function haproxyVersion(): Option {
  return new Option("--haproxy-version <version>", "HAProxy to render for")
    .default("2.6")
    .argParser((text: string) => {
      const [major = 0, minor = 0] = /^(\d+)\.(\d+)$/.exec(text)?.slice(1).map(Number) ?? [];
      if (major > 2 || (major === 2 && minor >= 6)) return text;
      throw new InvalidArgumentError("It must be 2.6 or newer, like 3.0.");
    });
}

/** Seconds. */
function timeSpan(text: string): number {
  const [, digits = "0", unit = ""] = /^(\d{1,6})([smhd])$/.exec(text) ?? [];
  const seconds = Number(digits) * ({ s: 1, m: 60, h: 3600, d: 86_400 }[unit] ?? 0);
  if (seconds > 0 && seconds <= 30 * 86_400) return seconds;
  throw new InvalidArgumentError("It must be a number with s, m, h or d, at most 30d: 90s, 10m.");
}

function reason(text: string): string {
  if (text.trim() !== "" && text.length <= 200 && !/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u.test(text))
    return text.trim();
  throw new InvalidArgumentError("It must be one line of 200 characters at most, all of them visible.");
}

function collect(value: string, previous: readonly string[] | undefined): string[] {
  return [...(previous ?? []), value];
}

function wholeNumber(text: string): number {
  const number = Number(text);
  if (/^\d{1,6}$/.test(text) && number > 0) return number;
  throw new InvalidArgumentError("It must be a whole number from 1 to 999999.");
}

/** 0 is what stood there before lbctl: why it cannot be gone back to is said where it is looked for. */
function generation(text: string): number {
  return text === "0" ? 0 : wholeNumber(text);
}
