import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { SshConnection } from "../../src/model/fleet.ts";
import { openConnections } from "../../src/remote/connect.ts";
import { promises, useDaemons } from "../support/contract.ts";
import { makeHost } from "../support/fleet.ts";
import { addressOf, key } from "../support/hosts.ts";
import { run as runProgram } from "../support/lbctl.ts";
import { startRelay, type Relay } from "../support/relay.ts";
import { certify, labConnection, ports, sshHost } from "../support/sshd.ts";

useDaemons();

/** Public keys as in a known_hosts file: type and base64. */
const keys = {
  own: "",
  ecdsa: "",
  rsa: "",
  authority: "",
  other: "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJdD7y3aLq454yWBdwLWbieU1ebz9/cu7/QEXn9OIeZJ",
};
let relay: Relay;

beforeAll(async () => {
  const scan = await runProgram("ssh-keyscan", ["-p", String(ports.threeKeys), addressOf(sshHost)]);
  const ofType = (type: string) => new RegExp(` (${type} \\S+)`).exec(scan.stdout)?.[1] ?? "";
  const [own, ecdsa, rsa] = ["ssh-ed25519", "ecdsa-sha2-nistp256", "ssh-rsa"].map(ofType);
  const { authorityKey } = await certify(readFileSync(`${key}.pub`, "utf8"));
  Object.assign(keys, { own, ecdsa, rsa, authority: authorityKey.split(" ").slice(0, 2).join(" ") });
  writeFileSync(revokedList, `${keys.own}\n`);
  relay = await startRelay(addressOf(sshHost), ports.noisy);
});
afterAll(() => {
  relay.close();
});

const folder = mkdtempSync(join(tmpdir(), "lbctl-host-keys-"));
const revokedList = join(folder, "revoked");
let files = 0;

/** A file with these lines; in them NAME is the host with its port, HOST without. */
function knownHosts(lines: readonly string[], address: string, port: number): string {
  const file = join(folder, `known_hosts_${String(files++)}`);
  const text = lines.map((line) => `${line}\n`).join("");
  writeFileSync(file, text.replaceAll("NAME", `[${address}]:${String(port)}`).replaceAll("HOST", address));
  return file;
}

/** Options of ssh_config, the first of a name in effect. */
function connectionWith(file: string, options: readonly string[], address: string, port: number) {
  const ours = [
    `UserKnownHostsFile=${file}`,
    "GlobalKnownHostsFile=none",
    "HashKnownHosts=no",
    "IdentitiesOnly=yes",
  ];
  const name = `[${address}]:${String(port)}`;
  const sshArgs = [...options, ...ours].flatMap((option) => [
    "-o",
    option.replace("NAME OWN", `${name} ${keys.own}`),
  ]);
  return { ...labConnection({ address, port }), sshArgs } satisfies SshConnection;
}

interface Case {
  readonly port?: keyof typeof ports | "relay";
  readonly lines?: () => string[];
  readonly options?: readonly string[];
  /** `in`, or what the refusal says. */
  readonly outcome: "in" | RegExp;
  /** The lines that known_hosts has more than before. */
  readonly written?: () => RegExp;
  /** Only OpenSSH can say: node-ssh names this as what it cannot honour. */
  readonly onlyOpenSsh?: RegExp;
}

const unknown = /host key .* is unknown/;
const changed = /not the one that is known/;
const revoked = /is revoked/;
const acceptNew = "StrictHostKeyChecking=accept-new";
const no = "StrictHostKeyChecking=no";
const escaped = (text: string): string => text.replace(/[.*+?^${}()|[\]\\/]/g, "\\$&");
const plainly = (): RegExp => new RegExp(`^\\[[\\d.]+\\]:\\d+ ${escaped(keys.own)}\n$`);
const hashed = (): RegExp => new RegExp(`^\\|1\\|[^ ]{28}\\|[^ ]{28} ${escaped(keys.own)}\n$`);

