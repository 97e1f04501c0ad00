import { readHostAddress } from "./host-address.ts";

const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
const maxHosts = 100_000;
const maxLength = 1024;

/** What a key below `hosts:` stands for. */
export interface HostPattern {
  readonly names: readonly string[];
  readonly port?: number;
}

/** Reads `web[01:10:2].example.com:2222`: ranges of numbers or letters, and a port. Throws Error with the reason. */
export function readHostPattern(pattern: string): HostPattern {
  if (pattern.length > maxLength) throw new Error(`is longer than ${maxLength} characters`);
  const { host, port } = readHostAddress(pattern) ?? { host: pattern };
  const names = expand(host);
  return port === undefined ? { names } : { names, port };
}

function expand(text: string): string[] {
  const range = /^([^[]*)\[([^\]]*)\](.*)$/s.exec(text);
  if (!range) return [text];
  const [head = "", bounds = "", tail = ""] = range.slice(1);
  const tails = expand(tail);
  const items = readRange(bounds);
  if (items.length * tails.length > maxHosts) throw new Error(`stands for more than ${maxHosts} hosts`);
  return items.flatMap((item) => tails.map((end) => head + item + end));
}

function readRange(text: string): string[] {
  const bounds = text.split(":");
  const [begin = "", end = "", stepText = "1"] = bounds;
  if (bounds.length < 2 || bounds.length > 3)
    throw new Error(`has the range [${text}], which is not [begin:end] or [begin:end:step]`);
  const step = Number(stepText);
  if (!/^\d+$/.test(stepText) || step < 1)
    throw new Error(`has the range [${text}], whose step is not a whole number of at least 1`);
  if (/^-?\d*$/.test(begin) && /^-?\d+$/.test(end)) return readNumbers(text, begin || "0", end, step);
  const [from, to] = [letters.indexOf(begin), letters.indexOf(end)];
  if (begin.length !== 1 || end.length !== 1 || from < 0 || to < 0) {
    throw new Error(`has the range [${text}], whose ends are not two numbers or two letters`);
  }
  if (from > to) throw new Error(`has the range [${text}], whose end comes before its beginning`);
  return Array.from(letters.slice(from, to + 1)).filter((_, index) => index % step === 0);
}

function readNumbers(text: string, begin: string, end: string, step: number): string[] {
  const width = begin.length > 1 && begin.startsWith("0") ? begin.length : 0;
  if (width > 0 && width !== end.length)
    throw new Error(`has the range [${text}], whose ends are not of one length`);
  if (Number(begin) > Number(end))
    throw new Error(`has the range [${text}], whose end comes before its beginning`);
  if ((Number(end) - Number(begin)) / step >= maxHosts)
    throw new Error(`stands for more than ${maxHosts} hosts`);
  const items: string[] = [];
  for (let item = Number(begin); item <= Number(end); item += step)
    items.push(String(item).padStart(width, "0"));
  return items;
}
