import { expect, test } from "vitest";
import { readUrl } from "../../../src/commands/routes.ts";
import { whichRoute } from "../../../src/render/which-route.ts";

const vars = {
  haproxy_routes: [
    { prefixes: ["/assets"], pool: "static" },
    { hosts: ["*.example.com"], pool: "wild" },
    { hosts: ["Git.example.com"], pool: "git" },
    { hosts: ["git.example.com"], paths: ["/robots.txt"], pool: "static" },
  ],
  haproxy_stream_hosts: ["live.example.net"],
  haproxy_stream_path_prefixes: ["/stream"],
};
const both = { api_servers: [{}], stream_servers: [{}] };

test.each([
  [
    "https://git.example.com/robots.txt?x=1",
    "static",
    "haproxy_routes/3",
    "its host is git.example.com and its path is /robots.txt",
  ],
  ["GIT.example.com:8443", "git", "haproxy_routes/2", "its host is git.example.com"],
  ["a.example.com/assets", "wild", "haproxy_routes/1", "its host is *.example.com"],
  ["example.com/assets/x", "static", "haproxy_routes/0", "its path is /assets or below"],
  ["example.com/assetsx", "api_pool", "", "no route takes it"],
  ["live.example.net/", "stream_pool", "haproxy_stream_hosts", "its host is live.example.net"],
  ["example.net/stream/1", "stream_pool", "haproxy_stream_path_prefixes", "its path is /stream or below"],
])("%s goes to %s", (url, pool, route, since) => {
  const { variable, path, ...taken } = whichRoute(vars, both, readUrl(url));
  expect(taken).toEqual({ pool, since });
  expect([variable, ...path].filter((step) => step !== null).join("/")).toBe(route);
});

test("without an API what is left goes to the stream pool, without both nowhere", () => {
  const asked = readUrl("example.net/");
  expect(whichRoute(vars, { ...both, api_servers: [] }, asked).pool).toBe("stream_pool");
  expect(whichRoute(vars, { api_servers: [], stream_servers: [] }, asked).pool).toBe(null);
});

test.each(["", "/x", "ftp://a/", "http://a b/", "http://a/ b", "http://[::1]/", "a:123456/"])(
  "%j is no URL",
  (url) => {
    expect(() => readUrl(url)).toThrow("is no URL that a request could have");
  },
);