const cases: Readonly<Record<string, Case>> = {
  "a known key": { lines: () => [`NAME ${keys.own}`], outcome: "in" },
  "a known key of the host without its port": { lines: () => [`HOST ${keys.own}`], outcome: "in" },
  "a known key among patterns": { lines: () => [`!x,[*]:22?? ${keys.own}`], outcome: "in" },
  "a key known by an alias": {
    lines: () => [`lb ${keys.own}`],
    options: ["HostKeyAlias=LB"],
    outcome: "in",
  },
  "an alias that is not known, though the address is": {
    lines: () => [`NAME,HOST ${keys.own}`],
    options: ["HostKeyAlias=lb"],
    outcome: unknown,
  },
  "the known one of three keys": { port: "threeKeys", lines: () => [`NAME ${keys.rsa}`], outcome: "in" },
  "a key that is too short": {
    port: "threeKeys",
    lines: () => [`NAME ${keys.rsa}`],
    options: ["RequiredRSASize=8192", "HostKeyAlgorithms=rsa-sha2-512"],
    outcome: /shorter than RequiredRSASize/,
  },
  "an unknown key": { outcome: unknown },
  "an unknown key, when ssh would ask": { options: ["StrictHostKeyChecking=ask"], outcome: unknown },
  "an unknown key on loopback, which ssh was told to trust": {
    port: "relay",
    options: ["NoHostAuthenticationForLocalhost=yes"],
    outcome: unknown,
  },
  "an unknown key with accept-new": { options: [acceptNew], outcome: "in", written: plainly },
  "an unknown key with accept-new, names hashed": {
    options: [acceptNew, "HashKnownHosts=yes"],
    outcome: "in",
    written: hashed,
  },
  "an unknown key with accept-new and no file for it": {
    options: [acceptNew, "UserKnownHostsFile=none"],
    outcome: unknown,
  },
  "an unknown key with accept-new and a file that keeps nothing": {
    options: [acceptNew, "UserKnownHostsFile=/dev/null"],
    outcome: "in",
  },
  "an unknown key with `no`": { options: [no], outcome: "in", written: plainly },
  "an unknown key with `off`": { options: ["StrictHostKeyChecking=off"], outcome: "in", written: plainly },
  "an unknown key where a broken line stands": {
    lines: () => [`NAME ssh-rsa ${keys.other.split(" ")[1] ?? ""}`, `NAME ${keys.other}=`, "NAME 1024 35 12"],
    options: [acceptNew],
    outcome: "in",
    written: plainly,
  },
  "a changed key": { lines: () => ["# mine", `NAME ${keys.other}`], outcome: /\(\S+known_hosts_\d+:2\)/ },
  "a changed key with accept-new": {
    lines: () => [`NAME ${keys.other}`],
    options: [acceptNew],
    outcome: changed,
  },
  "a changed key with `no`": { lines: () => [`NAME ${keys.other}`], options: [no], outcome: changed },
  "a key of another type than the known one": { lines: () => [`NAME ${keys.ecdsa}`], outcome: changed },
  "a key of another type than the known one, with accept-new": {
    lines: () => [`NAME ${keys.ecdsa}`],
    options: [acceptNew],
    outcome: changed,
  },
  "another key known of the host without its port": { lines: () => [`HOST ${keys.other}`], outcome: unknown },
  "another key known of the host without its port, with accept-new": {
    lines: () => [`HOST ${keys.other}`],
    options: [acceptNew],
    outcome: "in",
    written: plainly,
  },
  "a revoked key": { lines: () => [`NAME ${keys.own}`, `@revoked * ${keys.own}`], outcome: revoked },
  "a revoked key with accept-new": {
    lines: () => [`@revoked NAME ${keys.own}`],
    options: [acceptNew],
    outcome: revoked,
  },
  "a revoked key with `no`": { lines: () => [`@revoked * ${keys.own}`], options: [no], outcome: revoked },
  "a key revoked for the host without its port": {
    lines: () => [`@revoked HOST ${keys.own}`],
    outcome: revoked,
  },
  "a key revoked for the host without its port, known with it": {
    lines: () => [`@revoked HOST ${keys.own}`, `NAME ${keys.own}`],
    outcome: "in",
  },
  "another key revoked": {
    lines: () => [`@revoked * ${keys.other}`, `NAME ${keys.own}`],
    outcome: "in",
  },
  "a certificate and nothing known of its authority": {
    port: "certificates",
    lines: () => [`NAME ${keys.own}`],
    outcome: "in",
  },
  "a certificate of a revoked authority": {
    port: "certificates",
    lines: () => [`@revoked * ${keys.authority}`, `NAME ${keys.own}`],
    outcome: revoked,
    onlyOpenSsh: /the host certificate of \S+ beside revoked keys/,
  },
  "a certificate of a revoked authority, with accept-new": {
    port: "certificates",
    lines: () => [`@revoked * ${keys.authority}`],
    options: [acceptNew],
    outcome: revoked,
    onlyOpenSsh: /the host certificate of \S+ beside revoked keys/,
  },
  "a certificate of a known authority": {
    port: "certificates",
    lines: () => [`@cert-authority * ${keys.authority}`],
    outcome: "in",
    onlyOpenSsh: /the @cert-authority that vouches for/,
  },
  "a plain key where an authority is known, with accept-new": {
    lines: () => [`@cert-authority * ${keys.authority}`],
    options: [acceptNew],
    outcome: "in",
    written: plainly,
    onlyOpenSsh: /the @cert-authority that vouches for/,
  },
  "a key that a command knows": {
    options: ["KnownHostsCommand=/bin/echo NAME OWN"],
    outcome: "in",
    onlyOpenSsh: /knownhostscommand/,
  },
  "a key that DNS may know": {
    lines: () => [`NAME ${keys.own}`],
    options: ["VerifyHostKeyDNS=yes"],
    outcome: "in",
    onlyOpenSsh: /verifyhostkeydns/,
  },
  "a key in a list of revoked ones": {
    lines: () => [`NAME ${keys.own}`],
    options: [no, `RevokedHostKeys=${revokedList}`],
    outcome: revoked,
    onlyOpenSsh: /revokedhostkeys/,
  },
  "a list of revoked keys that is not there": {
    lines: () => [`NAME ${keys.own}`],
    options: ["RevokedHostKeys=/nowhere"],
    outcome: /cannot be looked up: .* \/nowhere/,
    onlyOpenSsh: /revokedhostkeys/,
  },
};

