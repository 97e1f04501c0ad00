import { homedir } from "node:os";
import { LbctlError } from "../errors.ts";
import type { SshConnection } from "../model/fleet.ts";
import { algorithmsWithin, type Algorithms } from "./algorithms.ts";
import { connectionArguments } from "./openssh.ts";
import { runProcess, type ProcessResult } from "./process.ts";
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
  /** StrictHostKeyChecking is `no`: ssh would go on with a key that has changed. */
  readonly careless: boolean;
  /** What the configuration allows and node-ssh has. */
  readonly algorithms: Algorithms;
  readonly minRsaBits: number;
  /** The operator's own ControlPath, or null. */
  readonly controlPath: string | null;
  /** Settings that only OpenSSH can honour, as it prints them. */
  readonly needsOpenSsh: readonly string[];
  /** There is an OpenSSH client on this machine. */
  readonly hasOpenSsh: boolean;
}

/** Asks OpenSSH for its settings of a host. */
export type AskSsh = (connection: SshConnection) => Promise<ProcessResult>;

const askEach: AskSsh = (connection) =>
  runProcess("ssh", [...connectionArguments(connection), "-G", "--", connection.address], {
    timeoutMs: 10_000,
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
  const settings = await readWrittenSettings(connection).catch(() => null);
  const byAddress = (value: string): boolean => /[%$]/.test(value);
  if (!settings || settings.some(([name, value]) => addressed.test(name) || byAddress(value))) return null;
  return JSON.stringify(settings);
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
  if (result.exitCode === 0) return parseConfig(result.stdout, process.env.SSH_AUTH_SOCK);
  if (result.exitCode === null && (result.cause ?? "").includes("ENOENT")) {
    const text = await readConfigWithoutSsh(host, connection);
    return { ...parseConfig(text, process.env.SSH_AUTH_SOCK), hasOpenSsh: false };
  }
  throw new LbctlError("invalid", {
    what: `ssh does not accept the settings of this host: ${result.stderr.trim().split("\n").at(-1) ?? ""}`,
    at: host,
    hint: "Check ansible_ssh_common_args and your ssh configuration.",
  });
}

/** Reads what `ssh -G` prints (ssh_config(5), one keyword and its value a line). Pure. */
export function parseConfig(text: string, agentSocket: string | undefined): EffectiveConfig {
  const settings = new Map<string, string[]>();
  for (const line of text.split("\n")) {
    const space = line.indexOf(" ");
    const name = line.slice(0, space).toLowerCase();
    settings.set(name, [...(settings.get(name) ?? []), line.slice(space + 1)]);
  }
  const all = (name: string): string[] => settings.get(name) ?? [];
  const one = (name: string): string => all(name)[0] ?? "";
  const agent = one("identityagent").replace(/^\$(?=SSH_AUTH_SOCK$)/, "") || "SSH_AUTH_SOCK";
  const files = [...all("userknownhostsfile"), ...all("globalknownhostsfile")]
    .flatMap((each) => each.split(" "))
    .filter((file) => !/^(?:|none|\/dev\/null)$/.test(file))
    .map(expandHome);
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
    careless: /^(?:no|false|off)$/.test(one("stricthostkeychecking")),
    algorithms,
    minRsaBits: Number(one("requiredrsasize") || 1024),
    controlPath: one("controlpath").startsWith("/") ? one("controlpath") : null,
    needsOpenSsh: needsOpenSsh(all, files, missing),
    hasOpenSsh: true,
  };
}

function needsOpenSsh(
  all: (name: string) => string[],
  knownHostsFiles: readonly string[],
  missing: readonly string[],
): string[] {
  const written = (name: string, matters: (value: string) => boolean): string[] =>
    all(name)
      .filter(matters)
      .map((value) => `${name} ${value}`);
  return [
    ...unlessOff.flatMap((name) => written(name, (value) => !isOff(value))),
    ...written("pubkeyauthentication", isOff),
    ...written("preferredauthentications", (value) => !value.split(",").includes("publickey")),
    ...written("addressfamily", (value) => value !== "any"),
    ...written("sessiontype", (value) => value !== "default"),
    ...written("identityfile", (value) => /[%$]/.test(value)),
    ...written("identityagent", (value) => /[%$]/.test(value.replace("$SSH_AUTH_SOCK", ""))),
    ...(knownHostsFiles.every(isPlainPath) ? [] : written("userknownhostsfile", () => true)),
    ...missing.flatMap((name) => written(name, () => true)),
  ];
}

/** Settings that node-ssh does not have; off, they are none. */
const unlessOff = [
  "proxyjump",
  "proxycommand",
  "certificatefile",
  "pkcs11provider",
  "knownhostscommand",
  "revokedhostkeys",
  "verifyhostkeydns",
  "checkhostip",
  "canonicalizehostname",
  "hostbasedauthentication",
  "bindaddress",
  "bindinterface",
  "remotecommand",
  "localcommand",
];

function isOff(value: string): boolean {
  return /^(?:none|no|false)$/.test(value);
}

function isOn(value: string): boolean {
  return /^(?:yes|true)$/.test(value);
}

/** ssh prints paths with spaces, and with its own %-words, as they were written. */
function isPlainPath(path: string): boolean {
  return path.startsWith("/") && !/["%]/.test(path);
}

function expandHome(path: string): string {
  return path.replace(/^~(?=\/)/, homedir());
}
