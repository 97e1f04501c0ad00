import { LbctlError } from "../errors.ts";
import { expectSuccess, type Shell } from "./shell.ts";

/** The first three numbers of a /24 that no interface or route of this machine has. */
export async function findFreeSubnet(shell: Shell): Promise<string> {
  const routes = expectSuccess(
    await shell.run(["ip", "-4", "-o", "route", "show", "table", "all"]),
    "ip route",
  );
  const addresses = expectSuccess(await shell.run(["ip", "-4", "-o", "addr"]), "ip addr");
  return chooseSubnet(`${routes.stdout}\n${addresses.stdout}`);
}

/** Pure: picks from 10.214.7.0/24 upward, away from every IPv4 network that `text` names. */
export function chooseSubnet(text: string): string {
  const taken = [...text.matchAll(/\b(\d+)\.(\d+)\.(\d+)\.(\d+)(?:\/(\d+))?\b/g)].map((match) => {
    const [a = 0, b = 0, c = 0, d = 0] = match.slice(1, 5).map(Number);
    const bits = match[5] === undefined ? 32 : Number(match[5]);
    return { address: toNumber(a, b, c, d), bits };
  });
  for (let third = 7; third < 255; third++) {
    const network = toNumber(10, 214, third, 0);
    const free = taken.every(({ address, bits }) => {
      const shared = 32 - Math.min(bits, 24);
      return bits === 0 || Math.floor(address / 2 ** shared) !== Math.floor(network / 2 ** shared);
    });
    if (free) return `10.214.${third}`;
  }
  throw new LbctlError("invalid", {
    what: "no /24 from 10.214.7.0 to 10.214.254.0 is free on this machine",
    hint: "See `ip route` for what has them.",
  });
}

function toNumber(a: number, b: number, c: number, d: number): number {
  return ((a * 256 + b) * 256 + c) * 256 + d;
}
