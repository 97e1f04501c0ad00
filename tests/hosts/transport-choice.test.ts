import { spawn } from "node:child_process";
import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { expect, test } from "vitest";
import type { Connection, SshConnection } from "../../src/model/fleet.ts";
import type { Transport } from "../../src/remote/choose.ts";
import { openConnections } from "../../src/remote/connect.ts";
import { newKey, startAgent } from "../support/agent.ts";
import { watch } from "../support/children.ts";
import { useDaemons } from "../support/contract.ts";
import { makeHost } from "../support/fleet.ts";
import { addressOf, balancer, inventory, key, knownHosts } from "../support/hosts.ts";
import { lbctl, root, run } from "../support/lbctl.ts";
import { startRelay } from "../support/relay.ts";
import { certify, labConnection, otherHost, password, ports, sshHost } from "../support/sshd.ts";

const folder = mkdtempSync(join(tmpdir(), "lbctl-choice-"));

useDaemons();

let fresh = 0;

/** An ed25519 key that is no host's. */
const otherKey = "AAAAC3NzaC1lZDI1NTE5AAAAIJdD7y3aLq454yWBdwLWbieU1ebz9/cu7/QEXn9OIeZJ";

/** A connection that no earlier test has left open. */
function unused(over: Partial<SshConnection> = {}, options: readonly string[] = []): SshConnection {
  return labConnection(over, [...options, "-o", `SetEnv=FRESH_${String(process.pid)}_${String(fresh++)}=1`]);
}

/** Runs a script over a transport; says what it printed and how it was reached. */
async function reach(connection: Connection, transport: Transport = "auto") {
  const choices: string[] = [];
  const connections = openConnections(transport, {
    onChoice: ({ host, how, why }) => choices.push(`${host}: ${how}: ${why}`),
  });
  try {
    const remote = connections.to({ ...makeHost("h", "192.0.2.1"), connection });
    const { stdout } = await remote.run({ script: 'echo "in as $(id -un) by ${SSH_CONNECTION##* }"' });
    return { stdout, choices };
  } finally {
    await connections.close();
  }
}

function file(name: string, text: string, mode = 0o600): string {
  const path = join(folder, name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text, { mode });
  return path;
}

test("a new connection that needs nothing special is node-ssh's", async () => {
  const { stdout, choices } = await reach(unused());
  expect(stdout).toBe("in as root by 2200\n");
  expect(choices).toEqual(["h: node-ssh: faster than ssh for a new connection"]);
});

test("a connection that OpenSSH has left open is used", async () => {
  const connection = unused();
  await reach(connection, "openssh");
  expect((await reach(connection)).choices).toEqual(["h: OpenSSH: its last connection is still open"]);
});

test("a far host's connection is kept for the next command, in the background", async () => {
  const relay = await startRelay(addressOf(sshHost), ports.noisy, { delayMs: 10 });
  const connection = unused({ address: "127.0.0.1", port: relay.port });
  expect((await reach(connection)).choices[0]).toMatch(/^h: node-ssh/);
  let choice = "";
  for (let tries = 0; tries < 20 && !choice.includes("still open"); tries++) {
    await wait(250);
    choice = (await reach(connection)).choices[0] ?? "";
  }
  expect(choice).toBe("h: OpenSSH: its last connection is still open");
  relay.close();
});

test("a near host that is slow keeps none", async () => {
  const here = addressOf(sshHost).replace(/\d+$/, "1");
  const near = "h: node-ssh: faster than ssh for a new connection";
  // on a busy machine a handshake may take as long as from afar
  const choices: string[] = [];
  for (let turn = 0; turn < 5 && !choices.includes(`${near} ${near}`); turn++) {
    const relay = await startRelay(addressOf(sshHost), ports.noisy, { delayMs: 10, at: here });
    const connection = unused({ address: here, port: relay.port });
    const first = (await reach(connection)).choices.join();
    await wait(2000);
    choices.push(`${first} ${(await reach(connection)).choices.join()}`);
    relay.close();
  }
  expect(choices).toContain(`${near} ${near}`);
});

test("the operator's own open connection is used", async () => {
  const own = join(folder, "own");
  const config = ["-o", `ControlPath=${own}`];
  const connection = unused({}, config);
  const { address, port = 22, keyFile = "", sshArgs } = connection;
  const words = ["-p", String(port), "-l", "root", "-i", keyFile, ...sshArgs];
  const opened = await run("ssh", ["-M", "-f", "-N", "-o", "ControlPersist=20", ...words, "--", address]);
  expect(opened.code).toBe(0);
  expect((await reach(connection)).choices).toEqual(["h: OpenSSH: your own ssh connection is open"]);
  // one that may have been made with anybody is not
  const careless = { ...connection, sshArgs: ["-o", "StrictHostKeyChecking=no", ...sshArgs] };
  expect((await reach(careless)).choices).toEqual(["h: node-ssh: faster than ssh for a new connection"]);
  await run("ssh", ["-S", own, "-O", "exit", address]);
});

