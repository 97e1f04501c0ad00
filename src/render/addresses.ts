import { isIP } from "node:net";
import { readAddress } from "../document/address.ts";
import { shownValue } from "../document/part.ts";
import { place } from "../document/words.ts";
import type { Problem } from "../errors.ts";
import type { Host, Value } from "../model/fleet.ts";

/** Where a server's address was written, and how people may see it. */
export interface WrittenAddress {
  /** haproxy_server_address, else ansible_host, else none: then it is the host's own name. */
  readonly variable: string | undefined;
  readonly text: string;
  readonly shown: string;
  readonly at: string;
}

export function writtenAddress({ name, origin, vars }: Host): WrittenAddress {
  const variable = ["haproxy_server_address", "ansible_host"].find(
    (each) => (vars[each]?.value ?? null) !== null,
  );
  const written = variable === undefined ? undefined : vars[variable];
  if (!written) return { variable, text: name, shown: name, at: place(origin) };
  return {
    variable,
    text: textOf(written.value),
    shown: textOf(shownValue(written)),
    at: place(written.originOf([])),
  };
}

function textOf(value: Value): string {
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}

/** The address as HAProxy takes it; of an instance none of its names. */
export function serverAddress(host: Host, written: WrittenAddress, problems: Problem[]): string | undefined {
  const { variable, text, shown, at } = written;
  const why = host.unresolved.get(variable ?? "");
  if (why) {
    problems.push(...why);
    return undefined;
  }
  const read = readAddress(text);
  const address = "canonical" in read ? read.canonical : text;
  if (isInstance(host) && variable !== "haproxy_server_address" && isIP(address) === 0) {
    if (host.isPartial) return undefined;
    problems.push({
      what: `server ${host.name} has no address: "${shown}" is the name of its instance`,
      at,
      hint: "Set haproxy_server_address to its IP address, or to a name that the load balancers resolve.",
    });
    return undefined;
  }
  if (isIP(address) === 0 && !hostName.test(address)) {
    if (host.isPartial) return undefined;
    problems.push({
      what: `${variable ?? "the name"} "${shown}" cannot be the address of server ${host.name}`,
      at,
      hint: "Set haproxy_server_address to an IP address or a host name.",
    });
    return undefined;
  }
  // HAProxy's statistics call a proxy's own rows FRONTEND and BACKEND.
  if (!/^[A-Za-z0-9_.:-]+$/.test(host.name) || /^(FRONTEND|BACKEND)$/.test(host.name)) {
    problems.push({
      what: `"${host.name}" cannot be a server's name in HAProxy`,
      at: place(host.origin),
      hint: "Use letters, digits, `-`, `_`, `.`.",
    });
    return undefined;
  }
  return address;
}

/** With such a connection ansible_host names an instance. */
function isInstance({ vars }: Host): boolean {
  const kind = vars.ansible_connection?.value;
  return typeof kind === "string" && /^(?:community\.general\.)?(?:incus|lxd)$|^lxc$/.test(kind);
}

// RFC 1123, section 2.1
const hostName =
  /^(?=.{1,253}$)[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*$/;

/** Two servers at one address would be one server with two health states. */
export function twins(name: string, other: string, addresses: readonly WrittenAddress[]): Problem {
  const [at, ...from] = addresses.map((address) => address.at);
  const shown = addresses.find((address) => address.shown !== address.text) ?? addresses[0];
  return {
    what: `the servers ${other} and ${name} have the same address ${shown?.shown ?? ""}`,
    ...(at === undefined ? {} : { at }),
    from,
    hint: "Give each its own ansible_host or haproxy_server_address.",
  };
}
