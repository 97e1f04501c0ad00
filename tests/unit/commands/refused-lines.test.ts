import { describe, expect, test } from "vitest";
import { refusedLines } from "../../../src/commands/refused-lines.ts";
import type { DesiredHost } from "../../../src/model/host.ts";
import { refusedSet, refusedSets } from "../../support/refused.ts";

function desired(files: readonly { path: string; content: string }[]): DesiredHost {
  const whole = files.map((file) => ({ ...file, mode: "0644", sha256: "" }));
  return { host: "lb-1", files: whole, identity: "", shownIdentity: "", warnings: [] };
}

// Printed by HAProxy 2.6.12 and 3.0.11; the container tests let them say it again.
describe.each(["2.6", "3.0"])("HAProxy %s", (release) => {
  test.each(refusedSets.filter((name) => name !== "lists"))("%s: each marked line is named", (name) => {
    const { files, marked, alerts } = refusedSet(name);
    const lines = refusedLines(alerts(release), desired(files)).map(({ line }) => line);
    expect([...new Set(lines)].sort((a, b) => a - b)).toEqual(marked);
  });

  test("a broken list or map is named by its own line, once, with the line that reads it", () => {
    const { files, alerts } = refusedSet("lists");
    const lines = refusedLines(alerts(release), desired(files));
    expect(lines.map(({ path, line, readBy }) => [path, line, readBy])).toEqual([
      ["lists/peers.list", 3, 13],
      ["maps/peers.map", 3, 14],
      ["lists/paths.list", 3, 15],
      ["maps/weights.map", 2, 16],
    ]);
  });
});

function named(config: string, ...alerts: string[]): number[] {
  const output = alerts.map((alert) => `[ALERT]    (4) : config : ${alert}`).join("\n");
  return refusedLines(output, desired([{ path: "haproxy.cfg", content: config }])).map(({ line }) => line);
}

test("where several lines may be meant, the section is named", () => {
  const config = "frontend web\n  use_backend lost if one\n  use_backend lost if two\n";
  const alert = "Proxy 'web': unable to find required use_backend: 'lost'.";
  expect(named(config, alert)).toEqual([1]);
  expect(named(config, alert, alert)).toEqual([2, 3]);
});

test("where no line holds the words, the section is named; without a section, none", () => {
  const config = 'frontend web\n  default_backend "$TO"\nfrontend other\n  default_backend lost\n';
  expect(named(config, "Proxy 'web': unable to find required default_backend: 'lost'.")).toEqual([1]);
  expect(named(config, "Proxy 'gone': unable to find required default_backend: 'lost'.")).toEqual([]);
  expect(named(config, "out of memory.")).toEqual([]);
  expect(named(config, "'default_backend' : unable to load.")).toEqual([]);
});

test("where a frontend and a backend have one name, no section is taken for the other", () => {
  const config = "frontend web\n  bind :80\nbackend web\n  server one 127.0.0.1:1\n";
  expect(named(config, "Proxy 'web': something that quotes 'nothing' of it.")).toEqual([]);
});

test("a rule without its ACL is told of unless the ACL itself is", () => {
  const acl = "parsing [/staged/haproxy.cfg:2] : error detected while parsing ACL 'peer' : no.";
  const rule = "parsing [/staged/haproxy.cfg:3] : error detected : no such ACL : 'peer'.";
  const config = "frontend web\n  acl peer src x\n  http-request deny if peer\n";
  expect(named(config, rule)).toEqual([3]);
  expect(named(config, acl, rule)).toEqual([2]);
});
