import { homedir } from "node:os";
import { LbctlError } from "../errors.ts";
import type { Connection } from "../model/fleet.ts";
import { connectionArguments } from "./openssh.ts";
import { runProcess } from "./process.ts";

/** What OpenSSH would do for a host, after its configuration files and the inventory's words. */
export interface EffectiveConfig {
  readonly hostName: string;
  readonly port: number;
  readonly user: string;
  /** Private keys to try, in order; they need not exist. */
  readonly identityFiles: readonly string[];
  readonly identitiesOnly: boolean;
  /** Socket of the agent, or null. */
  readonly agent: string | null;
  readonly knownHostsFiles: readonly string[];
  /** Settings that only OpenSSH can honour, as it prints them. */
  readonly needsOpenSsh: readonly string[];
}

/** Asks the OpenSSH client itself (`ssh -G`). Throws LbctlError `invalid` when it refuses the settings. */
export async function effectiveConfig(host: string, connection: Connection): Promise<EffectiveConfig> {
  const args = [...connectionArguments(connection), "-G", "--", connection.address];
  const result = await runProcess("ssh", args, { timeoutMs: 10_000 });
  if (result.exitCode === 0) return parseConfig(result.stdout, process.env.SSH_AUTH_SOCK);
  throw new LbctlError("invalid", {
    what: `ssh does not accept the settings of this host: ${result.stderr.trim().split("\n").at(-1) ?? ""}`,
    at: host,
    hint: "Check ansible_ssh_common_args and your ssh configuration.",
  });
}

/** Reads what `ssh -G` prints (ssh_config(5), one keyword and its value a line). Pure. */
export function parseConfig(text: string, agentSocket: string | undefined): EffectiveConfig {
  const settings = text.split("\n").map((line) => {
    const space = line.indexOf(" ");
    return [line.slice(0, space).toLowerCase(), line.slice(space + 1)] as const;
  });
  const all = (name: string): string[] => settings.filter(([key]) => key === name).map(([, value]) => value);
  const one = (name: string): string => all(name)[0] ?? "";
  const agent = one("identityagent") || "SSH_AUTH_SOCK";
  return {
    hostName: one("hostname"),
    port: Number(one("port") || 22),
    user: one("user"),
    identityFiles: all("identityfile").map(expandHome),
    identitiesOnly: one("identitiesonly") === "yes",
    agent: agent === "none" ? null : agent === "SSH_AUTH_SOCK" ? (agentSocket ?? null) : expandHome(agent),
    knownHostsFiles: [...all("userknownhostsfile"), ...all("globalknownhostsfile")]
      .flatMap((files) => files.split(" "))
      .filter((file) => file !== "" && file !== "none" && file !== "/dev/null")
      .map(expandHome),
    needsOpenSsh: [
      "proxyjump",
      "proxycommand",
      "certificatefile",
      "pkcs11provider",
      "hostkeyalias",
      "knownhostscommand",
    ]
      .flatMap((name) => all(name).map((value) => `${name} ${value}`))
      .filter((setting) => !setting.endsWith(" none")),
  };
}

function expandHome(path: string): string {
  return path.replace(/^~(?=\/)/, homedir());
}
