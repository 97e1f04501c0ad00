import { Incus } from "./incus.ts";
import { labPaths, type LabPaths } from "./paths.ts";
import { createShell, type Shell } from "./shell.ts";
import { StateFile } from "./state.ts";

/** What every lab command works with. */
export interface LabContext {
  readonly shell: Shell;
  readonly paths: LabPaths;
  readonly incus: Incus;
  readonly state: StateFile;
}

/** What changes the machine itself. */
export type Machine = Pick<LabContext, "shell" | "paths" | "state">;

/** `interactive`: sudo may ask for a password on this terminal. */
export function labContext(interactive = false, signal?: AbortSignal): LabContext {
  const paths = labPaths();
  const shell = createShell(interactive, signal);
  return { shell, paths, incus: new Incus(shell, paths), state: new StateFile(paths.state) };
}
