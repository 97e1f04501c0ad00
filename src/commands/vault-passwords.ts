import { spawn } from "node:child_process";
import { readFile, stat } from "node:fs/promises";
import { homedir } from "node:os";
import { resolve } from "node:path";
import { Problems } from "../document/problems.ts";
import { keepSecret } from "../document/secrets.ts";
import { isEncrypted, Vault, type VaultPassword } from "../document/vault.ts";
import { LbctlError } from "../errors.ts";
import { reportWarnings } from "../report/errors.ts";
import { askSecret } from "./ask-secret.ts";
import type { FleetOptions } from "./options.ts";

/** Where a vault password comes from: a file, a program, or the person at the terminal. */
interface Source {
  readonly label: string;
  /** undefined: ask. */
  readonly file?: string;
  /** The flag or variable that named it. */
  readonly from: string;
}

type VaultOptions = Pick<FleetOptions, "vaultPasswordFile" | "vaultId" | "askVaultPass" | "input">;

/**
 * The vault of --vault-id, --vault-password-file, --ask-vault-pass and Ansible's environment variables. A password
 * that only the environment names, and that cannot be had, is a note where there is another, as in Ansible.
 */
export async function openVault(options: VaultOptions): Promise<Vault> {
  const passwords: VaultPassword[] = [];
  const [problems, notes] = [new Problems(), new Problems()];
  for (const source of sourcesOf(options, process.env)) {
    const into = source.from.startsWith("ANSIBLE_") ? notes : problems;
    const bytes = await into.attempt(() => readPassword(source, new Vault(passwords), options.input));
    if (bytes) passwords.push({ label: source.label, bytes });
  }
  if (passwords.length === 0) problems.addAll(notes.list());
  problems.throwIfAny();
  reportWarnings(notes.list());
  return new Vault(passwords);
}

/** In Ansible's order: identities, files, and the terminal last. */
export function sourcesOf(options: VaultOptions, env: NodeJS.ProcessEnv): Source[] {
  const listed = (env.ANSIBLE_VAULT_IDENTITY_LIST ?? "").split(",").filter((id) => id.trim() !== "");
  const ids = [
    ...listed.map((id) => ({ id: id.trim(), from: "ANSIBLE_VAULT_IDENTITY_LIST" })),
    ...(options.vaultId ?? []).map((id) => ({ id, from: "--vault-id" })),
  ].map(({ id, from }): Source => {
    const [, label = "default", file = ""] = /^(?:([^@]*)@)?(.*)$/s.exec(id) ?? [];
    return { label: label || "default", from, ...(file === "prompt" ? {} : { file }) };
  });
  const files = (options.vaultPasswordFile ?? []).map((file) => ({ file, from: "--vault-password-file" }));
  const fromEnv = env.ANSIBLE_VAULT_PASSWORD_FILE;
  if (fromEnv) files.push({ file: fromEnv, from: "ANSIBLE_VAULT_PASSWORD_FILE" });
  return [
    ...ids,
    ...files.map((source) => ({ label: "default", ...source })),
    ...(options.askVaultPass ? [{ label: "default", from: "--ask-vault-pass" }] : []),
  ];
}

async function readPassword(source: Source, earlier: Vault, input: boolean): Promise<Uint8Array> {
  const { label, file, from } = source;
  if (file === undefined) {
    const named = label === "default" ? "" : ` (${label})`;
    const typed = await askSecret(
      `Vault password${named}: `,
      "Pass --vault-password-file FILE instead.",
      input,
    );
    return notEmpty(Buffer.from(typed.trim()), from, "the terminal");
  }
  const path = resolve(file.replace(/^~(?=\/|$)/, () => homedir()));
  try {
    const isProgram = ((await stat(path)).mode & 0o111) !== 0;
    if (isProgram) return notEmpty(trim(await runProgram(path, label), /[\r\n]/), from, path);
    const text = trim(await readFile(path), /\s/);
    const shown = Buffer.from(text).toString("latin1");
    const plain = isEncrypted(shown) ? Buffer.from(earlier.open(shown, path)) : text;
    return notEmpty(trim(plain, /[\r\n]/), from, path);
  } catch (error) {
    if (error instanceof LbctlError) throw error;
    const { code, message } = error as NodeJS.ErrnoException;
    const why =
      code === "ENOENT" ? "there is no such file" : code === "EACCES" ? "permission denied" : message;
    throw new LbctlError("invalid", {
      what: `the vault password cannot be read: ${why}`,
      at: path,
      hint: `${from} names this file. A file that is executable is run, and its output is the password.`,
    });
  }
}

/** A program whose name ends in `-client` is told which label is wanted, as Ansible does. */
function runProgram(path: string, label: string): Promise<Uint8Array> {
  const isClient = /-client(?:\.[^./]*)?$/.test(path);
  // it may ask for a passphrase of its own, so it keeps the terminal
  const child = spawn(path, isClient ? ["--vault-id", label] : [], { stdio: ["inherit", "pipe", "inherit"] });
  const chunks: Buffer[] = [];
  child.stdout.on("data", (chunk: Buffer) => chunks.push(chunk));
  return new Promise((done, fail) => {
    child.on("error", fail);
    child.on("close", (status, signal) => {
      if (status === 0) done(Buffer.concat(chunks));
      else fail(new Error(`the program ended with ${status === null ? String(signal) : `status ${status}`}`));
    });
  });
}

/** Without these at either end. */
function trim(bytes: Uint8Array, unwanted: RegExp): Uint8Array {
  const isUnwanted = (byte: number | undefined): boolean =>
    byte !== undefined && unwanted.test(String.fromCharCode(byte)) && byte < 0x80;
  let [start, end] = [0, bytes.length];
  while (start < end && isUnwanted(bytes[start])) start++;
  while (end > start && isUnwanted(bytes[end - 1])) end--;
  return bytes.subarray(start, end);
}

function notEmpty(password: Uint8Array, from: string, at: string): Uint8Array {
  keepSecret(Buffer.from(password).toString());
  if (password.length > 0) return password;
  throw new LbctlError("invalid", {
    what: `the vault password from ${from} is empty`,
    at,
    hint: "Give one.",
  });
}
