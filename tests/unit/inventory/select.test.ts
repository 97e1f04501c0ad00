import { expect, test } from "vitest";
import { selectHosts } from "../../../src/inventory/select.ts";
import { textsOf } from "../folder.ts";
import { fleetOf } from "./fleet.ts";

const inventory = `
all:
  hosts: {solo: , "::1": , web: }
  children:
    webs: {hosts: {"web[1:5]": , api1: }}
    dbs: {hosts: {"db[01:03]": , api1: }, children: {sub: {hosts: {s1: , s2: }}}}
    empty: {}
    we-b: {hosts: {x.example.com: }}
`;

// each was listed by Ansible 2.14 in this order
test.each([
  ["all", "solo ::1 web web1 web2 web3 web4 web5 api1 db01 db02 db03 x.example.com s1 s2"],
  ["*", "solo ::1 web web1 web2 web3 web4 web5 api1 db01 db02 db03 x.example.com s1 s2"],
  ["webs", "web1 web2 web3 web4 web5 api1"],
  ["solo", "solo"],
  ["web?", "web1 web2 web3 web4 web5 api1"],
  ["a?i1", "api1"],
  ["webs:dbs", "web1 web2 web3 web4 web5 api1 db01 db02 db03 s1 s2"],
  ["webs,dbs", "web1 web2 web3 web4 web5 api1 db01 db02 db03 s1 s2"],
  ["webs:&dbs", "api1"],
  ["webs:!api1", "web1 web2 web3 web4 web5"],
  ["!webs", "solo ::1 web db01 db02 db03 x.example.com s1 s2"],
  ["&dbs", "api1 db01 db02 db03 s1 s2"],
  ["all:!webs:!dbs", "solo ::1 web x.example.com"],
  ["!webs,solo,web1", "solo"],
  ["web2,web1", "web2 web1"],
  [" web1 , web2 ", "web1 web2"],
  ["empty", ""],
  ["ungrouped", "solo ::1 web"],
  ["::1", "::1"],
  ["::1,web1", "::1 web1"],
  ["*.example.com", "x.example.com"],
  ["we-b", "x.example.com"],
  ["~s\\d", "s1 s2"],
  ["~(s1|db02)", "db02 s1"],
  ["webs[0]", "web1"],
  ["webs[-1]", "api1"],
  ["webs[1:2]", "web2 web3"],
  ["webs[4:]", "web5 api1"],
  ["webs[3:9]", "web4 web5 api1"],
  ["we[b]1", "web1"],
  ["web[!1]:!we-b", "web1 web2 web3 web4 web5 api1"],
])("the pattern %j selects %j", async (pattern, expected) => {
  const hosts = selectHosts(await fleetOf(inventory), pattern);
  expect(hosts.join(" ")).toBe(expected);
});

test.each([
  ["wbs", 'no host or group matches "wbs"; did you mean "webs"?'],
  ["all:!wbs", 'no host or group matches "wbs"; did you mean "webs"?'],
  ["all:&nothing", 'no host or group matches "nothing"'],
  ["zz*", 'no host or group matches "zz*"'],
  ["", 'the host pattern "" is empty'],
  [" , ", 'the host pattern " , " is empty'],
  ["~(", 'the host pattern "~(" is not a valid regular expression'],
  ["!", "a part of the host pattern names nobody"],
  ["webs[9]", '"webs[9]" is out of range: webs has 6 hosts'],
])("the pattern %j is refused", async (pattern, expected) => {
  const fleet = await fleetOf(inventory);
  expect(await textsOf(() => selectHosts(fleet, pattern))).toEqual([expected]);
});

test("every unknown name is told", async () => {
  const fleet = await fleetOf(inventory);
  expect(await textsOf(() => selectHosts(fleet, "aaaa,bbbb:!cccc"))).toHaveLength(2);
});
