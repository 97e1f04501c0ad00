import { LbctlError } from "../errors.ts";
import { addPackages } from "../lab/add-packages.ts";
import { labDown } from "../lab/down.ts";
import type { HaproxyRelease } from "../lab/members.ts";
import type { Confirm } from "../lab/progress.ts";
import { labSsh, labStatus } from "../lab/status.ts";
import { labUp } from "../lab/up.ts";
import { ask, mayAsk } from "./confirm.ts";
import type { Context } from "./options.ts";
import { printJson, printText } from "../report/out.ts";
import { formatDown, formatStatus, formatUp, labProgress, sayChanges } from "../report/lab.ts";

export interface Consent {
  readonly yes?: boolean;
  readonly quiet?: boolean;
  /** False with --no-input: never ask. */
  readonly input?: boolean;
  readonly json?: boolean;
}

export interface LabUpCommandOptions extends Consent {
  readonly lb?: number;
  readonly api?: number;
  readonly stream?: number;
  readonly haproxy?: string;
}

export interface LabDownCommandOptions extends Consent {
  readonly all?: boolean;
}

export interface LabStatusCommandOptions {
  readonly json?: boolean;
}

export async function labUpCommand(options: LabUpCommandOptions, context: Context): Promise<number> {
  const { lb = 1, api = 2, stream = 2, haproxy = "2.6", quiet = false } = options;
  const result = await labUp(
    {
      lb,
      api,
      stream,
      haproxy: checkRelease(haproxy),
      cwd: process.cwd(),
      interactive: mayAsk(options.input ?? true),
      signal: context.signal,
    },
    labProgress(quiet),
    confirmWith(options, "lbctl lab up --yes"),
  );
  if (options.json) printJson({ format_version: 1, ...result });
  else printText(formatUp(result));
  return 0;
}

/** Installs packages that tests want, so that `lab down --all` takes them away too. */
export async function labInstallCommand(
  packages: readonly string[],
  options: Consent,
  context: Context,
): Promise<number> {
  await addPackages(
    { packages, interactive: mayAsk(options.input ?? true), signal: context.signal },
    labProgress(options.quiet ?? false),
    confirmWith(options, `lbctl lab install --yes ${packages.join(" ")}`),
  );
  if (options.json) printJson({ format_version: 1, installed: packages });
  return 0;
}

export async function labDownCommand(options: LabDownCommandOptions, context: Context): Promise<number> {
  const { all = false, quiet = false } = options;
  const confirm = confirmWith(options, "lbctl lab down --all --yes");
  const result = await labDown(
    { all, interactive: mayAsk(options.input ?? true), signal: context.signal },
    labProgress(quiet),
    confirm,
  );
  if (options.json) printJson({ format_version: 1, ...result });
  else printText(formatDown(result));
  return 0;
}

export async function labStatusCommand(options: LabStatusCommandOptions): Promise<number> {
  const status = await labStatus();
  if (options.json) printJson({ format_version: 1, ...status });
  else printText(formatStatus(status));
  return 0;
}

export async function labSshCommand(host: string, args: readonly string[]): Promise<number> {
  return await labSsh(host, args[0] === "--" ? args.slice(1) : args);
}

function checkRelease(text: string): HaproxyRelease {
  if (text === "2.6" || text === "3.0") return text;
  throw new LbctlError("invalid", { what: `--haproxy must be 2.6 or 3.0, not ${text}` });
}

/** --yes says yes, a terminal is asked, anything else is told what to pass. */
function confirmWith(options: Consent, command: string): Confirm {
  return async (changes) => {
    if (!options.yes && !mayAsk(options.input ?? true)) {
      throw new LbctlError("invalid", {
        what: [
          "the lab changes this machine only when told to; it would",
          ...changes.map((change) => `- ${change}`),
        ].join("\n"),
        hint: `Run \`${command}\`.`,
      });
    }
    if (!options.quiet || !options.yes) sayChanges(changes);
    if (options.yes) return true;
    return ask("Go on?");
  };
}
