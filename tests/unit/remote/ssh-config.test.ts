import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { runProcess } from "../../../src/remote/process.ts";
import { askOnce, parseConfig as parse, type AskSsh } from "../../../src/remote/ssh-config.ts";
import { readConfigWithoutSsh } from "../../../src/remote/ssh-words.ts";

const parseConfig = (text: string, agent?: string, home = userInfo().homedir) => parse(text, agent, home);

const printed = (...extra: string[]) =>
  ["user deploy", "hostname 192.0.2.1", "port 2222", "identitiesonly no", "proxyjump none", ...extra].join(
    "\n",
  );

test("the effective configuration is read as ssh -G prints it", () => {
  const config = parseConfig(
    printed(
      "identityfile /k/a",
      "identityfile /k/b",
      "userknownhostsfile ~/a /b",
      "globalknownhostsfile /g",
      "stricthostkeychecking accept-new",
      "hashknownhosts yes",
      "controlpath /run/me",
      "requiredrsasize 2048",
    ),
    "/agent.sock",
    "/home/me",
  );
  expect(config).toMatchObject({
    hostName: "192.0.2.1",
    port: 2222,
    user: "deploy",
    identityFiles: ["/k/a", "/k/b"],
    identitiesOnly: false,
    agent: "/agent.sock",
    knownHostsFiles: ["/home/me/a", "/b", "/g"],
    hostKeyAlias: null,
    careless: false,
    newKeys: { file: "/home/me/a", hashed: true },
    controlPath: "/run/me",
    minRsaBits: 2048,
    needsOpenSsh: [],
    withoutSsh: null,
  });
});

test.each([
  "proxyjump bastion",
  "proxycommand nc %h %p",
  "certificatefile /k/cert",
  "pkcs11provider /lib/x.so",
  "knownhostscommand /bin/x",
  "revokedhostkeys /etc/revoked",
  "verifyhostkeydns true",
  "checkhostip yes",
  "canonicalizehostname always",
  "hostbasedauthentication yes",
  "bindaddress 192.0.2.9",
  "pubkeyauthentication no",
  "preferredauthentications gssapi-with-mic",
  "addressfamily inet6",
  "identityfile ~/.ssh/%h",
  "userknownhostsfile ~/with a space",
  "userknownhostsfile /of/${USER}",
  "kexalgorithms sntrup761x25519-sha512@openssh.com",
  "hostkeyalgorithms ssh-ed25519-cert-v01@openssh.com",
])("%s is left to OpenSSH", (setting) => {
  expect(parseConfig(printed(setting)).needsOpenSsh).toEqual([setting]);
});

test("what the configuration of this machine's ssh says by default needs no OpenSSH", () => {
  const { stdout } = spawnSync("ssh", ["-G", "-F", "none", "192.0.2.1"], { encoding: "utf8" });
  const config = parseConfig(stdout);
  expect(config.needsOpenSsh).toEqual([]);
  expect(config.algorithms.kex[0]).toBe("curve25519-sha256");
});

test("only algorithms that the configuration allows are offered", () => {
  const { algorithms } = parseConfig(
    printed("ciphers aes256-ctr,aes128-gcm@openssh.com", "hostkeyalgorithms rsa-sha2-512,ssh-ed25519"),
    undefined,
  );
  expect(algorithms.cipher).toEqual(["aes128-gcm@openssh.com", "aes256-ctr"]);
  expect(algorithms.serverHostKey).toEqual(["ssh-ed25519", "rsa-sha2-512"]);
});

test.each<[string, boolean, boolean, string?]>([
  ["stricthostkeychecking true", false, false],
  ["stricthostkeychecking ask", false, false],
  ["stricthostkeychecking accept-new", false, true],
  ["stricthostkeychecking Accept-New", false, true],
  ["stricthostkeychecking false", true, true],
  ["stricthostkeychecking off", true, true],
  ["stricthostkeychecking accept-new", false, false, "none"],
])("%j: careless %s, takes new keys %s", (setting, careless, takesNew, file = "/a") => {
  const config = parseConfig(printed(setting, `userknownhostsfile ${file}`));
  expect([config.careless, config.newKeys !== null]).toEqual([careless, takesNew]);
});

test("IdentityAgent none means no agent", () => {
  expect(parseConfig(printed("identityagent none"), "/agent.sock").agent).toBeNull();
});

