import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, expect, test } from "vitest";
import { findUnhealthy, waitUntilHealthy } from "../../../src/lab/health.ts";
import type { Member } from "../../../src/lab/members.ts";

let server: Server;
let status = 200;
let backend: Member;
const balancer: Member = { name: "lb-1", role: "lb", ip: "127.0.0.1" };
const { signal } = new AbortController();

beforeEach(async () => {
  status = 503;
  server = createServer((request, response) => {
    response.writeHead(request.url === "/health" ? status : 404).end();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  backend = { name: "api-1", role: "api", ip: "127.0.0.1", port };
});
afterEach(() => server.close());

test("only backends are asked, and only a good answer is one", async () => {
  expect(await findUnhealthy([balancer, backend])).toEqual([backend]);
  status = 200;
  expect(await findUnhealthy([balancer, backend])).toEqual([]);
});

test("a backend that comes late is waited for", async () => {
  setTimeout(() => (status = 200), 150);
  await waitUntilHealthy([backend], 10_000, signal);
  expect(status).toBe(200);
});

test("one that never comes is named", async () => {
  await expect(waitUntilHealthy([backend], 50, signal)).rejects.toThrow(/api-1 \(127\.0\.0\.1:\d+\)/);
});
