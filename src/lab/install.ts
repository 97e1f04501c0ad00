import type { Machine } from "./context.ts";
import type { MachineChanges } from "./machine.ts";
import { installPackages, updateLists } from "./packages.ts";
import { runStep, type Progress } from "./progress.ts";
import { expectSuccess, type Shell } from "./shell.ts";

/** Carries out the changes to the machine, each recorded before it is made. */
export async function installOnMachine(
  changes: MachineChanges,
  machine: Machine,
  progress: Progress,
): Promise<void> {
  const { shell, state } = machine;
  const { aptSource, packages, lines, sysctl } = changes;
  if (lines.length > 0) {
    const known = ((await state.read()).lines ?? []).filter(
      (each) => !lines.some(({ file, line }) => file === each.file && line === each.line),
    );
    await state.record({ lines: [...known, ...lines] });
    for (const { file, line } of lines) await appendLine(shell, file, line);
  }
  if (sysctl) {
    const { previous } = (await state.read()).sysctl ?? sysctl;
    await state.record({ sysctl: { previous, set: sysctl.set } });
    await setInotifyInstances(shell, sysctl.set);
  }
  if (packages.length === 0) return;
  await runStep(progress, "Read the package lists", async () => {
    if (aptSource) {
      await state.record({ aptSource: aptSource.file });
      await writeAsRoot(shell, aptSource.file, aptSource.text);
    }
    await updateLists(shell);
  });
  await installPackages(packages, machine, progress);
}

export async function writeAsRoot(shell: Shell, file: string, text: string): Promise<void> {
  const script = 'cat > "$1.lbctl-lab" && chmod 644 "$1.lbctl-lab" && mv "$1.lbctl-lab" "$1"';
  expectSuccess(await shell.root(["sh", "-c", script, "sh", file], { input: text }), `writing ${file}`);
}

async function appendLine(shell: Shell, file: string, line: string): Promise<void> {
  const script = 'grep -qxF "$2" "$1" 2>/dev/null || printf "%s\\n" "$2" >> "$1"';
  expectSuccess(await shell.root(["sh", "-c", script, "sh", file, line]), `writing ${file}`);
}

export async function setInotifyInstances(shell: Shell, value: number): Promise<void> {
  const script = 'echo "$1" > /proc/sys/fs/inotify/max_user_instances';
  expectSuccess(await shell.root(["sh", "-c", script, "sh", String(value)]), "fs.inotify.max_user_instances");
}
