import ipaddr from "ipaddr.js";

/** An address or network in its one canonical spelling, or why the text is none. */
export type AddressReading = { readonly canonical: string } | { readonly problem: string };

const usual = /^(?:(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(?:\.(?!$)|$)){4}$/;

/** Reads an IPv4 or IPv6 address; never throws. */
export function readAddress(text: string): AddressReading {
  if (text.includes("%")) return { problem: "has a zone id, which means nothing on another machine" };
  if (/^\d+(?:\.\d+){3}$/.test(text) && text.split(".").some((part) => /^0\d/.test(part))) {
    return { problem: "has a number with a leading zero, which some programs read as octal" };
  }
  // by far the most usual form, read without the library: lists hold hundreds of thousands
  if (usual.test(text)) return { canonical: text };
  const isPlainV4 = ipaddr.IPv4.isValidFourPartDecimal(text);
  if (!isPlainV4 && !(text.includes(":") && ipaddr.IPv6.isValid(text))) {
    return { problem: "is not an IPv4 or IPv6 address" };
  }
  return { canonical: spell(ipaddr.parse(text)) };
}

/** Reads an address, or a network in CIDR form without host bits; never throws. */
export function readNetwork(text: string): AddressReading {
  const slash = text.indexOf("/");
  if (slash < 0) return readAddress(text);
  const [address, bits] = [text.slice(0, slash), text.slice(slash + 1)];
  const read = readAddress(address);
  if ("problem" in read) return read;
  const max = read.canonical.includes(":") ? 128 : 32;
  if (!/^(?:0|[1-9]\d{0,2})$/.test(bits) || Number(bits) > max) {
    return { problem: `has a prefix length that is not a whole number from 0 to ${max}` };
  }
  const network = spell(networkOf(read.canonical, Number(bits)));
  if (network !== read.canonical) return { problem: `has host bits set; the network is ${network}/${bits}` };
  // a network of one address is the address, so that duplicates show
  return { canonical: Number(bits) === max ? network : `${network}/${bits}` };
}

function networkOf(address: string, bits: number): ipaddr.IPv4 | ipaddr.IPv6 {
  const cidr = `${address}/${bits}`;
  return address.includes(":")
    ? ipaddr.IPv6.networkAddressFromCIDR(cidr)
    : ipaddr.IPv4.networkAddressFromCIDR(cidr);
}

function spell(address: ipaddr.IPv4 | ipaddr.IPv6): string {
  return address instanceof ipaddr.IPv6 ? address.toRFC5952String() : address.toString();
}

/** Hex of an address's bytes; IPv4 in IPv6 (`::ffff:192.0.2.1`) is IPv4. The text is one that `readAddress` read. */
export function addressBytes(canonical: string): string {
  return Buffer.from(ipaddr.process(canonical).toByteArray()).toString("hex");
}
