import type { Connection } from "../model/fleet.ts";
import { instanceCommand } from "../remote/instance.ts";
import { connectionArguments } from "../remote/openssh.ts";
import { shellWords } from "./process-failure.ts";

/** What an operator would type to run a command on a host as root, with the inventory's login and keys. Pure. */
export function byHand(connection: Connection, command: string): string {
  const asRoot = connection.become ? shellWords(["sudo", "sh", "-c", command]) : command;
  switch (connection.kind) {
    case "ssh":
      return shellWords(["ssh", ...connectionArguments(connection), connection.address, asRoot]);
    case "local":
      return asRoot;
    case "incus":
    case "lxd":
      return shellWords(instanceCommand(connection, command));
  }
}
