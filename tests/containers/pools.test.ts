import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parseStat } from "../../src/haproxy/stat.ts";
import { get, openWebSocket } from "../support/http.ts";
import { addressOf, freshLab, inventory, runtime } from "../support/lab.ts";
import { lbctl, lbctlJson } from "../support/lbctl.ts";
import { selfSigned, startServers, stopServers, writeFile } from "../support/own-servers.ts";
import { releases } from "../support/releases.ts";

interface ApplyDocument {
  readonly hosts: { outcome: string; error: { problems: { what: string }[] } | null }[];
}

interface StatusDocument {
  readonly hosts: { pools: { name: string; servers: { name: string; status: string }[] }[] }[];
}

const name = "git.example.com";
const ca = "/etc/git.example.com.pem";
const others = "/etc/others.pem";

/** Checked often, so that what stops is seen at once. */
const check = { interval_ms: 500, fastinter_ms: 100, downinter_ms: 200, fall: 2, rise: 1 };

/** A pool of one server of own-servers.py. */
const pool = (server: string, port: number) => ({
  servers: [{ name: server, address: addressOf("backend-api-1"), port }],
});

const forgejo = (tls: object) => ({
  ...pool("forgejo", 3000),
  tls,
  check: { ...check, path: "/up", host: name },
});

const pools = (tls: object) => ({
  forgejo: forgejo(tls),
  exact: pool("exact", 3001),
  wildcard: pool("wildcard", 3002),
  deep: pool("deep", 3003),
  path: pool("path", 3004),
  prefix: pool("prefix", 3005),
  pair: { groups: ["backend_api_instances"], port: 8080, sticky_cookie: "PAIR", check: { path: "/health" } },
  spared: {
    servers: [
      { name: "main", address: addressOf("backend-api-2"), port: 3006 },
      { name: "spare", address: addressOf("backend-api-1"), port: 3007, backup: true },
    ],
    check,
  },
});

const haproxy_routes = [
  { prefixes: ["/assets"], pool: "prefix" },
  { hosts: ["*.example.com"], pool: "wildcard" },
  { hosts: ["*.deep.example.com"], pool: "deep" },
  { hosts: ["exact.example.com"], pool: "exact" },
  { hosts: ["exact.example.com"], paths: ["/robots.txt"], pool: "path" },
  { hosts: ["ws.example.com"], pool: "api_pool" },
  { hosts: ["pair.example.com"], pool: "pair" },
  { hosts: ["spared.example.com"], pool: "spared" },
  { hosts: [name], pool: "forgejo" },
];

const trusting = { verify: "required", ca, sni: name };

