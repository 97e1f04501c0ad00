import type { Host } from "../model/fleet.ts";
import { openSsh } from "./openssh.ts";
import type { Remote } from "./port.ts";

/** Opens the way to a host that its inventory entry asks for. Connects at the first run. */
export function connect(host: Host): Remote {
  return openSsh(host.name, host.connection);
}
