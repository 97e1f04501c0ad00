import type { HostKeyAlgorithm } from "./host-key.ts";

/** What both OpenSSH and ssh2 have, of ssh2's the fastest first. */
const common = {
  kex: [
    "curve25519-sha256",
    "curve25519-sha256@libssh.org",
    "ecdh-sha2-nistp256",
    "ecdh-sha2-nistp384",
    "ecdh-sha2-nistp521",
    "diffie-hellman-group-exchange-sha256",
    "diffie-hellman-group16-sha512",
    "diffie-hellman-group18-sha512",
    "diffie-hellman-group14-sha256",
  ],
  cipher: [
    "aes128-gcm@openssh.com",
    "aes256-gcm@openssh.com",
    "aes128-ctr",
    "aes192-ctr",
    "aes256-ctr",
    "chacha20-poly1305@openssh.com",
  ],
  hmac: [
    "hmac-sha2-256-etm@openssh.com",
    "hmac-sha2-512-etm@openssh.com",
    "hmac-sha2-256",
    "hmac-sha2-512",
    "hmac-sha1-etm@openssh.com",
    "hmac-sha1",
  ],
  serverHostKey: [
    "ssh-ed25519",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "rsa-sha2-512",
    "rsa-sha2-256",
  ],
} as const satisfies { serverHostKey: readonly HostKeyAlgorithm[] } & Record<string, readonly string[]>;

const keywords = {
  kex: "kexalgorithms",
  cipher: "ciphers",
  hmac: "macs",
  serverHostKey: "hostkeyalgorithms",
} as const;

export type Algorithms = { readonly [Kind in keyof typeof common]: (typeof common)[Kind][number][] };

/** Those that the configuration allows too; `missing` names the settings that leave none. Pure. */
export function algorithmsWithin(setting: (name: string) => string): {
  algorithms: Algorithms;
  missing: readonly string[];
} {
  const allowed = <Name extends string>(kind: keyof typeof common, ours: readonly Name[]): Name[] => {
    const theirs = setting(keywords[kind]);
    return ours.filter((name) => theirs === "" || theirs.split(",").includes(name));
  };
  const algorithms = {
    kex: allowed("kex", common.kex),
    cipher: allowed("cipher", common.cipher),
    hmac: allowed("hmac", common.hmac),
    serverHostKey: allowed("serverHostKey", common.serverHostKey),
  };
  const kinds = Object.keys(keywords) as (keyof typeof keywords)[];
  return {
    algorithms,
    missing: kinds.filter((kind) => algorithms[kind].length === 0).map((kind) => keywords[kind]),
  };
}
