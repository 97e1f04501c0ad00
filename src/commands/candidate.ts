import type { Host } from "../model/fleet.ts";
import type { DesiredHost } from "../model/host.ts";
import { Refusal } from "../model/refusal.ts";
import type { Role } from "../model/role.ts";
import type { RenderInput } from "../render/render.ts";
import { readCandidate } from "../validate/candidate.ts";
import type { Expected } from "../validate/expectations.ts";

/**
 * The step of validation that needs no host: the listeners. Returns what the target is told for the others.
 * Throws LbctlError `rejected` with every finding, explained.
 */
export async function checkCandidate(desired: DesiredHost, input: RenderInput): Promise<string> {
  const config = desired.files.find(({ path }) => path === "haproxy.cfg")?.content ?? "";
  const { findings, expectations } = readCandidate(config, expectedOf(input.role, input.host));
  if (findings.length === 0) return expectations;
  const { explainRejection } = await import("./explain.ts");
  throw explainRejection(new Refusal(desired.host, findings), desired, input);
}

function expectedOf({ listeners, foreignAddresses }: Role, { vars }: Host): Expected {
  const ports = listeners
    .filter(({ when }) => when === undefined || Boolean(vars[when]?.value))
    .flatMap(({ port }) => {
      const value = vars[port]?.value;
      return typeof value === "number" ? [{ variable: port, port: value }] : [];
    });
  const addresses = foreignAddresses === null ? [] : (vars[foreignAddresses]?.value ?? []);
  return {
    ports,
    foreignVariable: foreignAddresses,
    foreignAddresses: Array.isArray(addresses)
      ? addresses.filter((address): address is string => typeof address === "string")
      : [],
  };
}
