/** What Ansible takes for a host with an optional port. */
export interface HostAddress {
  readonly host: string;
  readonly port?: number;
}

const numbers = String.raw`\[[0-9]+:[0-9]+(?::[0-9]+)?\]`;
const hexadecimal = String.raw`\[[0-9a-f]+:[0-9a-f]+(?::[0-9]+)?\]`;
const lettersOrNumbers = String.raw`\[(?:[a-z]:[a-z]|[0-9]+:[0-9]+)(?::[0-9]+)?\]`;

const byte = `(?:[01]?[0-9]{1,2}|2[0-4][0-9]|25[0-5]|${numbers})`;
const quad = `(?:[0-9a-f]{1,4}|${hexadecimal})`;
const label = String.raw`(?:\w|${lettersOrNumbers})(?:[\w-]|${lettersOrNumbers})*(?<![_-])`;

const ipv4 = new RegExp(String.raw`^(?:${byte}\.){3}${byte}$`, "i");
const hostname = new RegExp(String.raw`^${label}(?:\.${label})*$`, "i");
// only the last of these is held to the end of the text, in Ansible too
const ipv6 = new RegExp(
  [
    String.raw`^(?:(?:${quad}:){7}${quad}`,
    String.raw`(?:${quad}:){1,6}:`,
    ...[6, 5, 4, 3, 2].map((most, index) => `(?:${quad}:){${index + 1}}(?::${quad}){1,${most}}`),
    String.raw`(?:${quad}:){6}(?::${quad})`,
    String.raw`:(?::${quad}){1,6}`,
    String.raw`(?:${quad})?::`,
    String.raw`(?:0:){6}(?:${quad}\.){3}${quad}`,
    String.raw`::(?:ffff:)?(?:${quad}\.){3}${quad}`,
    String.raw`(?:0:){5}ffff:(?:${quad}\.){3}${quad}$)`,
  ].join("|"),
  "i",
);

/** Reads `host`, `host:port` and `[host]:port`, ranges included; undefined for what Ansible takes for neither. */
export function readHostAddress(text: string): HostAddress | undefined {
  let host = text;
  let port: string | undefined;
  for (const form of [/^\[(.+)\]:([0-9]+)$/, /^((?:[^:[\]]|\[[^\]]*\])*):([0-9]+)$/]) {
    const match = form.exec(host);
    if (match) [, host = "", port] = match;
  }
  // nearly all are names or IPv4 to `hostname`; compiling `ipv6` takes milliseconds
  if (![hostname, ipv4, ipv6].some((pattern) => pattern.test(host))) return undefined;
  return { host, ...(port === undefined ? {} : { port: Number(port) }) };
}