describe.each(releases)("HAProxy %s", (release) => {
  let url = "";

  /** Applies the lab's inventory with these pools, of which that of HTTPS is spoken to so. */
  async function apply(tls: object = trusting, ...more: readonly string[]) {
    const extra = JSON.stringify({ haproxy_pools: pools(tls), haproxy_routes });
    const words = ["apply", "-i", inventory, "--yes", "-e", extra, ...more];
    const { code, document, stderr } = await lbctlJson<ApplyDocument>(words);
    const [host] = document.hosts;
    const why = host?.error?.problems.map(({ what }) => what).join("\n") ?? "";
    return { code, outcome: host?.outcome, why, stderr };
  }

  const ask = (host: string, path = "/", headers: Record<string, string> = {}) =>
    get(url + path, { ...headers, ...(host === "" ? {} : { host }) });

  const servers = async () => parseStat(await runtime("lb-1", "show stat")).servers;

  beforeAll(async () => {
    await freshLab(release);
    url = `http://${addressOf("lb-1")}`;
    const [own, other] = [await selfSigned(name), await selfSigned(name)];
    await writeFile("backend-api-1", "/run/forgejo.pem", own.withKey);
    await writeFile("lb-1", ca, own.certificate);
    await writeFile("lb-1", others, other.certificate);
    const plain = ["exact", "wildcard", "deep", "path", "prefix"].map(
      (each, at) => `${each}=${String(3001 + at)}`,
    );
    await startServers(
      "backend-api-1",
      "own-servers",
      "forgejo=3000=/run/forgejo.pem",
      ...plain,
      "spare=3007",
    );
    await startServers("backend-api-2", "own-main", "main=3006");
    expect(await apply()).toMatchObject({ code: 0, outcome: "changed", why: "" });
    expect((await lbctl(["status", "-i", inventory, "--wait", "20"])).code).toBe(0);
  });

  afterAll(async () => {
    await stopServers("backend-api-1", "own-servers");
    await stopServers("backend-api-2", "own-main");
  });

  test("a server that speaks HTTPS alone is reached by its host, and its 302 counts as up", async () => {
    const { status, server, body } = await ask(name, "/user/repo");
    expect({ status, server, ...(JSON.parse(body) as object) }).toEqual({
      ...{ status: 200, server: "forgejo", host: name, path: "/user/repo", sni: name },
    });
    const [row] = (await servers()).filter(({ pool }) => pool === "forgejo");
    expect(row).toMatchObject({ status: "UP", check: { status: "L7OK", code: 302 } });
  });

  test.each([
    ["a ca that did not sign it", { ...trusting, ca: others }],
    ["a name that it does not have", { ...trusting, sni: "other.example.com" }],
  ])("with %s the server would be down, and the change is rolled back", async (_, tls) => {
    const { code, outcome, why } = await apply(tls);
    expect({ code, outcome }).toEqual({ code: 6, outcome: "rolled-back" });
    expect(why).toMatch(/^health gate: forgejo\/forgejo \([\d.]+:3000\) failed its check: L6RSP/);
    expect((await ask(name)).server).toBe("forgejo");
  });

  test("with `verify: none` whoever answers is believed", async () => {
    expect(await apply({ verify: "none" })).toMatchObject({ code: 0, outcome: "changed" });
    expect(JSON.parse((await ask(name)).body)).toMatchObject({ sni: null });
    expect(await apply()).toMatchObject({ code: 0, outcome: "changed" });
  });

  test.each([
    ["exact.example.com", "/", "exact"],
    ["EXACT.example.com:80", "/assets/x", "exact"],
    ["exact.example.com", "/robots.txt", "path"],
    ["exact.example.com", "/robots.txt/x", "exact"],
    ["any.example.com", "/robots.txt", "wildcard"],
    ["a.b.example.com", "/", "wildcard"],
    ["a.deep.example.com", "/assets", "deep"],
    ["deep.example.com", "/", "wildcard"],
    ["other.example.org", "/assets", "prefix"],
    ["other.example.org", "/assets/a/b?c", "prefix"],
    ["example.com.example.org", "/assets/", "prefix"],
    ["", "/stream-less", "backend-api-"],
    ["other.example.org", "/assetsx", "backend-api-"],
    ["example.com", "/", "backend-api-"],
    ["other.example.org", "/stream/status", "stream-server-"],
  ])("a request for %s%s goes to %s, and `routes` says so", async (host, path, expected) => {
    expect((await ask(host, path)).server).toContain(expected);
    const extra = JSON.stringify({ haproxy_pools: pools(trusting), haproxy_routes });
    const asked = (host === "" ? addressOf("lb-1") : host) + path;
    const { document } = await lbctlJson<{ hosts: { pool: string }[] }>([
      ...["routes", asked, "-i", inventory, "-e", extra],
    ]);
    const builtIn: Record<string, string> = { "backend-api-": "api_pool", "stream-server-": "stream_pool" };
    expect(document.hosts[0]?.pool).toBe(builtIn[expected] ?? expected);
  });

  test("a WebSocket goes to the API by a route of its own, and to another pool by another", async () => {
    const upgraded = async (pool: string) =>
      (await servers())
        .filter((server) => server.pool === pool)
        .reduce((sum, { sessions }) => sum + sessions, 0);
    const socket = await openWebSocket(`${url}/ws`, { host: "ws.example.com" });
    expect(socket.first).toMatch(/^backend-api-/);
    expect(await socket.echo("to and fro")).toBe("to and fro");
    expect(await upgraded("api_websockets")).toBe(1);
    socket.close();
    const other = await openWebSocket(`${url}/ws`, { host: "pair.example.com" });
    expect(await other.echo("here too")).toBe("here too");
    expect(await upgraded("pair")).toBe(1);
    other.close();
  });

  test("a backup is used when the server before it stops, until that is back", async () => {
    const who = async () => (await ask("spared.example.com")).server;
    expect(await who()).toBe("main");
    await stopServers("backend-api-2", "own-main");
    await expect.poll(who, { timeout: 5000 }).toBe("spare");
    await startServers("backend-api-2", "own-main", "main=3006");
    await expect.poll(who, { timeout: 5000 }).toBe("main");
  });

  test("the cookie of a pool keeps a client on its server, and drain and status know the pool", async () => {
    const first = await ask("pair.example.com");
    const [cookie = ""] = first.headers["set-cookie"]?.[0]?.split(";") ?? [];
    expect(cookie).toBe(`PAIR=${first.server}`);
    const who = async (headers: Record<string, string> = {}) => {
      const answers = new Set<string>();
      for (let n = 0; n < 8; n++) answers.add((await ask("pair.example.com", "/", headers)).server);
      return [...answers].sort();
    };
    expect(await who({ cookie })).toEqual([first.server]);
    expect(await who()).toEqual(["backend-api-1", "backend-api-2"]);
    expect((await lbctl(["drain", "pair/backend-api-1", "-i", inventory])).code).toBe(0);
    expect(await who()).toEqual(["backend-api-2"]);
    const { document } = await lbctlJson<StatusDocument>(["status", "-i", inventory]);
    const shown = Object.fromEntries(
      (document.hosts[0]?.pools ?? []).map(({ name, servers }) => [
        name,
        servers.map((server) => `${server.name} ${server.status.split(" ")[0] ?? ""}`),
      ]),
    );
    expect(shown).toMatchObject({
      api_pool: ["backend-api-1 UP", "backend-api-2 UP"],
      forgejo: ["forgejo UP"],
      pair: ["backend-api-1 DRAIN", "backend-api-2 UP"],
      spared: ["main UP", "spare UP"],
    });
    expect((await lbctl(["ready", "pair/backend-api-1", "-i", inventory])).code).toBe(0);
    expect(await who()).toEqual(["backend-api-1", "backend-api-2"]);
  });

  test("without API and stream servers, what no route takes is answered with 503", async () => {
    const folder = mkdtempSync(join(tmpdir(), "lbctl-inventory-"));
    writeFileSync(join(folder, "nobody.yml"), "all: { children: { nobody: {} } }\n");
    const routes = haproxy_routes.filter((route) => route.pool !== "api_pool");
    const groups = { haproxy_api_group: "nobody", haproxy_stream_group: "nobody", haproxy_routes: routes };
    const alone = await apply(trusting, "-i", join(folder, "nobody.yml"), "-e", JSON.stringify(groups));
    expect(alone).toMatchObject({ code: 0, outcome: "changed", why: "" });
    expect((await ask(name)).server).toBe("forgejo");
    expect((await ask("other.example.org", "/stream")).status).toBe(503);
  });
});

afterAll(async () => {
  expect((await lbctl(["lab", "up", "--yes"])).code).toBe(0);
});
