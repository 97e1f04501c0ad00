import { withoutAnySecret } from "../document/secrets.ts";
import { byHand } from "./by-hand.ts";
import type { Fault, FaultDeps } from "./fault.ts";
import type { FaultPlan } from "./scenario.ts";

/**
 * Kills a service on the victim itself. A drop-in below /run keeps systemd from restarting it meanwhile
 * (a runtime mask does not: a unit in /etc wins over it); a reboot clears the drop-in.
 */
export function systemdFault(plan: FaultPlan & { kind: "systemd" }, { remote }: FaultDeps): Fault {
  const folder = `/run/systemd/system/${plan.unit}.d`;
  const dropIn = `${folder}/90-lbctl-drill.conf`;
  const kill = [
    "set -e",
    `mkdir -p '${folder}'`,
    `printf '[Service]\\nRestart=no\\n' > '${dropIn}'`,
    "systemctl daemon-reload",
    `systemctl kill -s KILL '${plan.unit}'`,
    `systemctl stop '${plan.unit}'`,
  ];
  const revive = [
    `rm -f '${dropIn}'`,
    `rmdir '${folder}' 2>/dev/null`,
    "systemctl daemon-reload",
    `systemctl reset-failed '${plan.unit}' 2>/dev/null`,
    `systemctl start '${plan.unit}'`,
  ];
  const exec = async (lines: readonly string[]): Promise<void> => {
    const result = await remote(plan.host).run({ script: `${lines.join("\n")}\n`, idleTimeoutMs: 60_000 });
    if (result.status === 0) return;
    const said = withoutAnySecret((result.stderr.trim() || result.stdout.trim()).split("\n").at(-1) ?? "");
    throw new Error(
      `${lines.at(-1) ?? ""} on ${plan.host}: exit ${result.status}${said ? `: ${said.slice(0, 300)}` : ""}`,
    );
  };
  return {
    killCommand: `systemctl kill -s KILL ${plan.unit} (on ${plan.host})`,
    reviveCommand: byHand(
      plan.connection,
      `rm -f ${dropIn}; systemctl daemon-reload; systemctl reset-failed ${plan.unit}; systemctl start ${plan.unit}`,
    ),
    prepare: () => exec([`systemctl is-active '${plan.unit}'`]),
    kill: () => exec(kill),
    revive: () => exec(revive),
  };
}
