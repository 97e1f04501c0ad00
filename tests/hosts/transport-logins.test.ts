import { chmodSync, copyFileSync, mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { SshConnection } from "../../src/model/fleet.ts";
import { newKey, startAgent, type Agent } from "../support/agent.ts";
import { promises, useDaemons } from "../support/contract.ts";
import { key } from "../support/hosts.ts";
import { labConnection, password, ports } from "../support/sshd.ts";

useDaemons();

const folder = mkdtempSync(join(tmpdir(), "lbctl-logins-"));
let crowded: Agent;
beforeAll(async () => {
  crowded = await startAgent(folder);
  for (const n of [1, 2, 3, 4]) await crowded.add(await newKey(join(folder, `key_${String(n)}`)));
});
afterAll(() => {
  crowded.stop();
});

promises("logins", ({ failure }) => {
  test("a refused login says who and what, and is told from a script that ends with 255", async () => {
    const error = await failure(labConnection({ user: "nobody" }));
    expect(error.code).toBe("unreachable");
    expect(error.message).toMatch(/nobody@\S+ refused the login/);
  });

  test("a refused connection is told from a host that stops answering", async () => {
    const error = await failure(labConnection({ port: 9 }));
    expect(error.message).toMatch(/cannot be reached: .*refused/i);
  });

  test("a login that runs something else than scripts is told by what it says", async () => {
    const error = await failure(labConnection({ port: ports.forced }));
    expect(error.message).toMatch(/lets you in, but does not run lbctl's script: only git here/);
  });

  test("a key file that is not there is named", async () => {
    const keyFile = join(folder, "absent");
    const error = await failure(labConnection({ user: "nobody", keyFile }));
    expect(error.message).toContain(`there is no key file ${keyFile}`);
  });

  test("a key file that others may read is named", async () => {
    const keyFile = join(folder, "open");
    copyFileSync(key, keyFile);
    chmodSync(keyFile, 0o644);
    expect((await failure(labConnection({ keyFile }))).message).toContain(`too open: ${keyFile}`);
  });

  test("more keys in the agent than the host lets one try", async () => {
    const agent = ["-o", `IdentityAgent=${crowded.socket}`, "-o", "IdentitiesOnly=no"];
    const { keyFile, ...to } = labConnection({ port: ports.fewTries }, agent);
    expect(keyFile).toBeTruthy();
    expect((await failure(to)).message).toContain("ended the login after too many keys (MaxAuthTries");
  });
});

promises("sudo", ({ open, run, failure }) => {
  const as = (user: string, secret?: string): SshConnection => ({
    ...labConnection({ user, become: true }),
    ...(secret === undefined ? {} : { becomePassword: () => secret }),
  });
  const script = 'id -u; cat; echo err >&2; tr "\\0" " " </proc/$PPID/cmdline; exit 4';
  const payload = Buffer.from("payload\n");

  test.each([
    ["with its password", "sudoer", password],
    ["with a password that nobody asks for", "nopasswd", password],
    ["without a password", "nopasswd", undefined],
    ["when the login is root already", "root", password],
  ])("%s: the payload is the script's, the password sudo's", async (_, user, secret) => {
    const result = await run({ script, payload }, as(user, secret));
    expect(result).toMatchObject({ status: 4, stderr: "err\n" });
    expect(result.stdout).toMatch(/^0\npayload\n/);
    expect(JSON.stringify(result)).not.toContain(password);
  });

  test("a password that sudo remembers is not the script's input", async () => {
    const remote = open(as("sudoer", password));
    for (const word of ["one\n", "two\n"]) {
      expect((await remote.run({ script: "cat", payload: Buffer.from(word) })).stdout).toBe(word);
    }
  });

  test.each([
    ["a wrong password", "sudoer", "wrong", /sudo did not take the password/],
    ["no password", "sudoer", undefined, /sudo asks for a password/],
    ["a user who may not", "mallory", password, /may not run sudo/],
    ["a terminal that sudo wants", "wantstty", password, /requiretty/],
  ])("%s is one clear error", async (_, user, secret, expected) => {
    const error = await failure(as(user, secret));
    expect(error.code).toBe("unreachable");
    expect(error.message).toMatch(expected);
    expect(error.problems).toHaveLength(1);
    expect(JSON.stringify(error.problems)).not.toContain(secret ?? password);
  });
});
