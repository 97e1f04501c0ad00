import type { SshConnection } from "../../src/model/fleet.ts";
import { addressOf, balancer, key, knownHosts } from "./hosts.ts";

/** Options of ssh that lead to a port of this machine, with the host key of a lab host behind it. */
function optionsTo(host: string): string[] {
  const words = [
    `UserKnownHostsFile=${knownHosts}`,
    "IdentitiesOnly=yes",
    "StrictHostKeyChecking=yes",
    `HostKeyAlias=${addressOf(host)}`,
  ];
  return words.flatMap((word) => ["-o", word]);
}

/** Words for lbctl that reach the load balancer through a port of this machine. */
export function throughPort(port: number, name = "127.0.0.1"): string[] {
  const common = [...optionsTo(balancer), "-o", `HostName=${name}`].join(" ");
  return ["-e", JSON.stringify({ ansible_port: port, ansible_ssh_common_args: common })];
}

/** A connection to the load balancer, as root: its own, or through a port of this machine. */
export function connectionTo(port?: number): SshConnection {
  return {
    kind: "ssh",
    address: port === undefined ? addressOf(balancer) : "127.0.0.1",
    ...(port === undefined ? {} : { port }),
    user: "root",
    keyFile: key,
    become: false,
    sshArgs: optionsTo(balancer),
  };
}
