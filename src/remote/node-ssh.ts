import { randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import { connect as connectSocket, type Socket } from "node:net";
import { Readable } from "node:stream";
import { NodeSSH } from "node-ssh";
import { LbctlError, type Problem } from "../errors.ts";
import type { Connection } from "../model/fleet.ts";
import { frame, Unframer } from "./frame.ts";
import { idleSignal } from "./idle.ts";
import { hostKeyAlgorithms, judgeKey, unknownKey } from "./host-key.ts";
import { findKnownKeys, knownHostsName } from "./known-hosts.ts";
import type { Remote, RemoteResult, RemoteScript } from "./port.ts";
import { effectiveConfig, type EffectiveConfig } from "./ssh-config.ts";

interface LoginMethod {
  readonly type: "publickey" | "agent";
  readonly username: string;
  readonly key?: Buffer;
  readonly agent?: string;
}

/**
 * A host reached in this process, without an ssh client for the connection itself. It reads the OpenSSH
 * configuration and refuses what it cannot honour; a host key must be known, whatever StrictHostKeyChecking says.
 */
export function nodeSsh(host: string, connection: Connection): Remote {
  let opened: Promise<NodeSSH> | undefined;
  return {
    host,
    async run(request) {
      opened ??= open(host, connection);
      return runOver(await opened, host, connection, request);
    },
    async close() {
      const ssh = await opened?.catch(() => undefined);
      ssh?.dispose();
    },
  };
}

async function open(host: string, connection: Connection): Promise<NodeSSH> {
  const config = await effectiveConfig(host, connection);
  const [needed] = config.needsOpenSsh;
  if (needed !== undefined) {
    throw new LbctlError("invalid", {
      what: `the node-ssh transport cannot honour "${needed}" of your ssh configuration`,
      at: host,
      hint: "Use --transport openssh for this host.",
    });
  }
  const socket = await dial(config).catch((error: unknown) => {
    throw unreachable(host, explain(error, config));
  });
  return login(host, config, socket).catch((error: unknown) => {
    socket.destroy();
    throw error;
  });
}

async function login(host: string, config: EffectiveConfig, socket: Socket): Promise<NodeSSH> {
  const name = knownHostsName(config.hostName, config.port);
  const known = await findKnownKeys(name, config.knownHostsFiles);
  if (known.trusted.size === 0) throw unreachable(host, unknownKey(name));
  const keys = await privateKeys(config);
  const ssh = new NodeSSH();
  let refused: Problem | undefined;
  try {
    await ssh.connect({
      sock: socket,
      username: config.user,
      readyTimeout: 15_000,
      keepaliveInterval: 5000,
      keepaliveCountMax: 3,
      algorithms: { serverHostKey: { append: [], prepend: hostKeyAlgorithms(known.types), remove: [] } },
      hostVerifier: (key: Buffer) => {
        refused = judgeKey(key.toString("base64"), known, name);
        return refused === undefined;
      },
      authHandler: loginMethods(config, keys),
    });
  } catch (error) {
    throw unreachable(host, refused ?? explain(error, config));
  }
  // A keepalive that times out is an error event, and one that nobody hears ends the process.
  ssh.connection?.on("error", () => undefined);
  return ssh;
}

/** Without TCP_NODELAY each command would wait 40 ms for the other side's delayed acknowledgement. */
function dial(config: EffectiveConfig): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connectSocket({
      host: config.hostName,
      port: config.port,
      noDelay: true,
      timeout: 10_000,
    });
    socket.once("connect", () => {
      socket.setTimeout(0);
      resolve(socket);
    });
    socket.once("timeout", () => {
      socket.destroy(new Error("the connection timed out"));
    });
    socket.once("error", reject);
  });
}

