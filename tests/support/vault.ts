import { createCipheriv, createHmac, pbkdf2Sync, randomBytes } from "node:crypto";

/** Encrypts as `ansible-vault encrypt` does, so that tests can choose their secrets. */
export function vaulted(text: string, password: string, label?: string): string {
  const salt = randomBytes(32);
  const key = pbkdf2Sync(password, salt, 10_000, 80, "sha256");
  const cipher = createCipheriv("aes-256-ctr", key.subarray(0, 32), key.subarray(64, 80));
  const plain = Buffer.from(text);
  const missing = 16 - (plain.length % 16);
  const secret = Buffer.concat([cipher.update(plain), cipher.update(Buffer.alloc(missing, missing))]);
  const digest = createHmac("sha256", key.subarray(32, 64)).update(secret).digest("hex");
  const inner = [salt.toString("hex"), digest, secret.toString("hex")].join("\n");
  const lines =
    Buffer.from(inner)
      .toString("hex")
      .match(/.{1,80}/g) ?? [];
  const header = label === undefined ? "$ANSIBLE_VAULT;1.1;AES256" : `$ANSIBLE_VAULT;1.2;AES256;${label}`;
  return `${[header, ...lines].join("\n")}\n`;
}

/** A value under `!vault`, indented below its key. */
export function inlineVault(text: string, password: string, indent: number): string {
  const lines = vaulted(text, password).trim().split("\n");
  return `!vault |\n${lines.map((line) => " ".repeat(indent) + line).join("\n")}`;
}
