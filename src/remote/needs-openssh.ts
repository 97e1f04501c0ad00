/** Settings that only OpenSSH can honour, as `ssh -G` prints them. Pure. */
export function needsOpenSsh(
  all: (name: string) => string[],
  knownHostsFiles: readonly string[],
  missing: readonly string[],
): string[] {
  const written = (name: string, matters: (value: string) => boolean): string[] =>
    all(name)
      .filter(matters)
      .map((value) => `${name} ${value}`);
  return [
    ...unlessNone.flatMap((name) => written(name, (value) => value.toLowerCase() !== "none")),
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

/** Settings that node-ssh does not have. */
const unlessNone = [
  "proxyjump",
  "proxycommand",
  "certificatefile",
  "pkcs11provider",
  "knownhostscommand",
  "revokedhostkeys",
  "bindaddress",
  "bindinterface",
  "remotecommand",
  "localcommand",
];
const unlessOff = ["verifyhostkeydns", "checkhostip", "canonicalizehostname", "hostbasedauthentication"];

function isOff(value: string): boolean {
  return /^(?:no|false)$/i.test(value);
}

/** ssh prints paths with spaces, and with its own %-words, as they were written. */
function isPlainPath(path: string): boolean {
  return path.startsWith("/") && !/["%$]/.test(path);
}
