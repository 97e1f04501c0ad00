import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { parseStat, type ServerStat, type Stats } from "../../../src/haproxy/stat.ts";
import { makeStatus } from "../../../src/haproxy/status.ts";
import { statusLines, waitingLine } from "../../../src/report/status.ts";
import { present } from "../../support/present.ts";

const capture = (name: string): Stats =>
  parseStat(readFileSync(new URL(`../../fixtures/haproxy/${name}`, import.meta.url), "utf8"));

const rows = (...servers: [pool: string, name: string, status: string][]): Stats =>
  parseStat(
    ["# pxname,svname,status,scur,weight", ...servers.map((server) => [...server, 0, 1].join(","))].join(
      "\n",
    ),
  );

const healthy = rows(["api_pool", "web-1", "UP"], ["api_pool", "web-2", "UP"]);

it("a server that tracks another is shown as that one, sessions added", () => {
  const stats = parseStat(
    [
      "# pxname,svname,status,scur,weight,qcur,tracked",
      "api_pool,web-1,UP,3,1,1,",
      "api_websockets,web-1,UP,4,1,0,api_pool/web-1",
    ].join("\n"),
  );
  const [host] = makeStatus([{ host: "lb-1", stats }]).hosts;
  expect(host?.pools.map(({ name }) => name)).toEqual(["api_pool"]);
  expect(host?.pools[0]?.servers[0]).toMatchObject({ sessions: 7, queue: 1 });
});

it("while it waits, it names what is not ok, each once", () => {
  const stats = rows(["a", "x", "UP"], ["a", "y", "DOWN"], ["b", "y", "DOWN"]);
  const document = makeStatus([
    { host: "lb-1", stats },
    { host: "lb-2", error: "no route" },
  ]);
  expect(waitingLine(document)).toBe("waiting: the fleet is unavailable (lb-2, y)");
});

describe("the health of a fleet", () => {
  it.each<[string, Parameters<typeof makeStatus>[0], string]>([
    ["every server is UP", [{ host: "lb-1", stats: healthy }], "ok"],
    ["a server is DOWN", [{ host: "lb-1", stats: rows(["a", "x", "UP"], ["a", "y", "DOWN"]) }], "degraded"],
    [
      "a server is drained",
      [{ host: "lb-1", stats: rows(["a", "x", "UP"], ["a", "y", "DRAIN"]) }],
      "degraded",
    ],
    [
      "a server is in MAINT",
      [{ host: "lb-1", stats: rows(["a", "x", "UP"], ["a", "y", "MAINT"]) }],
      "degraded",
    ],
    [
      "a host is silent while another serves",
      [
        { host: "lb-1", stats: healthy },
        { host: "lb-2", error: "no route" },
      ],
      "degraded",
    ],
    [
      "a pool of one host has no usable server",
      [
        { host: "lb-1", stats: healthy },
        { host: "lb-2", stats: rows(["api_pool", "web-1", "DOWN"], ["stream_pool", "s", "UP"]) },
      ],
      "unavailable",
    ],
    ["no load balancer answers", [{ host: "lb-1", error: "no route" }], "unavailable"],
    ["a load balancer has no pool", [{ host: "lb-1", stats: rows() }], "unavailable"],
    ["there is no load balancer", [], "unavailable"],
  ])("when %s", (_case, answers, health) => {
    expect(makeStatus(answers).health).toBe(health);
  });

  it("leaves out the statistics page, which has no servers", () => {
    const status = makeStatus([{ host: "lb-1", stats: capture("stat-2.6-trouble.csv") }]);
    expect(status.hosts[0]?.pools.map(({ name, health }) => [name, health])).toEqual([
      ["api_pool", "unavailable"],
      ["stream_pool", "degraded"],
    ]);
  });

  it("keeps the reason of a silent host", () => {
    expect(makeStatus([{ host: "lb-1", error: "no route" }]).hosts).toEqual([
      { name: "lb-1", health: "unavailable", error: "no route", pools: [] },
    ]);
  });
});

describe("the table of a fleet", () => {
  const bare = (lines: readonly string[]): string[] => lines.map((line) => line.replace(/\u001B\[\d+m/g, ""));

  it("shows each server with its state and says why it is down", () => {
    const lines = bare(statusLines(makeStatus([{ host: "lb-1", stats: capture("stat-2.6-trouble.csv") }])));
    expect(lines[0]).toBe("lb-1  unavailable");
    expect(lines.join("\n")).toMatch(/backend-api-2 +DOWN +L4CON/);
    expect(lines.join("\n")).toContain("Connection refused");
    expect(lines.at(-1)).toBe("fleet  unavailable");
  });

  it("stays within 80 columns, whatever the names and reasons are", () => {
    const [server] = capture("stat-2.6-trouble.csv").servers;
    const long: ServerStat = {
      ...present(server),
      pool: "p".repeat(90),
      name: `${"n".repeat(120)}-eu-1`,
      status: "MAINT (via some/other)",
      sessions: 12_345_678,
      check: { status: "L7STS", code: 503, durationMs: 1, lastReason: "because ".repeat(40) },
    };
    const lines = bare(
      statusLines(
        makeStatus([
          { host: "h".repeat(100), stats: { frontends: [], backends: [], servers: [long] } },
          { host: "lb-2", error: "the link was lost ".repeat(10) },
        ]),
      ),
    );
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(80);
    expect(lines.join("\n")).toContain("n…nnnnnnnn-eu-1 ");
  });

  it("lets no server's words move the cursor or colour the screen", () => {
    const [server] = healthy.servers;
    const evil: ServerStat = {
      ...present(server),
      status: "DOWN",
      up: false,
      check: { status: "L7STS", code: 500, durationMs: 1, lastReason: "a\u001B[2Jb\rc\u009B31m" },
    };
    const text = statusLines(
      makeStatus([{ host: "lb-1", stats: { frontends: [], backends: [], servers: [evil] } }]),
    );
    expect(bare(text).join("")).not.toMatch(/[\u0000-\u001F\u007F-\u009F]/);
  });
});
