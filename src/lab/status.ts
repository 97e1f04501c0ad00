import { LbctlError } from "../errors.ts";
import { runProcess } from "../remote/process.ts";
import { labContext } from "./context.ts";
import { imageOf } from "./instances.ts";
import { sshArguments } from "./ssh.ts";

interface LabInstance {
  readonly name: string;
  readonly state: string;
  readonly ip: string;
  readonly image: string;
  /** The HAProxy release that its image can install; null for backends. */
  readonly haproxy: string | null;
}

export interface LabStatus {
  readonly daemon: "running" | "stopped";
  readonly instances: readonly LabInstance[];
}

export async function labStatus(): Promise<LabStatus> {
  const { incus } = labContext();
  if (!(await incus.answers())) return { daemon: "stopped", instances: [] };
  const instances = (await incus.instances()).map((instance) => ({
    name: instance.name,
    state: instance.status.toLowerCase(),
    ip: instance.devices.eth0?.["ipv4.address"] ?? "",
    image: imageOf(instance),
    haproxy:
      instance.config["user.lbctl-lab"] === "lb" ? (instance.config["user.lbctl-lab.haproxy"] ?? "") : null,
  }));
  return { daemon: "running", instances };
}

/** Runs ssh on this terminal; its exit code. */
export async function labSsh(host: string, command: readonly string[]): Promise<number> {
  const { instances } = await labStatus();
  const target = instances.find((instance) => instance.name === host);
  if (!target) {
    const names = instances.map((instance) => instance.name).join(", ");
    throw new LbctlError("invalid", {
      what: `the lab has no host ${host}`,
      hint: names ? `It has ${names}.` : "Run `lbctl lab up` first.",
    });
  }
  const { paths } = labContext();
  const result = await runProcess("ssh", sshArguments(paths, target.ip, command), { interactive: true });
  return result.exitCode ?? 255;
}
