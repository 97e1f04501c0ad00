import { commandsFault } from "./fault-commands.ts";
import { incusFault } from "./fault-incus.ts";
import { systemdFault } from "./fault-systemd.ts";
import type { Fault, FaultDeps } from "./fault.ts";
import type { FaultPlan } from "./scenario.ts";

/** The fault of the kind that the inventory asks for. */
export function makeFault(plan: FaultPlan, deps: FaultDeps): Fault {
  switch (plan.kind) {
    case "incus":
      return incusFault(plan, deps);
    case "systemd":
      return systemdFault(plan, deps);
    case "commands":
      return commandsFault(plan, deps);
  }
}
