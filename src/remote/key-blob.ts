/** The wire form of a public key: its type, and the bits of an RSA modulus (RFC 4253, section 6.6). Pure. */
export function readKey(key: Buffer): { type: string; rsaBits: number | null } {
  const fields = fieldsOf(key) ?? [];
  const type = fields[0]?.toString("latin1") ?? "";
  const modulus = fields[2]?.toString("hex").replace(/^(?:00)+/, "") ?? "";
  const rsaBits = modulus === "" ? 0 : BigInt(`0x${modulus}`).toString(2).length;
  return { type, rsaBits: type === "ssh-rsa" ? rsaBits : null };
}

/** Whether base64 text is a key of this type, written as ssh writes it; ssh skips lines with any other. Pure. */
export function isKeyText(text: string, type: string): boolean {
  const key = Buffer.from(text, "base64");
  return key.toString("base64") === text && fieldsOf(key) !== undefined && readKey(key).type === type;
}

/** undefined when the lengths in it do not add up. */
function fieldsOf(key: Buffer): Buffer[] | undefined {
  const fields: Buffer[] = [];
  for (let at = 0; at < key.length;) {
    if (at + 4 > key.length) return undefined;
    const end = at + 4 + key.readUInt32BE(at);
    if (end > key.length) return undefined;
    fields.push(key.subarray(at + 4, end));
    at = end;
  }
  return fields;
}