async function runOver(
  ssh: NodeSSH,
  host: string,
  connection: Connection,
  request: RemoteScript,
): Promise<RemoteResult> {
  const nonce = randomBytes(12).toString("hex");
  const unframer = new Unframer(nonce, request.onLine);
  const { command, input } = frame(nonce, request, connection.become);
  const idle = idleSignal(request.idleTimeoutMs ?? 60_000);
  const lines = new LineSplitter((line) => {
    unframer.take(line);
  });
  const running = ssh.execCommand(command, {
    stdin: Readable.from([Buffer.from(input)], { objectMode: false }),
    noTrim: true,
    onStdout: (chunk) => {
      idle.touch();
      lines.take(chunk);
    },
    onStderr: idle.touch,
  });
  const stop = stopped(ssh, idle.signal, request.signal);
  const stderr = await Promise.race([running.then((result) => result.stderr, String), stop]);
  idle.stop();
  if (request.signal?.aborted) throw new LbctlError("interrupted", { what: "interrupted", at: host });
  if (unframer.status !== undefined) return { status: unframer.status, stdout: unframer.output, stderr };
  ssh.dispose();
  throw unreachable(host, lost(stderr.trim(), unframer.began, idle.expired()));
}

/** Resolves, with nothing to say, when there is no more to wait for: a lost link sends no end of the command. */
function stopped(ssh: NodeSSH, ...signals: (AbortSignal | undefined)[]): Promise<string> {
  return new Promise((resolve) => {
    const end = (): void => {
      resolve("");
    };
    ssh.connection?.once("close", end);
    for (const signal of signals) {
      signal?.addEventListener("abort", end);
      if (signal?.aborted) end();
    }
  });
}

/** Makes lines of chunks that may end anywhere, in the middle of a character too. */
class LineSplitter {
  private rest = "";
  private readonly decoder = new TextDecoder();
  private readonly onLine: (line: string) => void;

  constructor(onLine: (line: string) => void) {
    this.onLine = onLine;
  }

  take(chunk: Uint8Array): void {
    const lines = (this.rest + this.decoder.decode(chunk, { stream: true })).split("\n");
    this.rest = lines.pop() ?? "";
    for (const line of lines) this.onLine(line);
  }
}

function lost(said: string, began: boolean, idle: boolean): Problem {
  if (/a password is required|sudo:/.test(said)) {
    return {
      what: `sudo: ${said.split("\n").at(-1) ?? ""}`,
      hint: "Allow the user to run sudo without a password, or log in as root.",
    };
  }
  if (idle) return { what: "the host stopped answering", hint: "Check the network, then run it again." };
  return {
    what: `the connection was lost${began ? " while a script ran" : ""}${said === "" ? "" : ` (${said})`}`,
    hint: "Run it again: lbctl looks first at what is there.",
  };
}

function unreachable(host: string, problem: Problem): LbctlError {
  return new LbctlError("unreachable", { at: host, ...problem });
}

/** Keys of the configuration first, then the agent's unless IdentitiesOnly says otherwise. */
function loginMethods(config: EffectiveConfig, keys: readonly Buffer[]): LoginMethod[] {
  const username = config.user;
  const fromFiles = keys.map((key): LoginMethod => ({ type: "publickey", username, key }));
  const { agent } = config;
  return agent === null || config.identitiesOnly
    ? fromFiles
    : [...fromFiles, { type: "agent", username, agent }];
}

async function privateKeys(config: EffectiveConfig): Promise<Buffer[]> {
  const files = await Promise.all(config.identityFiles.map((file) => readFile(file).catch(() => undefined)));
  return files.filter((file): file is Buffer<ArrayBuffer> => file !== undefined);
}

function explain(error: unknown, config: EffectiveConfig): Problem {
  const message = error instanceof Error ? error.message : String(error);
  const target = `${config.user}@${config.hostName}:${String(config.port)}`;
  if (/authentication methods failed/i.test(message)) {
    return {
      what: `${target} refused the login`,
      hint: "Check ansible_user and ansible_ssh_private_key_file, or load the key into your agent (ssh-add).",
    };
  }
  if (/passphrase|Encrypted/i.test(message)) {
    return {
      what: `a private key has a passphrase: ${message}`,
      hint: "Load it into your agent with ssh-add.",
    };
  }
  return {
    what: `${target} cannot be reached: ${message}`,
    hint: "Check ansible_host and ansible_port, and that sshd runs there.",
  };
}
