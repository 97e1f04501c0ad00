import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { LbctlError } from "../../src/errors.ts";
import type { Connection } from "../../src/model/fleet.ts";
import { openConnections, type Connections, type Transport } from "../../src/remote/connect.ts";
import type { RemoteScript } from "../../src/remote/port.ts";
import { addressOf, inventory, output } from "../support/lab.ts";
import { lbctl } from "../support/lbctl.ts";
import { makeHost } from "../support/fleet.ts";

const folder = mkdtempSync(join(tmpdir(), "lbctl-ssh-"));

/** The lab's own key and known_hosts, from its inventory. */
function labConnection(): Connection {
  const text = readFileSync(join(inventory, "hosts.yml"), "utf8");
  const find = (pattern: RegExp): string => pattern.exec(text)?.[1] ?? "";
  return {
    kind: "ssh",
    address: addressOf("backend-api-1"),
    user: "root",
    keyFile: find(/ansible_ssh_private_key_file: (\S+)/),
    sshArgs: ["-o", `UserKnownHostsFile=${find(/UserKnownHostsFile=(\S+)/)}`, "-o", "IdentitiesOnly=yes"],
    become: false,
  };
}

/** The same, with another known_hosts. */
function knowing(text: string): Connection {
  const file = join(folder, `known_hosts_${String(Math.random()).slice(2)}`);
  writeFileSync(file, text);
  return {
    ...labConnection(),
    sshArgs: ["-o", `UserKnownHostsFile=${file}`, "-o", "GlobalKnownHostsFile=none"],
  };
}

beforeAll(async () => {
  expect((await lbctl(["lab", "up", "--yes"])).code).toBe(0);
  // Each login shell's noise must stay outside of what a script prints.
  await output("backend-api-1", "echo 'echo noise from bashrc' > /root/.bashrc");
});

afterAll(async () => {
  await output("backend-api-1", "rm /root/.bashrc");
});

describe.each<Transport>(["openssh", "node-ssh"])("%s", (transport) => {
  const opened: Connections[] = [];
  const run = (request: RemoteScript, connection = labConnection()) => {
    const connections = openConnections(transport);
    opened.push(connections);
    const host = { ...makeHost("backend-api-1", connection.address), connection };
    return connections.to(host).run(request);
  };
  const failure = async (connection: Connection, request: RemoteScript = { script: "true" }) => {
    const error: unknown = await run(request, connection).then(
      () => "no error",
      (caught: unknown) => caught,
    );
    expect(error).toBeInstanceOf(LbctlError);
    return error as LbctlError;
  };

  afterAll(async () => {
    await Promise.all(opened.map((connections) => connections.close()));
  });

  test("a script has its output, error output and exit status, without the shell's noise", async () => {
    const result = await run({ script: "echo out; echo err >&2; exit 255" });
    expect(result).toEqual({ status: 255, stdout: "out\n", stderr: "err\n" });
  });

  test("lines are told as they come", async () => {
    const times: number[] = [];
    await run({ script: "echo a; sleep 0.5; echo b", onLine: () => times.push(performance.now()) });
    expect((times[1] ?? 0) - (times[0] ?? 0)).toBeGreaterThan(300);
  });

  test("20 MB of any bytes arrive as they were sent", async () => {
    const payload = Buffer.alloc(20 * 1024 * 1024, Buffer.from(Array.from({ length: 256 }, (_, n) => n)));
    const { stdout } = await run({ script: "wc -c; : ", payload });
    expect(stdout.trim()).toBe(String(payload.length));
    const sum = await run({ script: "sha256sum", payload });
    const { createHash } = await import("node:crypto");
    expect(sum.stdout).toContain(createHash("sha256").update(payload).digest("hex"));
  });

  test("a German locale on the target changes nothing", async () => {
    expect((await run({ script: 'LANG=de_DE.UTF-8; ls /nowhere 2>&1; echo "$LC_ALL"' })).stdout).toMatch(
      /No such file[^]*\nC\n$/,
    );
  });

  test("an unknown host key is refused", async () => {
    const error = await failure(knowing(""));
    expect(error.code).toBe("unreachable");
    expect(error.message).toMatch(/host key .* is unknown/);
  });

  test("a changed host key is refused, naming the line in known_hosts", async () => {
    const wrong = "AAAAC3NzaC1lZDI1NTE5AAAAIJdD7y3aLq454yWBdwLWbieU1ebz9/cu7/QEXn9OIeZJ";
    const error = await failure(knowing(`# mine\n${addressOf("backend-api-1")} ssh-ed25519 ${wrong}\n`));
    expect(error.message).toMatch(/not the one that is known \(\S+known_hosts_\d+:2\)/);
  });

  test("a refused login says who and what", async () => {
    const error = await failure({ ...labConnection(), user: "nobody" });
    expect(error.code).toBe("unreachable");
    expect(error.message).toMatch(/nobody@\S+ refused the login/);
  });

  test("a refused connection and a host that stops answering are told apart", async () => {
    expect((await failure({ ...labConnection(), port: 9 })).message).toMatch(/cannot be reached: .*refused/i);
    const idle = await failure(labConnection(), { script: "sleep 20", idleTimeoutMs: 1000 });
    expect(idle.message).toContain("stopped answering");
  });

  test("a link that is cut in the middle of a script is an error, soon", async () => {
    const cut = failure(labConnection(), { script: "echo begun; sleep 20" });
    await new Promise((resolve) => setTimeout(resolve, 700));
    await output("backend-api-1", "pkill -f '[s]shd.*: root' || true");
    expect((await cut).message).toMatch(/lost/);
  });
});

test("node-ssh says what it leaves to OpenSSH", async () => {
  const connection = { ...labConnection(), sshArgs: ["-o", "ProxyJump=bastion"] };
  const host = { ...makeHost("backend-api-1", connection.address), connection };
  await expect(openConnections("node-ssh").to(host).run({ script: "true" })).rejects.toThrow(
    'cannot honour "proxyjump bastion"',
  );
});

test("plan and status work over node-ssh as over OpenSSH", async () => {
  const plans = await Promise.all(
    ["openssh", "node-ssh"].map((transport) =>
      lbctl(["plan", "-i", inventory, "--json", "--transport", transport]),
    ),
  );
  expect(plans[0]?.code).toBe(0);
  expect(plans[1]?.stdout).toBe(plans[0]?.stdout);
});
