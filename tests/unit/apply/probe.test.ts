import { execFile } from "node:child_process";
import { createServer, type AddressInfo, type Server, type Socket } from "node:net";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { probeInPerl } from "../../../src/apply/probe.ts";

/** What the probe of one bind says, where `serve` has the connection. */
async function probed(
  way: "http" | "connect",
  serve: ((client: Socket) => void) | null,
  address = "127.0.0.1",
): Promise<string> {
  const server = createServer(serve ?? undefined);
  const port = await listening(server, address);
  if (serve === null) await closed(server);
  const hex = address === "::1" ? "0".repeat(32) : "0".repeat(8);
  // nobody waits here for what stays silent
  const script = `use strict; ${probeInPerl.replace("uptime() + 5", "uptime() + 1")} sub uptime { time } sub told { print "$_[0]: $_[1]\\n" } print map { "$_\\n" } probe(@ARGV);`;
  const fact = `probe 7 ${way} ${hex} ${String(port)} frontend web`;
  const { stdout } = await promisify(execFile)("perl", ["-e", script, "port 80 x", fact]);
  if (serve !== null) await closed(server);
  return stdout.trim().replace(String(port), "PORT");
}

function listening(server: Server, address: string): Promise<number> {
  return new Promise((resolve) => {
    server.listen(0, address, () => {
      resolve((server.address() as AddressInfo).port);
    });
  });
}

function closed(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => {
      resolve();
    });
  });
}

const answers = (client: Socket): void => {
  client.once("data", (request) => {
    if (request.toString().includes("Host: lbctl\r\n"))
      client.end("HTTP/1.1 503 Service Unavailable\r\n\r\n");
  });
};

test.each(["127.0.0.1", "::1"])("any status is an answer, over %s", async (address) => {
  expect(await probed("http", answers, address)).toBe("");
});

test("what nobody listens on is named", async () => {
  expect(await probed("connect", null)).toBe(
    "frontend web (line 7 of haproxy.cfg) takes no connection at *:PORT: connection refused",
  );
});

test("a connection that ends without an answer is a problem, but where only a connection is tried", async () => {
  const hangUp = (client: Socket): void => {
    client.once("data", () => client.end());
    client.on("error", () => undefined);
  };
  expect(await probed("http", hangUp)).toBe(
    "frontend web (line 7 of haproxy.cfg) ended a request at *:PORT without an answer",
  );
  expect(await probed("connect", hangUp)).toBe("");
});

test("silence is told and no problem", async () => {
  const listen = (client: Socket): void => {
    client.resume();
  };
  expect(await probed("http", listen)).toBe(
    "note: frontend web (line 7 of haproxy.cfg) took a request at *:PORT and did not answer within 5 s",
  );
});
