import { mkdirSync, readdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { SshConnection } from "../../src/model/fleet.ts";
import { addressOf, key, knownHosts } from "./hosts.ts";
import { incus, output } from "./lab.ts";
import { run } from "./lbctl.ts";

/** The host with the daemons below, and those that are entered by Incus and as jump host. */
export const sshHost = "test-api";
export const otherHost = "test-stream";

/** Several sshd in one container: what each is for. */
export const ports = {
  /** A banner, a noisy .bashrc, a German locale; users with and without sudo. */
  noisy: 2200,
  /** MaxSessions 1. */
  oneSession: 2201,
  /** MaxStartups 1. */
  oneStartup: 2202,
  /** /bin/sh is busybox. */
  busybox: 2203,
  /** Host and user certificates of one authority, `authorityKey`. */
  certificates: 2204,
  /** A second and a third host key, ecdsa and rsa. */
  threeKeys: 2205,
  /** MaxAuthTries 3. */
  fewTries: 2206,
  /** Runs something else than what it is told. */
  forced: 2207,
} as const;

/** Logs in to tcsh. */
export const cshUser = "cshell";

/** May use sudo with this password; `nopasswd` needs none, `mallory` may not, `wantstty` only with a terminal. */
export const password = "correct horse";
const users = ["sudoer", "nopasswd", "mallory", "wantstty", cshUser] as const;

/** As root on the host's noisy daemon, its host key known under the host's address. */
export function labConnection(
  over: Partial<SshConnection> = {},
  options: readonly string[] = [],
): SshConnection {
  return {
    kind: "ssh",
    address: addressOf(sshHost),
    port: ports.noisy,
    user: "root",
    keyFile: key,
    become: false,
    ...over,
    sshArgs: [
      ...options,
      ...["-o", `UserKnownHostsFile=${knownHosts}`, "-o", `HostKeyAlias=${addressOf(sshHost)}`],
      ...["-o", "IdentitiesOnly=yes"],
    ],
  };
}

const folder = "/run/lbctl-test";

/** What a daemon logs, on its host. */
export function logOf(name: string): string {
  return `${folder}/${name}.log`;
}

/** Starts them, with what the image lacks: sudo, busybox, tcsh, a German locale. */
export async function startDaemons(): Promise<void> {
  await installPackages();
  const common = `HostKey /etc/ssh/ssh_host_ed25519_key\nUsePAM no\nPermitRootLogin prohibit-password\n`;
  const configs: Record<keyof typeof ports, string> = {
    noisy: `Banner ${folder}/banner\nSetEnv LANG=de_DE.UTF-8 LC_ALL=de_DE.UTF-8\nMaxStartups 100\n`,
    oneSession: "MaxSessions 1\n",
    oneStartup: "MaxStartups 1\n",
    busybox: "",
    certificates: `HostCertificate ${folder}/host-cert.pub\nTrustedUserCAKeys ${folder}/ca.pub\n`,
    threeKeys: `LogLevel DEBUG1\nHostKey ${folder}/host_ecdsa\nHostKey ${folder}/host_rsa\n`,
    fewTries: "MaxAuthTries 3\n",
    forced: "ForceCommand echo only git here\n",
  };
  const lines = Object.entries(ports).flatMap(([name, port]) => {
    const file = `${folder}/${name}.conf`;
    const text = `Port ${String(port)}\nPidFile ${folder}/${name}.pid\n${common}${configs[name as keyof typeof ports]}`;
    const start =
      name === "busybox"
        ? `unshare -m sh -c 'mount --bind /bin/busybox /bin/dash && exec /usr/sbin/sshd -f ${file}'`
        : `/usr/sbin/sshd -f ${file} -E ${logOf(name)}`;
    return [`printf %b '${text.replaceAll("\n", "\\n")}' > ${file}`, start];
  });
  const script = [
    `set -e; mkdir -p ${folder} /run/sshd`,
    `[ -e ${folder}/ca ] || ssh-keygen -q -t ed25519 -N '' -f ${folder}/ca`,
    ...["ecdsa", "rsa"].map(
      (type) => `[ -e ${folder}/host_${type} ] || ssh-keygen -q -t ${type} -N '' -f ${folder}/host_${type}`,
    ),
    `cp /etc/ssh/ssh_host_ed25519_key.pub ${folder}/host.pub`,
    `ssh-keygen -q -s ${folder}/ca -I lab -h -n '${addressOf(sshHost)}' ${folder}/host.pub`,
    `printf 'Authorised use only.\\nlbctl begin\\n' > ${folder}/banner`,
    `echo 'echo noise from bashrc; echo noise >&2' > /root/.bashrc`,
    ...users.map(addUser),
    `usermod -s /bin/tcsh ${cshUser}; echo 'echo noise from cshrc' > /home/${cshUser}/.cshrc`,
    `echo 'sudoer:${password}' | chpasswd; echo 'mallory:${password}' | chpasswd; echo 'wantstty:${password}' | chpasswd`,
    `printf '%s\\n' 'Defaults lecture=always, timestamp_type=global' 'Defaults:wantstty requiretty' 'sudoer ALL=(ALL) ALL' 'wantstty ALL=(ALL) ALL' 'nopasswd ALL=(ALL) NOPASSWD: ALL' > /etc/sudoers.d/lbctl-test`,
    "chmod 0440 /etc/sudoers.d/lbctl-test",
    ...lines,
  ];
  await stopDaemons();
  await output(sshHost, script.join("\n"));
}

export async function stopDaemons(): Promise<void> {
  const pids = Object.keys(ports).map((name) => `${folder}/${name}.pid`);
  await output(
    sshHost,
    [
      `for f in ${pids.join(" ")}; do [ -e $f ] && kill $(cat $f); rm -f $f; done`,
      "rm -f /root/.bashrc /etc/sudoers.d/lbctl-test",
      ...users.map((user) => `userdel -rf ${user} 2>/dev/null`),
      ":",
    ].join("\n"),
  );
}

/** The authority's public key, and its certificate for root with this public key. */
export async function certify(publicKey: string): Promise<{ authorityKey: string; certificate: string }> {
  const file = `${folder}/user`;
  await output(
    sshHost,
    `echo '${publicKey.trim()}' > ${file}.pub; ssh-keygen -q -s ${folder}/ca -I me -n root ${file}.pub`,
  );
  return {
    authorityKey: await output(sshHost, `cat ${folder}/ca.pub`),
    certificate: await output(sshHost, `cat ${file}-cert.pub`),
  };
}

function addUser(user: string): string {
  const keys = `/home/${user}/.ssh`;
  return [
    `useradd -m -s /bin/bash ${user}; usermod -p '*' ${user}`,
    `mkdir -p ${keys}; cp /root/.ssh/authorized_keys ${keys}/; chown -R ${user}: ${keys}`,
    `cp /root/.bashrc /home/${user}/.bashrc`,
  ].join("\n");
}

/** What the image does not have, of this machine's own archive: once for each container. */
async function installPackages(): Promise<void> {
  const have =
    "command -v sudo >/dev/null && command -v busybox >/dev/null && command -v tcsh >/dev/null && locale -a | grep -q de_DE && echo yes || echo no";
  if ((await output(sshHost, have)) === "yes") return;
  const packages = join(tmpdir(), `lbctl-test-packages-${String(process.getuid?.())}`);
  mkdirSync(packages, { recursive: true });
  const wanted = ["sudo", "busybox-static", "tcsh", "locales"];
  if (readdirSync(packages).length < wanted.length) {
    const got = await run("apt-get", ["download", "-q", ...wanted], { cwd: packages });
    if (got.code !== 0) throw new Error(`apt-get download: ${got.stderr}`);
  }
  for (const name of readdirSync(packages)) {
    const pushed = await incus("file", "push", join(packages, name), `${sshHost}/tmp/lbctl-${name}`);
    if (pushed.code !== 0) throw new Error(pushed.stderr);
  }
  await output(
    sshHost,
    "dpkg -i --force-depends /tmp/lbctl-sudo_* /tmp/lbctl-busybox* /tmp/lbctl-tcsh_* >/dev/null && dpkg-deb -x /tmp/lbctl-locales_* / && localedef -i de_DE -f UTF-8 de_DE.UTF-8; rm -f /tmp/lbctl-*.deb",
  );
}
