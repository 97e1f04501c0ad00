import { describe, expect, it } from "vitest";
import { emptiedPools, readPattern, targetsIn, unmatched } from "../../../src/drain/targets.ts";
import type { Stats } from "../../../src/haproxy/stat.ts";
import { server } from "../../support/drill.ts";

const one = (pool: string, name: string, status = "UP", tracks = "") =>
  server(name, status, { pool, tracks });

const stats: Stats = {
  frontends: [],
  backends: [],
  servers: [
    one("api_pool", "api-1"),
    one("api_pool", "api-2"),
    one("api_websockets", "api-1", "UP", "api_pool/api-1"),
    one("api_websockets", "api-2", "UP", "api_pool/api-2"),
    one("stream_pool", "s.1"),
    one("stream_pool", "s-1", "DOWN"),
  ],
};

const targets = (...patterns: string[]) => targetsIn(stats, patterns.map(readPattern), "drain");
const names = (...patterns: string[]) =>
  targets(...patterns).servers.map(({ pool, name }) => `${pool}/${name}`);

describe("what a name stands for", () => {
  it.each([
    ["a server of a pool", ["api_pool/api-1"], ["api_pool/api-1"]],
    ["a host, but not where it follows by itself", ["api-1"], ["api_pool/api-1"]],
    ["one that follows, alone", ["api_websockets/api-1"], ["api_websockets/api-1"]],
    ["any letters", ["api_p*/api-?"], ["api_pool/api-1", "api_pool/api-2"]],
    ["a dot is a dot", ["s.1"], ["stream_pool/s.1"]],
    ["several, each once", ["s?1", "stream_pool/*"], ["stream_pool/s.1", "stream_pool/s-1"]],
    ["what is in a regular expression", ["(api|s)-1", "[sa]*", "api-1$"], []],
    ["nobody", [""], []],
  ])("%s", (_, patterns, expected) => {
    expect(names(...patterns)).toEqual(expected);
  });

  it("sessions are counted where a server follows, too", () => {
    expect(targets("api-1").counted).toEqual(["api_pool/api-1", "api_websockets/api-1"]);
  });

  it("one that follows is told, too, when it is to be ready: it may have been taken away alone", () => {
    const { servers } = targetsIn(stats, [readPattern("api-1")], "ready");
    expect(servers.map(({ pool }) => pool)).toEqual(["api_pool", "api_websockets"]);
  });

  it("one that follows one that follows goes with it, and is counted", () => {
    const chain = { ...stats, servers: [...stats.servers, one("deep", "d", "UP", "api_websockets/api-1")] };
    const all = targetsIn(chain, [readPattern("api_pool/api-1"), readPattern("deep/*")], "drain");
    expect(all.servers.map(({ pool }) => pool)).toEqual(["api_pool"]);
    expect(all.counted).toEqual(["api_pool/api-1", "api_websockets/api-1", "deep/d"]);
    expect(emptiedPools(chain, all, "drain")).toEqual(["deep"]);
  });

  it("a name that nobody has is told once, with the nearest", () => {
    const problems = unmatched(["api-1", "api-7", "x/y"].map(readPattern), [stats, stats]);
    expect(problems.map(({ what }) => what)).toEqual([
      'no load balancer has a server "api-7"',
      'no load balancer has a server "x/y"',
    ]);
    expect(problems[0]?.hint).toMatch(/^did you mean "api-[12]"\?$/);
    expect(problems[1]?.hint).toContain("`lbctl status` names them");
  });
});

describe("pools that would be emptied", () => {
  it.each([
    ["one of two", ["api-1"], []],
    ["both", ["api_pool/*"], ["api_pool", "api_websockets"]],
    ["the last one that is up", ["s.1"], ["stream_pool"]],
    ["one that is down already", ["s-1"], []],
  ])("%s", (_, patterns, emptied) => {
    expect(emptiedPools(stats, targets(...patterns), "drain")).toEqual(emptied);
  });

  it.each([
    ["UP", "UP", "drain", []],
    ["UP", "no check", "drain", []],
    ["UP", "UP 1/3", "drain", ["p"]],
    ["UP", "DRAIN", "drain", ["p"]],
    ["DRAIN", "DOWN", "drain", []],
    ["DRAIN", "DOWN", "maint", ["p"]],
    ["DRAIN 1/3", "MAINT", "maint", ["p"]],
    ["MAINT", "DOWN", "maint", []],
  ] as const)("by one that is %s, beside one that is %s, with %s", (own, other, state, emptied) => {
    const pool = { ...stats, servers: [one("p", "a", own), one("p", "b", other)] };
    expect(emptiedPools(pool, targetsIn(pool, [readPattern("a")], state), state)).toEqual(emptied);
  });
});
