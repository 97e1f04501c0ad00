import { chmod } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { openVault, sourcesOf } from "../../../src/commands/vault-passwords.ts";
import { vaulted } from "../../support/vault.ts";
import { folderOf, textsOf } from "../folder.ts";

beforeEach(() => {
  vi.stubEnv("ANSIBLE_VAULT_PASSWORD_FILE", "");
  vi.stubEnv("ANSIBLE_VAULT_IDENTITY_LIST", "");
});
afterEach(() => {
  vi.unstubAllEnvs();
});

const secret = vaulted("open", "pass word");
const file = (path: string) => ({ vaultPasswordFile: [path], input: false });

test.each([
  ["as it is", "pass word"],
  ["with a line end", "pass word\n"],
  ["with blanks around it", "  pass word \r\n"],
])("reads a password from a file, %s", async (_, content) => {
  const folder = await folderOf({ pw: content });
  expect((await openVault(file(join(folder, "pw")))).open(secret, "f")).toBe("open");
});

test("runs a file that is executable, and tells a client which label is wanted", async () => {
  const folder = await folderOf({
    pw: "#!/bin/sh\necho 'pass word'\n",
    "pw-client.sh": '#!/bin/sh\n[ "$*" = "--vault-id prod" ] && echo "pass word"\n',
  });
  for (const name of ["pw", "pw-client.sh"]) await chmod(join(folder, name), 0o755);
  expect((await openVault(file(join(folder, "pw")))).open(secret, "f")).toBe("open");
  const client = { vaultId: [`prod@${join(folder, "pw-client.sh")}`], input: false };
  expect((await openVault(client)).open(secret, "f")).toBe("open");
});

test("takes ANSIBLE_VAULT_PASSWORD_FILE beside the flags, and passwords that are encrypted themselves", async () => {
  const folder = await folderOf({ first: "outer", second: vaulted("pass word\n", "outer") });
  vi.stubEnv("ANSIBLE_VAULT_PASSWORD_FILE", join(folder, "second"));
  expect((await openVault(file(join(folder, "first")))).open(secret, "f")).toBe("open");
});

test("what only the environment names is a note when it cannot be had, unless there is no other", async () => {
  const folder = await folderOf({ first: "pass word" });
  vi.stubEnv("ANSIBLE_VAULT_PASSWORD_FILE", join(folder, "gone"));
  const told: string[] = [];
  vi.spyOn(process.stderr, "write").mockImplementation((text) => told.push(String(text)) > 0);
  expect((await openVault(file(join(folder, "first")))).open(secret, "f")).toBe("open");
  vi.restoreAllMocks();
  expect(told.join("")).toContain("gone: the vault password cannot be read: there is no such file");
  expect(await textsOf(() => openVault({ input: false }), folder)).toEqual([
    "gone the vault password cannot be read: there is no such file",
  ]);
});

test("asks identities first, then files, then the terminal", () => {
  const options = { vaultId: ["dev@d", "plain"], vaultPasswordFile: ["f"], askVaultPass: true, input: true };
  const env = { ANSIBLE_VAULT_IDENTITY_LIST: "a@x, b@prompt", ANSIBLE_VAULT_PASSWORD_FILE: "e" };
  expect(sourcesOf(options, env).map(({ label, file: path }) => [label, path])).toEqual([
    ["a", "x"],
    ["b", undefined],
    ["dev", "d"],
    ["default", "plain"],
    ["default", "f"],
    ["default", "e"],
    ["default", undefined],
  ]);
});

test("every password that cannot be had is told, with its file", async () => {
  const folder = await folderOf({
    empty: "\n",
    fails: "#!/bin/sh\nexit 3\n",
    broken: "#!/no/such/program\n",
  });
  for (const name of ["fails", "broken"]) await chmod(join(folder, name), 0o755);
  const names = ["gone", "empty", "fails", "broken"].map((name) => join(folder, name));
  const texts = await textsOf(
    () => openVault({ vaultPasswordFile: names, askVaultPass: true, input: false }),
    folder,
  );
  expect(texts).toEqual([
    "gone the vault password cannot be read: there is no such file",
    "empty the vault password from --vault-password-file is empty",
    "fails the vault password cannot be read: the program ended with status 3",
    "broken the vault password cannot be read: there is no such file",
    "there is no terminal to ask for a password on",
  ]);
});
