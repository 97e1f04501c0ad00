import type { Host } from "../model/fleet.ts";
import { openConnections, type Connections } from "../remote/connect.ts";
import { printProgress } from "../report/out.ts";
import { askSecret } from "./ask-secret.ts";
import type { FleetOptions } from "./options.ts";

/** The ways to these hosts. Asks for sudo's password first, when that is wanted and one of them lacks it. */
export async function connectionsTo(hosts: readonly Host[], options: FleetOptions): Promise<Connections> {
  const becomePassword = options.askBecomePass ? await askBecomePassword(hosts, options.input) : undefined;
  return openConnections(options.transport, {
    ...(becomePassword === undefined ? {} : { becomePassword: () => becomePassword }),
    onChoice: ({ host, how, why }) => {
      if (options.verbose) printProgress([`${host}: over ${how} (${why})`]);
    },
  });
}

async function askBecomePassword(hosts: readonly Host[], input: boolean): Promise<string | undefined> {
  const becoming = hosts.filter(({ connection }) => connection.become);
  if (becoming.length === 0) {
    printProgress(["! --ask-become-pass: no host here sets ansible_become, so sudo is not used"]);
    return undefined;
  }
  if (becoming.every(({ connection }) => connection.becomePassword)) return undefined;
  const otherwise = "Put ansible_become_password into a vaulted file, or allow the user NOPASSWD in sudoers.";
  return askSecret("sudo password: ", otherwise, input);
}
