import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { startLoad } from "../../../src/drill/load.ts";
import { parseAddress, startProbe } from "../../../src/drill/probe.ts";
import type { RequestRecord } from "../../../src/drill/timeline.ts";
import { watchReader, watchScript, type WatchFrame } from "../../../src/drill/watch.ts";

const wait = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
const now = (): number => performance.now();

describe("the load generator", () => {
  let server: Server;
  const listen = async (handler: Parameters<typeof createServer>[1]): Promise<number> => {
    server = createServer(handler as never);
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return (server.address() as AddressInfo).port;
  };
  const load = (port: number, over: { rate?: number; requestTimeoutMs?: number; spread?: boolean } = {}) => {
    const records: RequestRecord[] = [];
    const target = {
      host: "127.0.0.1",
      port,
      path: "/x",
      hostHeader: "stream.example",
      spread: over.spread ?? false,
    };
    const started = startLoad({
      target,
      rate: over.rate ?? 100,
      requestTimeoutMs: over.requestTimeoutMs ?? 2000,
      now,
      onDone: (record) => records.push(record),
    });
    return { records, ...started };
  };

  afterEach(() => {
    server.closeAllConnections();
    server.close();
  });

  it("fixes the send times in advance, so a stall shows in the latency of all that it delays", async () => {
    let stallUntil = 0;
    const port = await listen((_request, response) => {
      setTimeout(() => response.setHeader("X-Server", "a").end(), Math.max(0, stallUntil - now()));
    });
    stallUntil = now() + 400;
    const { records, stop } = load(port);
    await wait(500);
    await stop();
    const byIntent = records.toSorted((a, b) => a.intendedMs - b.intendedMs);
    const first = byIntent[0]?.intendedMs ?? 0;
    expect(byIntent.map(({ intendedMs }, n) => Math.abs(intendedMs - first - n * 10) < 0.001)).not.toContain(
      false,
    );
    expect(records.filter(({ doneMs, intendedMs }) => doneMs - intendedMs > 100).length).toBeGreaterThan(20);
    expect(records.every(({ failure, server: name }) => failure === null && name === "a")).toBe(true);
  });

  it("mixes new and kept connections, and asks for the pool's host", async () => {
    const ports = new Map<string, number>();
    const hosts = new Set<string | undefined>();
    const port = await listen((request, response) => {
      const key = String(request.socket.remotePort);
      ports.set(key, (ports.get(key) ?? 0) + 1);
      hosts.add(request.headers.host);
      response.end();
    });
    const { records, stop } = load(port);
    await wait(400);
    await stop();
    expect(Math.max(...ports.values())).toBeGreaterThan(5);
    expect([...ports.values()].filter((count) => count === 1).length).toBeGreaterThan(records.length / 3);
    expect([...hosts]).toEqual(["stream.example"]);
  });

  it("varies the path where a hash must spread", async () => {
    const paths: (string | undefined)[] = [];
    const port = await listen((request, response) => {
      paths.push(request.url);
      response.end();
    });
    const { stop } = load(port, { spread: true });
    await wait(200);
    await stop();
    expect(new Set(paths).size).toBe(paths.length);
    expect(paths).toContain("/x/0");
  });

  it.each<[string, Parameters<typeof createServer>[1], string]>([
    ["another status", (_request, response) => response.writeHead(503).end() as never, "status 503"],
    ["a reset", (request) => void request.socket.destroy(), "ECONNRESET"],
    ["no answer in time", () => undefined, "timeout"],
    [
      "an answer cut in the middle",
      (request, response) => {
        response.writeHead(200, { "Content-Length": "10" });
        response.write("12345");
        setTimeout(() => request.socket.destroy(), 20);
      },
      "ECONNRESET",
    ],
  ])("counts %s as failed, by its kind", async (_case, handler, kind) => {
    const port = await listen(handler);
    const { records, stop } = load(port, { requestTimeoutMs: 200 });
    await wait(150);
    await stop();
    expect(records.length).toBeGreaterThan(5);
    expect([...new Set(records.map(({ failure }) => failure))]).toEqual([kind]);
  });

  it("reports every request that it sent, once, when it is stopped", async () => {
    let asked = 0;
    const port = await listen((_request, response) => {
      asked++;
      setTimeout(() => response.end(), 100);
    });
    const { records, stop } = load(port);
    await wait(250);
    await stop();
    expect(records.length).toBe(asked);
    await wait(150);
    expect(records.length).toBe(asked);
  });

  it("reports nothing more when it is dropped", async () => {
    const port = await listen(() => undefined);
    const { records, drop } = load(port);
    await wait(100);
    drop();
    await wait(50);
    expect(records).toEqual([]);
  });
});

describe("the direct probe", () => {
  it("tells an answer from a refusal", async () => {
    const server = createServer((_request, response) => response.end("ok"));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as AddressInfo;
    const results: boolean[] = [];
    const probe = startProbe({
      address: `127.0.0.1:${port}`,
      path: "/",
      now,
      onResult: ({ ok }) => results.push(ok),
    });
    await wait(150);
    server.closeAllConnections();
    server.close();
    await wait(150);
    probe.stop();
    expect(results[0]).toBe(true);
    expect(results.at(-1)).toBe(false);
  });

  it.each([
    ["10.0.0.12:8080", { host: "10.0.0.12", port: 8080 }],
    ["[fd00::1]:80", { host: "fd00::1", port: 80 }],
    ["/run/app.sock", null],
    ["", null],
  ])("reads the address %j", (text, place) => {
    expect(parseAddress(text)).toEqual(place);
  });
});

describe("the watch", () => {
  const read = (lines: readonly string[]): WatchFrame[] => {
    const frames: WatchFrame[] = [];
    const reader = watchReader((frame) => frames.push(frame));
    lines.forEach(reader);
    return frames;
  };

  it("tells a frame when it is whole", () => {
    const rows = ["lbctl-watch ok", "|# pxname,svname,status,scur,weight", "|api,web-1,UP,0,1"];
    expect(read(rows)).toEqual([]);
    expect(read([...rows, "|", "lbctl-watch end"])).toMatchObject([
      { stats: { servers: [{ name: "web-1" }] } },
    ]);
  });

  it("tells why HAProxy did not answer, in either way", () => {
    expect(read(["lbctl-watch error /run/x: Connection refused"])).toEqual([
      { why: "/run/x: Connection refused" },
    ]);
    expect(read(["lbctl-watch ok", "|No such proxy.", "lbctl-watch end"])).toEqual([
      { why: "No such proxy." },
    ]);
  });

  it("ignores lines that are not its own", () => {
    expect(read(["Welcome!", "|api,web-1,DOWN", "lbctl-watch end"])).toEqual([]);
  });

  it("needs only perl-base, and refuses a pool's name that could be another command", () => {
    const used = [...watchScript("api_pool", "/run/a.sock", 5).matchAll(/\buse ([A-Za-z:]+)/g)].map(
      (match) => match[1],
    );
    expect(used).toEqual(["strict", "POSIX"]);
    expect(() => watchScript("a;b", "/run/a.sock", 5)).toThrow(/not a Runtime API command/);
  });
});