const folder = mkdtempSync(join(tmpdir(), "lbctl-config-"));
const userConfig = join(folder, "config");
mkdirSync(join(folder, "parts"));
writeFileSync(join(folder, "parts/a.conf"), "Port 2201\nHost other\n  HostKeyAlias wrong\n");
writeFileSync(join(folder, "parts/b.conf"), "HostKeyAlias part\n");
writeFileSync(join(folder, "parts/c.off"), "ProxyJump nowhere\n");
writeFileSync(
  userConfig,
  [
    "# mine",
    "Host lb-*  !lb-9",
    "  HostName %h.example.net",
    "  User = deploy # who does it",
    '  IdentityFile "/keys/the lab"',
    `  Include ${folder}/parts/*.conf`,
    "Host *",
    "  User other",
    "  Port 2200",
    '  StrictHostKeyChecking "accept-new" # once',
    "Host LB-1",
    "  HostKeyAlias wrong",
  ].join("\n"),
);

test.each([
  ["lb-1", ["-F", userConfig]],
  ["lb-9", ["-F", userConfig, "-o", "Port=22", "-oUser=me", "-i", userConfig]],
  ["192.0.2.7", ["-F", "none", "-o", "UserKnownHostsFile /a /b", "-J", "bastion", "-T", "-p", "44"]],
])("without ssh, the settings of %s are read as ssh does", async (address, sshArgs) => {
  const connection = { kind: "ssh" as const, address, sshArgs, become: false };
  const read = parseConfig(await readConfigWithoutSsh("h", connection), undefined);
  const { stdout } = spawnSync("ssh", [...sshArgs, "-G", "--", address], { encoding: "utf8" });
  const asked = parseConfig(stdout);
  for (const key of [
    "hostName",
    "port",
    "user",
    "knownHostsFiles",
    "needsOpenSsh",
    "careless",
    "newKeys",
    "hostKeyAlias",
  ] as const) {
    expect([key, read[key]]).toEqual([key, asked[key]]);
  }
  const ofSsh = asked.identityFiles.filter((file) => !/_sk$|_xmss$|_dsa$/.test(file));
  expect(read.identityFiles).toEqual(ofSsh);
});

test("without ssh, the user is who runs lbctl", async () => {
  const connection = { kind: "ssh" as const, address: "h", sshArgs: ["-F", "none"], become: false };
  expect(parseConfig(await readConfigWithoutSsh("h", connection)).user).toBe(userInfo().username);
});

test.each([
  [["-W", "a:1"], "-W"],
  [["-F", join(folder, "match")], `match in ${join(folder, "match")}:2`],
])("without ssh, %j is refused by name", async (sshArgs, expected) => {
  writeFileSync(join(folder, "match"), "User x\nMatch host h\n  Port 2\n");
  const connection = { kind: "ssh" as const, address: "h", sshArgs, become: false };
  await expect(readConfigWithoutSsh("lb-1", connection)).rejects.toThrow(`cannot honour ${expected}`);
});

const shared = join(folder, "shared");
writeFileSync(shared, "Host web*\n  User deploy\nHost far\n  HostName %h.example.net\nHost *\n  Port 2200\n");
writeFileSync(join(folder, "matching"), 'Match exec "true"\n  User deploy\n');

test.each([
  ["-F", shared, ["web1", "webTWO", "web3"], 1],
  ["-F", shared, ["web1", "db1", "far", "WEB2", "db2"], 5],
  ["-F", join(folder, "matching"), ["a", "b"], 2],
  ["-F", "none", ["a", "b"], 1],
])("%s %s: one ssh -G tells of hosts alike", async (flag, file, addresses, asked) => {
  const calls: string[] = [];
  const each: AskSsh = (connection) => {
    calls.push(connection.address);
    return runProcess("ssh", [...connection.sshArgs, "-G", "--", connection.address]);
  };
  const once = askOnce(each);
  for (const address of addresses) {
    const connection = { kind: "ssh" as const, address, sshArgs: [flag, file], become: false };
    const own = await runProcess("ssh", [flag, file, "-G", "--", address]);
    expect(parseConfig((await once(connection)).stdout)).toEqual(parseConfig(own.stdout));
  }
  expect(calls).toHaveLength(asked);
});
