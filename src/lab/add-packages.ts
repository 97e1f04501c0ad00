import { LbctlError } from "../errors.ts";
import { labContext } from "./context.ts";
import { describeInstall } from "./machine.ts";
import { installPackages, updateLists } from "./packages.ts";
import { runStep, type Confirm, type Progress } from "./progress.ts";
import { withLock } from "./state.ts";

export interface AddPackagesOptions {
  readonly packages: readonly string[];
  /** sudo may ask for a password on this terminal. */
  readonly interactive: boolean;
  /** Stops after the program that runs. */
  readonly signal: AbortSignal;
}

/** Installs packages that only tests want, in the lab's record, so that `lab down --all` takes them away too. */
export async function addPackages(
  options: AddPackagesOptions,
  progress: Progress,
  confirm: Confirm,
): Promise<void> {
  const { packages } = options;
  for (const name of packages) {
    // Debian Policy 5.6.1; apt would take others for options or patterns
    if (/^[a-z0-9][a-z0-9+.-]+$/.test(name)) continue;
    throw new LbctlError("invalid", {
      what: `${JSON.stringify(name)} is no name of a Debian package`,
      hint: "Nothing was changed.",
    });
  }
  const context = labContext(options.interactive, options.signal);
  await withLock(context.paths.lock, async () => {
    if (!(await confirm(describeInstall(packages)))) {
      throw new LbctlError("interrupted", { what: "nothing was changed" });
    }
    await context.shell.prepareRoot();
    await runStep(progress, "Read the package lists", async () => {
      await updateLists(context.shell);
    });
    await installPackages(packages, context, progress);
  });
}
