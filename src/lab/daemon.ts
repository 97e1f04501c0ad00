import { existsSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { LbctlError } from "../errors.ts";
import { readIfThere } from "./files.ts";
import type { Incus } from "./incus.ts";
import type { LabPaths } from "./paths.ts";
import { expectSuccess, type Shell } from "./shell.ts";
import type { StartedDaemon, StateFile } from "./state.ts";

const daemonPath = "/opt/incus/bin:/usr/libexec/incus:/usr/sbin:/usr/bin:/sbin:/bin";
const unit = "incus.service";

/** Starts the Incus daemon: the machine's service where systemd runs, else a process of its own. */
export async function startDaemon(
  shell: Shell,
  incus: Incus,
  state: StateFile,
  paths: LabPaths,
): Promise<void> {
  // on a machine with systemd the packages start it when they are installed
  if (await incus.answers()) return;
  if (existsSync("/run/systemd/system")) {
    await state.record({ daemon: { kind: "service", unit } });
    expectSuccess(await shell.root(["systemctl", "start", "incus.socket", unit]), "starting Incus");
  } else {
    await mkdir(paths.root, { recursive: true });
    // A dead proxy: the daemon asks its default image server at each start, which hangs where there is no network.
    const script =
      'PATH=$1 HTTPS_PROXY=http://127.0.0.1:9 setsid incusd --group "$3" --logfile "$2" </dev/null >"$2.out" 2>&1 & echo $!';
    const group = /^incus-admin:/m.test((await readIfThere("/etc/group")) ?? "") ? "incus-admin" : "root";
    const started = await shell.root([
      "sh",
      "-c",
      script,
      "sh",
      daemonPath,
      paths.daemonLog,
      group,
      paths.client,
    ]);
    const pid = Number(expectSuccess(started, "starting incusd").stdout.trim());
    await state.record({ daemon: { kind: "process", pid, startTime: (await startTimeOf(pid)) ?? "" } });
  }
  for (let waited = 0; waited < 60_000; waited += 100) {
    if (await incus.answers()) return;
    await sleep(100);
  }
  const log = ((await readIfThere(`${paths.daemonLog}.out`)) ?? "").trim().split("\n").slice(-5).join("\n");
  throw new LbctlError("bug", { what: `the Incus daemon does not answer\n${log}`, at: paths.daemonLog });
}

/** Stops the daemon if it is still the one that the lab started. */
export async function stopDaemon(daemon: StartedDaemon, shell: Shell): Promise<void> {
  if (daemon.kind === "service") {
    expectSuccess(await shell.root(["systemctl", "stop", daemon.unit, "incus.socket"]), "stopping Incus");
    return;
  }
  const isOurs = async (): Promise<boolean> => (await startTimeOf(daemon.pid)) === daemon.startTime;
  if (!(await isOurs())) return;
  await shell.root(["kill", "-TERM", String(daemon.pid)]);
  for (let waited = 0; waited < 30_000 && (await isOurs()); waited += 100) await sleep(100);
  if (await isOurs()) throw new LbctlError("bug", { what: `incusd (process ${daemon.pid}) does not stop` });
}

/** The kernel's start time of a process, which tells it from a later one with the same number. */
async function startTimeOf(pid: number): Promise<string | undefined> {
  const stat = await readIfThere(`/proc/${pid}/stat`).catch(() => undefined);
  const fields = stat?.slice(stat.lastIndexOf(")") + 2).split(" ");
  // a zombie has ended
  return fields?.[0] === "Z" ? undefined : fields?.[19];
}
