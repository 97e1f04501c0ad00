import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { parseCsv } from "../../../src/haproxy/csv.ts";
import { parseInfo } from "../../../src/haproxy/info.ts";
import { isUp, parseStat } from "../../../src/haproxy/stat.ts";

const fixture = (name: string): string =>
  readFileSync(new URL(`../../fixtures/haproxy/${name}`, import.meta.url), "utf8");

const versions = ["2.6", "3.0"];

describe.each(versions)("show stat of HAProxy %s", (version) => {
  it("gives every server with its status and check", () => {
    const { servers } = parseStat(fixture(`stat-${version}-trouble.csv`));
    expect(
      servers.map(({ pool, name, status, up, check }) => [pool, name, status, up, check.status]),
    ).toEqual([
      ["api_pool", "backend-api-1", "DRAIN", false, "L7OK"],
      ["api_pool", "backend-api-2", "DOWN", false, "L4CON"],
      ["stream_pool", "stream-server-1", "MAINT", false, ""],
      ["stream_pool", "stream-server-2", "DOWN", false, "L4CON"],
      ["stream_pool", "nocheck", "no check", true, ""],
    ]);
    expect(servers[1]?.check.lastReason).toBe("Connection refused");
    expect(servers[1]?.address).toBe("127.0.0.1:18092");
    expect(servers.map(({ backup }) => backup)).toEqual([false, false, false, true, false]);
  });

  it("counts a server on its way down as up", () => {
    const { servers } = parseStat(fixture(`stat-${version}-going-down.csv`));
    expect(servers[1]).toMatchObject({ name: "backend-api-2", status: "UP 1/3", up: true });
  });

  it("gives frontends and backends their own rows", () => {
    const { frontends, backends, servers } = parseStat(fixture(`stat-${version}-steady.csv`));
    expect(frontends.map(({ name, status }) => [name, status])).toEqual([
      ["fe_http", "OPEN"],
      ["stats", "OPEN"],
    ]);
    expect(frontends[0]?.requests).toBe(20);
    expect(backends.map(({ name, up }) => [name, up])).toEqual([
      ["stats", true],
      ["api_pool", true],
      ["stream_pool", true],
    ]);
    expect(servers[0]).toMatchObject({ totalSessions: 10, weight: 1, check: { code: 200 } });
  });

  it("gives the version, process and description of show info", () => {
    const info = parseInfo(fixture(`info-${version}.txt`));
    expect(info.name).toBe("HAProxy");
    expect(info.version).toMatch(new RegExp(`^${version.replace(".", "\\.")}\\.`));
    expect(info.pid).toBeGreaterThan(1);
    expect(info.description).toBe("lbctl-end 2 |x lbctl-answer 1 ok");
  });
});

describe("show stat", () => {
  it("is read by the names of its columns, in any order", () => {
    const { servers } = parseStat("# pxname,weight,svname,new,scur,status\napi,7,web-1,?,3,UP 2/3\n");
    expect(servers[0]).toMatchObject({
      pool: "api",
      name: "web-1",
      weight: 7,
      sessions: 3,
      status: "UP 2/3",
      up: true,
    });
  });

  it("keeps commas, quotes and new lines of a quoted field in that field", () => {
    const text =
      '# pxname,svname,status,scur,weight,last_chk\napi,web-1,DOWN,0,1,"a ""b"", c\nd"\napi,web-2,UP,0,1,\n';
    const { servers } = parseStat(text);
    expect(servers.map(({ name }) => name)).toEqual(["web-1", "web-2"]);
    expect(servers[0]?.check.lastReason).toBe('a "b", c\nd');
  });

  it("leaves out the sockets of a frontend", () => {
    const text = "# pxname,svname,status,scur,weight,type\nfe,sock-1,OPEN,0,1,3\napi,web-1,UP,0,1,2\n";
    expect(parseStat(text).servers.map(({ name }) => name)).toEqual(["web-1"]);
  });

  it("takes no server for a section, whatever its name is", () => {
    const text =
      "# pxname,svname,status,scur,weight,type\napi,BACKEND,UP,0,1,2\napi,FRONTEND,UP,0,1,2\napi,BACKEND,UP,0,1,1\n";
    const { servers, backends } = parseStat(text);
    expect(servers.map(({ name }) => name)).toEqual(["BACKEND", "FRONTEND"]);
    expect(backends).toHaveLength(1);
  });

  it.each(["", "Unknown command", "# pxname,svname\napi,web-1\n"])("refuses %j", (text) => {
    expect(() => parseStat(text)).toThrow(/show stat/);
  });

  it.each([
    ["UP", true],
    ["UP 1/3", true],
    ["no check", true],
    ["DOWN", false],
    ["DOWN 1/2", false],
    ["DRAIN", false],
    ["NOLB", false],
    ["MAINT (via api/web-1)", false],
  ])("with the status %j means up: %j", (status, up) => {
    expect(isUp(status)).toBe(up);
  });
});

it("CSV keeps empty fields and drops empty lines", () => {
  expect(parseCsv("a,,b\n\nc,\n")).toEqual([
    ["a", "", "b"],
    ["c", ""],
  ]);
});

it("show info refuses what is not an answer to it", () => {
  expect(() => parseInfo("Permission denied")).toThrow(/show info/);
});
