import type { InstanceConnection } from "../model/fleet.ts";
import type { Remote } from "./port.ts";
import { execProcess, noProgram } from "./process-way.ts";
import { lostWhileRunning, remoteOver, type LinkProblem, type Lost } from "./run.ts";

const clients = { incus: "incus", lxd: "lxc" } as const;
const products = { incus: "Incus", lxd: "LXD" } as const;

/** A container or virtual machine, entered as root by the client of its Incus or LXD daemon. */
export function instance(host: string, connection: InstanceConnection): Remote {
  const client = clients[connection.kind];
  const target = `${connection.remote}:${connection.instance} (project ${connection.project})`;
  return remoteOver(host, connection, {
    target,
    exec: execProcess(client, (command) => instanceArguments(connection, command)),
    explain: (lost) => explain(connection, client, target, lost),
  });
}

/** Pure. */
export function instanceCommand(connection: InstanceConnection, command: string): string[] {
  return [clients[connection.kind], ...instanceArguments(connection, command)];
}

/** Pure. */
export function instanceArguments(connection: InstanceConnection, command: string): string[] {
  const { remote, project, instance: name } = connection;
  return [
    ...["exec", `${remote}:${name}`, "--project", project, "--force-noninteractive"],
    ...["--", "/bin/sh", "-c", command],
  ];
}

function explain({ kind, instance: name }: InstanceConnection, client: string, target: string, lost: Lost) {
  const said = lost.said.replace(/^Error: /, "");
  const problem = (what: string, hint: string): LinkProblem => ({ what, hint });
  if (lost.began) return lostWhileRunning(target, said === "" ? lost.cause : said);
  if (lost.cause === noProgram) {
    return problem(
      `there is no program \`${client}\` on this machine`,
      `Install the client of ${products[kind]}, or reach the host by ssh.`,
    );
  }
  if (/permission denied/i.test(said)) {
    return problem(
      `the ${products[kind]} daemon lets you not in: ${said}`,
      `Add yourself to the group ${kind === "incus" ? "incus-admin" : "lxd"}, or run lbctl as root.`,
    );
  }
  if (/not found/i.test(said)) {
    return problem(
      `there is no instance ${target}: ${said}`,
      `Check ansible_${kind}_host, ansible_${kind}_remote and ansible_${kind}_project; \`${client} list\` shows them.`,
    );
  }
  if (/not running|is stopped|frozen/i.test(said)) {
    return problem(`${target} does not run: ${said}`, `Start it: ${client} start ${name}`);
  }
  return problem(
    `${target} cannot be entered: ${said === "" ? lost.cause : said}`,
    `Try it by hand: ${client} exec ${name} -- true`,
  );
}
