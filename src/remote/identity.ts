import { readFile, stat } from "node:fs/promises";

/** A private key file, as far as node-ssh can use it. */
export type Identity =
  | { readonly kind: "usable"; readonly path: string; readonly key: Buffer }
  /** `hardware`: the secret is in a device. `open`: others may read it, and ssh would not take it either. */
  | { readonly kind: "hardware" | "certificate" | "encrypted" | "open" | "other"; readonly path: string };

/** Looks at a key file and at the certificate beside it; undefined when there is none. */
export async function readIdentity(path: string): Promise<Identity | undefined> {
  const [key, found, certificate] = await Promise.all([
    readFile(path).catch(() => undefined),
    stat(path).catch(() => undefined),
    stat(`${path}-cert.pub`).catch(() => undefined),
  ]);
  if (!key || !found) return undefined;
  if (certificate) return { kind: "certificate", path: `${path}-cert.pub` };
  const kind = kindOf(key.toString("latin1"));
  const isOpen = found.uid === process.getuid?.() && (found.mode & 0o077) !== 0;
  // a public key may be read by all; its secret is in the agent
  if (isOpen && kind !== "other") return { kind: "open", path };
  return kind === "usable" ? { kind, path, key } : { kind, path };
}

/** Pure. https://cvsweb.openbsd.org/src/usr.bin/ssh/PROTOCOL.key describes OpenSSH's own format. */
export function kindOf(text: string): "usable" | "hardware" | "encrypted" | "other" {
  const own = /-----BEGIN OPENSSH PRIVATE KEY-----([\sA-Za-z0-9+/=]+)-----END/.exec(text);
  if (!own) {
    if (!/-----BEGIN (?:RSA|EC) PRIVATE KEY-----/.test(text)) return "other";
    return text.includes("ENCRYPTED") ? "encrypted" : "usable";
  }
  const bytes = Buffer.from(own[1] ?? "", "base64");
  const [cipher = "", , , publicKey = ""] = fieldsOf(bytes);
  if (/^....sk-/s.test(publicKey)) return "hardware";
  return cipher === "none" ? "usable" : "encrypted";
}

/** Cipher, key derivation, its options, and the first public key, which stands after a count. */
function fieldsOf(bytes: Buffer): string[] {
  const fields: string[] = [];
  let at = "openssh-key-v1\0".length;
  for (let field = 0; field < 4; field++) {
    if (field === 3) at += 4;
    if (at + 4 > bytes.length) break;
    const end = at + 4 + bytes.readUInt32BE(at);
    fields.push(bytes.subarray(at + 4, end).toString("latin1"));
    at = end;
  }
  return fields;
}