test("a jump host goes to OpenSSH; node-ssh alone says so", async () => {
  const config = file(
    "ssh_config",
    [
      `Host jump`,
      `  HostName ${addressOf(otherHost)}`,
      `  User root`,
      `  UserKnownHostsFile ${knownHosts}`,
      `  IdentityFile ${key}`,
    ].join("\n"),
  );
  const connection = unused({}, ["-F", config, "-J", "jump"]);
  const { stdout, choices } = await reach(connection);
  expect(stdout).toBe("in as root by 2200\n");
  expect(choices).toEqual(["h: OpenSSH: proxyjump jump"]);
  const alone = reach(unused({}, ["-F", config, "-J", "jump"]), "node-ssh");
  await expect(alone).rejects.toMatchObject({
    code: "invalid",
    message: 'h: the node-ssh transport cannot honour "proxyjump jump" of your ssh settings',
  });
});

test("what goes wrong at a jump host is told as its own", async () => {
  const others = file("others", readFileSync(knownHosts, "utf8").replace(/AAAA\S+/g, otherKey));
  const jump = (name: string, ...settings: string[]): string[] => [
    `Host ${name}`,
    ...[`HostName ${addressOf(otherHost)}`, "User root", "IdentitiesOnly yes", ...settings],
  ];
  const config = file(
    "jumps",
    [
      ...jump("closed", "Port 9"),
      ...jump("stranger", "User nobody", `IdentityFile ${key}`, `UserKnownHostsFile ${knownHosts}`),
      ...jump("unknown", `IdentityFile ${key}`, "UserKnownHostsFile none"),
      ...jump("changed", `IdentityFile ${key}`, `UserKnownHostsFile ${others}`, "StrictHostKeyChecking no"),
    ].join("\n"),
  );
  const failure = (name: string) => reach(unused({}, ["-F", config, "-J", name]), "openssh");
  await expect(failure("closed")).rejects.toThrow(/through its jump host or ProxyCommand: .*refused/);
  await expect(reach(unused({}, ["-F", config, "-J", "nobody@stranger"]))).rejects.toThrow(
    /the jump host of \S+ refused the login: nobody@/,
  );
  await expect(failure("unknown")).rejects.toThrow(/the host key of the jump host of \S+ is unknown/);
  await expect(failure("changed")).rejects.toThrow(/the host key of the jump host of \S+ is not the one/);
});

test("certificates of host and user go to OpenSSH; node-ssh alone says so", async () => {
  const keyFile = join(folder, "certified");
  copyFileSync(key, keyFile);
  chmodSync(keyFile, 0o600);
  const { authorityKey, certificate } = await certify(readFileSync(`${key}.pub`, "utf8"));
  const vouched = file("vouched", `@cert-authority * ${authorityKey}\n`);
  const byHost = unused({ port: ports.certificates }, ["-o", `UserKnownHostsFile=${vouched}`]);
  expect((await reach(byHost)).choices).toEqual(["h: OpenSSH: a host certificate"]);
  await expect(
    reach(unused({ port: ports.certificates }, ["-o", `UserKnownHostsFile=${vouched}`]), "node-ssh"),
  ).rejects.toThrow("cannot honour the @cert-authority that vouches for root@");

  file("certified-cert.pub", `${certificate}\n`);
  const byUser = { port: ports.certificates, keyFile };
  expect((await reach(unused(byUser))).choices).toEqual(["h: OpenSSH: a certificate"]);
  await expect(reach(unused(byUser), "node-ssh")).rejects.toThrow(
    /cannot honour the certificate \S+-cert\.pub/,
  );
});

test("a hardware key goes to OpenSSH; node-ssh alone names the way out", async () => {
  const field = (text: string): Buffer =>
    Buffer.concat([Buffer.from([0, 0, 0, text.length]), Buffer.from(text)]);
  const bytes = Buffer.concat([
    Buffer.from("openssh-key-v1\0"),
    ...["none", "none", ""].map(field),
    Buffer.from([0, 0, 0, 1]),
    field(`\0\0\0\x1ask-ssh-ed25519@openssh.com`),
  ]);
  const [begin = "", end = ""] = ["BEGIN", "END"].map((word) => `-----${word} OPENSSH PRIVATE KEY-----`);
  const keyFile = file("id_sk", `${begin}\n${bytes.toString("base64")}\n${end}\n`);
  const error: unknown = await reach(unused({ keyFile }), "node-ssh").catch((caught: unknown) => caught);
  expect(error).toMatchObject({
    code: "invalid",
    problems: [
      {
        what: `the node-ssh transport cannot honour the hardware key ${keyFile}`,
        hint: "Use --transport auto or openssh for this host.",
      },
    ],
  });
  // OpenSSH has no such device either, and says so
  await expect(reach(unused({ keyFile }))).rejects.toThrow(`refused the login with ${keyFile}`);
});

