import { homedir, userInfo } from "node:os";
import { LbctlError } from "../errors.ts";
import type { SshConnection } from "../model/fleet.ts";
import { algorithmsWithin, type Algorithms } from "./algorithms.ts";
import { connectionArguments } from "./openssh.ts";
import { runProcess, type ProcessResult } from "./process.ts";
import type { NewKeys } from "./record-key.ts";
import { needsOpenSsh } from "./needs-openssh.ts";
import { noUser } from "./ssh-failure.ts";
import { readConfigWithoutSsh, readWrittenSettings } from "./ssh-words.ts";

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
  /** The name to look up there instead of the host's, or null. */
  readonly hostKeyAlias: string | null;
  /** What becomes of a host of which no key is known: null, it is refused. */
  readonly newKeys: NewKeys | null;
  /** StrictHostKeyChecking is `no`: ssh would go on with a key that has changed. */
  readonly careless: boolean;
  /** What the configuration allows and node-ssh has. */
  readonly algorithms: Algorithms;
  readonly minRsaBits: number;
  /** The operator's own ControlPath, or null. */
  readonly controlPath: string | null;
  /** Settings that only OpenSSH can honour, as it prints them. */
  readonly needsOpenSsh: readonly string[];
  /** Why the OpenSSH client cannot be used here; null when it can. */
  readonly withoutSsh: string | null;
}

/** Asks OpenSSH for its settings of a host. */
export type AskSsh = (connection: SshConnection) => Promise<ProcessResult>;

const askEach: AskSsh = (connection) =>
  runProcess("ssh", [...connectionArguments(connection), "-G", "--", connection.address], {
    signal: AbortSignal.timeout(answerWithinMs),
  });

/**
 * Asks `ssh -G` once for all hosts of which the inventory and the configuration files say the same, as far as lbctl can
 * tell that itself: with 20 hosts, a process for each would take as long as connecting.
 */
export function askOnce(ask: AskSsh = askEach): AskSsh {
  let first:
    { readonly settings: Promise<string | null>; readonly answer: Promise<ProcessResult> } | undefined;
  return async (connection) => {
    if (!first) {
      first = { answer: ask(connection), settings: readSettings(connection) };
      return first.answer;
    }
    const [settings, known] = await Promise.all([readSettings(connection), first.settings]);
    const answer = settings === null || settings !== known ? undefined : await first.answer;
    if (answer?.exitCode !== 0) return ask(connection);
    const address = connection.address.toLowerCase();
    return {
      ...answer,
      stdout: answer.stdout.replace(/^(host|hostname) .*$/gm, (_, name: string) => `${name} ${address}`),
    };
  };
}

/** All that is said of a host, but for its address; null when the address matters for more, or only ssh can tell. */
async function readSettings(connection: SshConnection): Promise<string | null> {
  const home = homeOfSsh();
  const settings = home === null ? null : await readWrittenSettings(connection, home).catch(() => null);
  const byAddress = (value: string): boolean => /[%$]/.test(value);
  if (!settings || settings.some(([name, value]) => addressed.test(name) || byAddress(value))) return null;
  return JSON.stringify(settings);
}

/** ssh asks the user database where its files are, not HOME; null for a user who is not in there. */
function homeOfSsh(): string | null {
  try {
    return userInfo().homedir;
  } catch {
    return null;
  }
}

const addressed = /^(?:hostname|canonical.*|controlpath)$/;

/**
 * Asks the OpenSSH client itself (`ssh -G`); where there is none, reads the inventory's words and the user's ssh
 * configuration. Throws LbctlError `invalid` when the settings are refused.
 */
export async function effectiveConfig(
  host: string,
  connection: SshConnection,
  askSsh: AskSsh,
): Promise<EffectiveConfig> {
  const result = await askSsh(connection);
  const agent = process.env.SSH_AUTH_SOCK;
  if (result.exitCode === 0) return parseConfig(result.stdout, agent, homeOfSsh() ?? homedir());
  const withoutSsh = whyItCannotRun(result);
  if (withoutSsh !== null) {
    const text = await readConfigWithoutSsh(host, connection);
    return { ...parseConfig(text, agent, homedir()), withoutSsh };
  }
  const why =
    result.exitCode === null
      ? `ssh -G has not ended after ${String(answerWithinMs / 1000)} s (a Match exec?)`
      : (result.stderr.trim().split("\n").at(-1) ?? "");
  throw new LbctlError("invalid", {
    what: `ssh does not accept the settings of this host: ${why}`,
    at: host,
    hint: "Check ansible_ssh_common_args and your ssh configuration.",
  });
}

const answerWithinMs = 10_000;

function whyItCannotRun({ exitCode, stderr, cause = "" }: ProcessResult): string | null {
  if (exitCode === null) return cause.includes("ENOENT") ? "there is no ssh on this machine" : null;
  // in a container, a user may have a number and no name
  return stderr.startsWith(noUser) ? "ssh does not run for a user without a name" : null;
}

/**
 * Reads what `ssh -G` prints (ssh_config(5), one keyword and its value a line); `home` is what `~` stands for. Pure.
 */
export function parseConfig(text: string, agentSocket: string | undefined, home: string): EffectiveConfig {
  const expandHome = (path: string): string => path.replace(/^~(?=\/)/, home);
  const settings = new Map<string, string[]>();
  for (const line of text.split("\n")) {
    const space = line.indexOf(" ");
    const name = line.slice(0, space).toLowerCase();
    settings.set(name, [...(settings.get(name) ?? []), line.slice(space + 1)]);
  }
  const all = (name: string): string[] => settings.get(name) ?? [];
  const one = (name: string): string => all(name)[0] ?? "";
  const agent = one("identityagent").replace(/^\$(?=SSH_AUTH_SOCK$)/, "") || "SSH_AUTH_SOCK";
  const filesOf = (name: string): string[] =>
    all(name)
      .flatMap((each) => each.split(" "))
      .filter((file) => file !== "" && file !== "none")
      .map(expandHome);
  const [firstFile] = filesOf("userknownhostsfile");
  const files = [...filesOf("userknownhostsfile"), ...filesOf("globalknownhostsfile")];
  const careless = /^(?:no|false|off)$/i.test(one("stricthostkeychecking"));
  const acceptsNew = careless || /^accept-new$/i.test(one("stricthostkeychecking"));
  const { algorithms, missing } = algorithmsWithin(one);
  return {
    hostName: one("hostname"),
    port: Number(one("port") || 22),
    user: one("user"),
    identityFiles: all("identityfile").map(expandHome),
    identitiesOnly: isOn(one("identitiesonly")),
    agent: agent === "none" ? null : agent === "SSH_AUTH_SOCK" ? (agentSocket ?? null) : expandHome(agent),
    knownHostsFiles: files,
    hostKeyAlias: one("hostkeyalias") || null,
    careless,
    newKeys:
      acceptsNew && firstFile !== undefined ? { file: firstFile, hashed: isOn(one("hashknownhosts")) } : null,
    algorithms,
    minRsaBits: Number(one("requiredrsasize") || 1024),
    controlPath: one("controlpath").startsWith("/") ? one("controlpath") : null,
    needsOpenSsh: needsOpenSsh(all, files, missing),
    withoutSsh: null,
  };
}

function isOn(value: string): boolean {
  return /^(?:yes|true)$/i.test(value);
}
