import type { Host } from "../model/fleet.ts";
import type { Role } from "../model/role.ts";

/** Whether a reload of this host waits for checks of its servers. */
export function isGated({ healthGate }: Role, { vars }: Host): boolean {
  return healthGate === null || vars[healthGate]?.value !== false;
}
