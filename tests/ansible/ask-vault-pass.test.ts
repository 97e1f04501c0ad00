import { spawn } from "node:child_process";
import { join } from "node:path";
import { expect, test } from "vitest";
import { root } from "../support/lbctl.ts";

/** Runs the bundled lbctl on a terminal of its own, and types `keys` when it asks. */
function onTerminal(command: string, keys: string): Promise<string> {
  const child = spawn("script", ["-qec", `node ${join(root, "bin/lbctl.js")} ${command}`, "/dev/null"], {
    cwd: join(root, "tests/cases/inventory/vault-files"),
    stdio: ["pipe", "pipe", "inherit"],
    env: { ...process.env, NO_COLOR: "1", ANSIBLE_VAULT_PASSWORD_FILE: "" },
  });
  let shown = "";
  return new Promise((resolve) => {
    child.stdout.on("data", (chunk: Buffer) => {
      const asked = shown.includes("Vault password: ");
      shown += chunk.toString();
      if (!asked && shown.includes("Vault password: ")) child.stdin.write(keys);
    });
    child.on("close", () => {
      resolve(shown);
    });
  });
}

const command = "inventory -i hosts.yml --ask-vault-pass --host h";

test("--ask-vault-pass asks, shows nothing of what is typed, and opens the vault with it", async () => {
  const shown = await onTerminal(command, "correct horse\r");
  expect(shown).toContain('"web_password": "<secret>"');
  expect(shown).not.toContain("horse");
});

test("a wrong password is told, and shown as little", async () => {
  const shown = await onTerminal(command, "wrong horse\r");
  expect(shown).toContain("the vault password does not open this");
  expect(shown).not.toContain("horse");
});

test.each([
  ["Ctrl-C", "\x03"],
  ["Ctrl-D", "\x04"],
])("%s at the question ends it", async (_, keys) => {
  expect(await onTerminal(command, keys)).toContain("no password was given; nothing was touched");
});