promises("host keys", ({ transport, open, run, failure }) => {
  test.each(Object.entries(cases))("%s", async (_, { port = "noisy", outcome, onlyOpenSsh, ...given }) => {
    const to = port === "relay" ? "127.0.0.1" : addressOf(sshHost);
    const number = port === "relay" ? relay.port : ports[port];
    const file = knownHosts(given.lines?.() ?? [], to, number);
    const before = readFileSync(file, "utf8");
    const connection = connectionWith(file, given.options ?? [], to, number);
    if (onlyOpenSsh && transport === "node-ssh") {
      const error = await failure(connection);
      expect(error.code).toBe("invalid");
      expect(error.message).toContain("the node-ssh transport cannot honour");
      expect(error.message).toMatch(onlyOpenSsh);
    } else if (outcome === "in") {
      expect((await run({ script: "echo in" }, connection)).stdout).toBe("in\n");
    } else {
      const error = await failure(connection);
      expect(error.code).toBe("unreachable");
      expect(error.message).toMatch(outcome);
    }
    const { written } = given;
    const text = readFileSync(file, "utf8");
    expect(text.startsWith(before)).toBe(true);
    if (!written || (onlyOpenSsh && transport === "node-ssh")) expect(text).toBe(before);
    else expect(text.slice(before.length)).toMatch(written());
  });

  test("a key that was new is known to the next connection, and another one then refused", async () => {
    const port = ports.noisy;
    const file = knownHosts([], addressOf(sshHost), port);
    const first = ["HashKnownHosts=yes", acceptNew];
    await run({ script: "true" }, connectionWith(file, first, addressOf(sshHost), port));
    const strict = ["StrictHostKeyChecking=yes"];
    await run({ script: "true" }, connectionWith(file, strict, addressOf(sshHost), port));
    writeFileSync(file, readFileSync(file, "utf8").replace(keys.own, keys.other));
    const error = await failure(connectionWith(file, ["ConnectTimeout=9", no], addressOf(sshHost), port));
    expect(error.message).toMatch(changed);
  });

  test("a connection that is made anew is verified anew, though ssh was told not to", async () => {
    const port = ports.noisy;
    const file = knownHosts([`NAME ${keys.own}`], addressOf(sshHost), port);
    const remote = open(connectionWith(file, [no, "ConnectTimeout=8"], addressOf(sshHost), port));
    await remote.run({ script: "(sleep 0.3; kill -9 $PPID) >/dev/null 2>&1 &" });
    await wait(800);
    writeFileSync(file, readFileSync(file, "utf8").replace(keys.own, keys.other));
    await expect(remote.run({ script: "true" })).rejects.toThrow(changed);
  });
});

test("an open connection that goes away is verified anew, though ssh was told not to", async () => {
  const port = ports.noisy;
  const file = knownHosts([`NAME ${keys.own}`], addressOf(sshHost), port);
  const connection = connectionWith(file, [no, "ConnectTimeout=7"], addressOf(sshHost), port);
  const choices: string[] = [];
  const host = { ...makeHost("target", "192.0.2.1"), connection };
  await openConnections("openssh").to(host).run({ script: "true" });
  const connections = openConnections("auto", { onChoice: ({ why }) => choices.push(why) });
  await connections.to(host).run({ script: "(sleep 0.3; kill -9 $PPID) >/dev/null 2>&1 &" });
  expect(choices).toEqual(["its last connection is still open"]);
  await wait(800);
  writeFileSync(file, readFileSync(file, "utf8").replace(keys.own, keys.other));
  await expect(connections.to(host).run({ script: "true" })).rejects.toThrow(changed);
  await connections.close();
});
