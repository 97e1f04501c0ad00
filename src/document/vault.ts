import { createDecipheriv, createHmac, pbkdf2Sync, timingSafeEqual } from "node:crypto";
import { invalid } from "./problems.ts";

/** A vault password and the label it was given under (`default` without one). */
export interface VaultPassword {
  readonly label: string;
  readonly bytes: Uint8Array;
}

const header = "$ANSIBLE_VAULT";
const hint = "Pass --vault-password-file FILE or --ask-vault-pass, or set ANSIBLE_VAULT_PASSWORD_FILE.";

export function isEncrypted(text: string): boolean {
  return text.startsWith(header);
}

/** Opens what `ansible-vault` has encrypted. */
export class Vault {
  private readonly passwords: readonly VaultPassword[];
  private readonly opened = new Map<string, string>();
  /** Where a password first failed, by label: one wrong password is one mistake. */
  private readonly failedAt = new Map<string, string>();

  constructor(passwords: readonly VaultPassword[]) {
    this.passwords = passwords;
  }

  /**
   * The text in an envelope: `$ANSIBLE_VAULT;1.1;AES256` or `;1.2;AES256;LABEL`, and lines of hexadecimal digits.
   * Throws LbctlError `invalid` at the place `at` for a broken envelope, and when no password opens it.
   */
  open(envelope: string, at: string): string {
    const known = this.opened.get(envelope);
    if (known !== undefined) return known;
    const { label, salt, digest, ciphertext } = readEnvelope(envelope, at);
    if (this.passwords.length === 0) {
      throw invalid(
        "this is encrypted with ansible-vault, and no vault password is given",
        this.firstAt("", at),
        hint,
      );
    }
    // the password of its label first, as Ansible does; a label is a hint, not a lock
    const ordered = this.passwords.toSorted((a, b) => Number(b.label === label) - Number(a.label === label));
    for (const { bytes } of ordered) {
      const plain = decrypt(bytes, salt, digest, ciphertext);
      if (!plain) continue;
      const text = decodeUtf8(plain, at);
      this.opened.set(envelope, text);
      return text;
    }
    const which =
      this.passwords.length === 1 ? "the vault password does not open" : "none of the vault passwords opens";
    const named = label === undefined ? "" : ` (vault id "${label}")`;
    throw invalid(
      `${which} this${named}`,
      this.firstAt(label ?? "", at),
      "Check which password it was encrypted with, and that none of its lines is missing.",
    );
  }

  private firstAt(label: string, at: string): string {
    const first = this.failedAt.get(label) ?? at;
    this.failedAt.set(label, first);
    return first;
  }
}

interface Envelope {
  readonly label: string | undefined;
  readonly salt: Buffer;
  readonly digest: Buffer;
  readonly ciphertext: Buffer;
}

/** The format: docs.ansible.com, "Format of files encrypted with Ansible Vault". */
function readEnvelope(envelope: string, at: string): Envelope {
  const [first = "", ...lines] = envelope.trim().split(/\r?\n/);
  const [mark, version = "", cipher = "", label] = first.split(";").map((word) => word.trim());
  const broken = (what: string): Error =>
    invalid(what, at, "Encrypt it again with ansible-vault; every line belongs to it.");
  if (mark !== header) throw broken(`a value under !vault must start with ${header}`);
  if (!/^1\.[12]$/.test(version) || cipher !== "AES256") {
    throw broken(
      `lbctl opens AES256 vaults of the formats 1.1 and 1.2; this says ${JSON.stringify(first.slice(0, 80))}`,
    );
  }
  const inner =
    unhex(lines.map((line) => line.trim()).join(""))
      ?.toString("latin1")
      .split("\n") ?? [];
  const [salt, digest, ciphertext] = inner.map(unhex);
  if (inner.length !== 3 || !salt || !digest || !ciphertext || ciphertext.length === 0) {
    throw broken("the encrypted text is damaged: it is not what ansible-vault writes");
  }
  return { label: label === "" ? undefined : label, salt, digest, ciphertext };
}

function unhex(text: string): Buffer | undefined {
  return /^(?:[0-9A-Fa-f]{2})*$/.test(text) ? Buffer.from(text, "hex") : undefined;
}

/** undefined when the password is not the right one. */
function decrypt(password: Uint8Array, salt: Buffer, digest: Buffer, ciphertext: Buffer): Buffer | undefined {
  const derived = pbkdf2Sync(password, salt, 10_000, 80, "sha256");
  const computed = createHmac("sha256", derived.subarray(32, 64)).update(ciphertext).digest();
  if (digest.length !== computed.length || !timingSafeEqual(digest, computed)) return undefined;
  const decipher = createDecipheriv("aes-256-ctr", derived.subarray(0, 32), derived.subarray(64, 80));
  const padded = Buffer.concat([decipher.update(ciphertext), decipher.final()]);
  // PKCS#7: the last byte says how many to drop
  return padded.subarray(0, padded.length - (padded.at(-1) ?? 0));
}

function decodeUtf8(bytes: Uint8Array, at: string): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw invalid("the decrypted text is not UTF-8", at, "Encrypt it again, as UTF-8 text.");
  }
}
