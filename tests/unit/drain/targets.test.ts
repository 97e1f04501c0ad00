import { describe, expect, it } from "vitest";
import { readPattern, targetsIn, unmatched, whoIsLeft } from "../../../src/drain/targets.ts";
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

const targets = (...patterns: string[]) => targetsIn(stats, patterns.map(readPattern));
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

describe("who is left", () => {
  it.each([
    ["one of two", ["api-1"], [], [["api_pool/api-2"], ["api_websockets/api-2"]]],
    ["both", ["api_pool/*"], ["api_pool", "api_websockets"], []],
    ["the last one that is up", ["s.1"], ["stream_pool"], []],
    ["one that is down already", ["s-1"], [], []],
  ])("%s", (_, patterns, emptied, remaining) => {
    expect(whoIsLeft(stats, targets(...patterns))).toEqual({ emptied, remaining });
  });
});
