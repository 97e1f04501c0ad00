import { mkdtempSync, writeFileSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { dial } from "../../../src/remote/dial.ts";
import { openLink } from "../../../src/remote/link.ts";
import { NoLink } from "../../../src/remote/run.ts";
import { parseConfig } from "../../../src/remote/ssh-config.ts";

test("a host that hangs up while known_hosts is read has turned lbctl away, and is not waited for", async () => {
  const knownHosts = join(mkdtempSync(join(tmpdir(), "lbctl-link-")), "known_hosts");
  const line = `|1|${"A".repeat(27)}=|${"A".repeat(27)}= ssh-ed25519 AAAA\n`;
  writeFileSync(knownHosts, line.repeat(50_000));
  const server = createServer((socket) => {
    socket.on("error", () => undefined).end();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const settings = [
    "hostname 127.0.0.1",
    `port ${String(port)}`,
    `userknownhostsfile ${knownHosts}`,
    "stricthostkeychecking accept-new",
  ];
  const config = parseConfig(settings.join("\n"), undefined, "/nowhere");
  const begun = performance.now();
  const to = { target: "lb-1", config, keyFile: undefined };
  const error: unknown = await openLink(to, () =>
    dial("127.0.0.1", port, new AbortController().signal),
  ).catch((caught: unknown) => caught);
  server.close();
  expect(error).toBeInstanceOf(NoLink);
  expect(error).toMatchObject({
    problem: { what: "lb-1 closed the connection before the login", again: true },
  });
  expect(performance.now() - begun).toBeLessThan(5000);
});

test("a host that only OpenSSH can reach is not dialled", async () => {
  const config = parseConfig("hostname 127.0.0.1\nport 9\nproxyjump bastion", undefined, "/nowhere");
  let dialled = false;
  const dialling = (): Promise<never> => {
    dialled = true;
    return Promise.reject(new Error("refused"));
  };
  const opening = openLink({ target: "lb-1", config, keyFile: undefined }, dialling);
  await expect(opening).rejects.toBeInstanceOf(NoLink);
  expect(dialled).toBe(false);
});