test("a key in the agent works, with a passphrase on its file and IdentitiesOnly", async () => {
  const agent = await startAgent(folder);
  try {
    for (const n of [1, 2, 3, 4]) await agent.add(await newKey(join(folder, `crowd_${String(n)}`)));
    await agent.add(key);
    const keyFile = join(folder, "locked");
    copyFileSync(key, keyFile);
    chmodSync(keyFile, 0o600);
    copyFileSync(`${key}.pub`, `${keyFile}.pub`);
    await run("ssh-keygen", ["-p", "-N", "secret", "-f", keyFile]);
    const withAgent = ["-o", `IdentityAgent=${agent.socket}`];
    for (const named of [keyFile, `${keyFile}.pub`]) {
      const locked = await reach(unused({ keyFile: named }, withAgent));
      expect(locked.choices).toEqual(["h: OpenSSH: IdentitiesOnly with a key in the agent"]);
    }
    const open = [...withAgent, "-o", "IdentitiesOnly=no"];
    expect((await reach(unused({ keyFile }, open))).choices[0]).toMatch(/^h: node-ssh/);
    // node-ssh tries the agent's keys in its order, and ssh the one first that is named
    const fewTries = await reach(unused({ keyFile, port: ports.fewTries }, open));
    expect(fewTries.choices).toEqual(["h: OpenSSH: node-ssh could not log in"]);
  } finally {
    agent.stop();
  }
});

test("without ssh on this machine, -v says so and everything works", async () => {
  const bare = mkdtempSync(join(tmpdir(), "lbctl-path-"));
  const env = { PATH: bare, XDG_RUNTIME_DIR: bare };
  const found = await lbctl(["-v", "plan", "-i", inventory, "-l", balancer, "--json"], { env });
  expect(found.stderr).toContain(`${balancer}: over node-ssh (there is no ssh on this machine)\n`);
  expect(found.code).toBe(0);
  expect(JSON.parse(found.stdout)).toHaveProperty("format_version");
  const jump = ["-e", "ansible_ssh_extra_args='-J bastion'"];
  const refused = await lbctl(["plan", "-i", inventory, "-l", balancer, ...jump], { env });
  expect(refused.code).toBe(3);
  expect(refused.stderr).toContain('cannot honour "proxyjump bastion"');
});

test("plan says the same over each transport", async () => {
  const plans = await Promise.all(
    ["auto", "openssh", "node-ssh"].map((transport) =>
      lbctl(["plan", "-i", inventory, "--json", "--transport", transport]),
    ),
  );
  expect(plans.map(({ code }) => code)).toEqual([0, 0, 0]);
  expect(new Set(plans.map(({ stdout }) => stdout)).size).toBe(1);
});

test("--ask-become-pass asks once, shows nothing of what is typed, and needs a terminal", async () => {
  const hosts = file(
    "become/hosts.yml",
    [
      "haproxy:",
      "  hosts:",
      ...["a", "b"].map((name) => `    ${name}: { ansible_host: ${addressOf(sshHost)} }`),
      "  vars:",
      `    ansible_port: ${String(ports.noisy)}`,
      "    ansible_user: sudoer",
      "    ansible_become: true",
      `    ansible_private_key_file: ${key}`,
      `    ansible_ssh_common_args: -o UserKnownHostsFile=${knownHosts} -o HostKeyAlias=${addressOf(sshHost)}`,
      "backend_api_instances: { hosts: { c: { ansible_host: 192.0.2.1 } } }",
      "stream_server_instances: { hosts: { d: { ansible_host: 192.0.2.2 } } }",
    ].join("\n"),
  );
  const words = ["plan", "-i", hosts, "--ask-become-pass"];
  const without = await lbctl(words);
  expect(without.code).toBe(3);
  expect(without.stderr).toContain("no terminal");

  const command = [process.execPath, join(root, "bin/lbctl.js"), ...words]
    .map((word) => `'${word}'`)
    .join(" ");
  const typed = (text: string): Promise<string> =>
    new Promise((resolve) => {
      const child = watch(
        spawn("script", ["-qefc", command, "/dev/null"], { env: { ...process.env, NO_COLOR: "1" } }),
      );
      let seen = "";
      child.stdout.on("data", (chunk: Buffer) => {
        if (!seen.includes("sudo password:") && chunk.includes("sudo password:"))
          child.stdin.write(`${text}\r`);
        seen += chunk.toString();
      });
      child.on("close", () => {
        resolve(seen);
      });
    });
  const right = await typed(password);
  expect(right).toContain("2 hosts to change");
  expect(right.split("sudo password:")).toHaveLength(2);
  expect(right).not.toContain(password);
  const wrong = await typed("wrong one");
  expect(wrong).toContain("sudo did not take the password");
  expect(wrong).not.toContain("wrong one");
});
