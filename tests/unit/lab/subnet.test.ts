import { expect, test } from "vitest";
import { chooseSubnet } from "../../../src/lab/subnet.ts";

const cases: readonly (readonly [why: string, text: string, subnet: string])[] = [
  ["nothing is near", "default via 192.0.2.1 dev eth0\n192.0.2.0/24 dev eth0", "10.214.7"],
  ["an interface has the first", "3: br0 inet 10.214.7.1/24 brd 10.214.7.255 scope global br0", "10.214.8"],
  ["a route to one host is in the first", "10.214.7.9 dev tun0 scope link", "10.214.8"],
  ["a wider route covers many", "10.214.0.0/20 dev tun0", "10.214.16"],
  ["a default route covers everything and takes nothing", "0.0.0.0/0 via 192.0.2.1", "10.214.7"],
];

test.each(cases)("when %s, the bridge gets a /24 of its own", (_why, text, subnet) => {
  expect(chooseSubnet(text)).toBe(subnet);
});

test("a machine that routes all of 10.214.0.0/16 is told so", () => {
  expect(() => chooseSubnet("10.0.0.0/8 dev tun0")).toThrow(/no \/24/);
});
