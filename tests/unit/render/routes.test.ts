import { expect, test } from "vitest";
import { routeLines, type DeclaredRoute } from "../../../src/render/routes.ts";
import { mulberry32 } from "../../support/random.ts";

const of = (host: string) => `{ req.hdr(host),field(1,:) -m str -i ${host} }`;
const below = (domain: string) => `{ req.hdr(host),field(1,:) -m end -i .${domain} }`;

/** A pool of each is named by its place in the order. */
const routes: readonly DeclaredRoute[] = [
  { hosts: ["a.example.com"], paths: ["/x"], pool: "p01" },
  { hosts: ["a.example.com"], prefixes: ["/x/y"], pool: "p02" },
  { hosts: ["a.example.com"], prefixes: ["/x"], pool: "p03" },
  { hosts: ["a.example.com"], pool: "p04" },
  { hosts: ["b.example.com"], pool: "p05" },
  { hosts: ["*.b.example.com"], paths: ["/x"], pool: "p06" },
  { hosts: ["*.b.example.com"], pool: "p07" },
  { hosts: ["*.example.com"], paths: ["/a-path-that-is-long"], pool: "p08" },
  { hosts: ["*.example.com"], prefixes: ["/x"], pool: "p09" },
  { hosts: ["*.example.com"], pool: "p10" },
  { hosts: ["*.example.net"], pool: "p11" },
  { paths: ["/x"], pool: "p12" },
  { paths: ["/x/y"], pool: "p13" },
  { prefixes: ["/a/prefix/that/is/long"], pool: "p14" },
  { prefixes: ["/x"], pool: "p15" },
  { prefixes: ["/y"], pool: "p16" },
];

function shuffled<Item>(items: readonly Item[], random: () => number): Item[] {
  return items
    .map((item) => ({ item, at: random() }))
    .sort((a, b) => a.at - b.at)
    .map(({ item }) => item);
}

test("whatever the order of the routes, the most exact comes first", () => {
  const expected = routeLines(routes);
  expect([...new Set(expected.map(({ pool }) => pool))]).toEqual(routes.map(({ pool }) => pool));
  const random = mulberry32(19);
  for (let n = 0; n < 200; n++) expect(routeLines(shuffled(routes, random))).toEqual(expected);
});

test("the order of the items of a route does not matter either", () => {
  const route = (items: readonly string[]): DeclaredRoute => ({
    hosts: items.map((item) => `${item}.example.com`),
    prefixes: items.map((item) => `/${item}`),
    pool: "p",
  });
  expect(routeLines([route(["a", "bb", "c"])])).toEqual(routeLines([route(["c", "a", "bb"])]));
});

test("each host and path is a line, a prefix two: itself, and what is below it", () => {
  const route = { hosts: ["Git.example.com", "*.example.net"], paths: ["/a"], prefixes: ["/b"], pool: "p" };
  expect(routeLines([route]).map(({ condition }) => condition)).toEqual([
    `${of("git.example.com")} { path /a }`,
    `${of("git.example.com")} { path /b }`,
    `${of("git.example.com")} { path_beg /b/ }`,
    `${below("example.net")} { path /a }`,
    `${below("example.net")} { path /b }`,
    `${below("example.net")} { path_beg /b/ }`,
  ]);
});

test("of two routes for the same the earlier one counts", () => {
  const twice = [
    { hosts: ["a.example.com"], pool: "first" },
    { hosts: ["A.example.com"], pool: "second" },
  ];
  expect(routeLines(twice)).toEqual([{ pool: "first", condition: of("a.example.com") }]);
});

test("WebSockets of a route to the API go to their own backend", () => {
  expect(routeLines([{ paths: ["/a"], pool: "api_pool" }])).toEqual([
    { pool: "api_websockets", condition: "{ path /a } { hdr(upgrade) -i websocket }" },
    { pool: "api_pool", condition: "{ path /a }" },
  ]);
});

test("masks change the words of a line, and neither its place nor how many there are", () => {
  const real = [
    { hosts: ["*.example.com"], pool: "a" },
    { hosts: ["b.example.com"], prefixes: ["/x"], pool: "api_pool" },
  ];
  const shown = [
    { hosts: ["<secret>"], pool: "a" },
    { hosts: ["b.example.com"], prefixes: ["/x"], pool: "<secret>" },
  ];
  const lines = routeLines(real, shown);
  expect(lines.map(({ pool }) => pool)).toEqual([
    ...["api_websockets", "<secret>", "api_websockets", "<secret>"],
    "a",
  ]);
  expect(lines).toHaveLength(routeLines(real).length);
  expect(lines.at(-1)?.condition).toBe(of("<secret>"));
});
