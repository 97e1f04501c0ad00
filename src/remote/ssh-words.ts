import { readdir, readFile } from "node:fs/promises";
import { homedir } from "node:os";
import { basename, dirname, join, resolve } from "node:path";
import { LbctlError } from "../errors.ts";
import type { SshConnection } from "../model/fleet.ts";
import { userName } from "../user-name.ts";
import { matchesPatterns } from "./known-hosts.ts";
import { connectionArguments } from "./openssh.ts";

export type Setting = readonly [keyword: string, value: string];

/** Of these ssh takes every one; of the others, the first. */
const repeatable = ["identityfile", "certificatefile"];

/**
 * What `ssh -G` would print of the settings that lbctl reads, on a machine that has no ssh: the inventory's words, the
 * user's and the system's configuration, ssh's defaults. Throws LbctlError `invalid` for what only ssh can read.
 */
export async function readConfigWithoutSsh(host: string, connection: SshConnection): Promise<string> {
  const refuse = (what: string): LbctlError =>
    new LbctlError("invalid", {
      what: `there is no ssh program on this machine, and lbctl alone cannot honour ${what}`,
      at: host,
      hint: "Install the OpenSSH client, or do without it.",
    });
  const settings = await readWrittenSettings(connection, homedir(), refuse);
  return inEffect(settings, connection.address)
    .map(([keyword, value]) => `${keyword} ${value}`)
    .join("\n");
}

/**
 * What the inventory's words and the configuration files say of a host, in ssh's order. Throws what `refuse` makes of
 * what only ssh can read. `home` is where the user's are.
 */
export async function readWrittenSettings(
  connection: SshConnection,
  home: string,
  refuse: (what: string) => Error = Error,
): Promise<Setting[]> {
  const { settings, file } = readWords(connectionArguments(connection), refuse);
  const files = file === null ? [join(home, ".ssh/config"), "/etc/ssh/ssh_config"] : [file];
  for (const path of files.filter((each) => each !== "none")) {
    settings.push(...(await readFileSettings(path, { address: connection.address, home }, refuse, 0)));
  }
  return settings;
}

function inEffect(written: readonly Setting[], address: string): Setting[] {
  const first = written.filter(
    ([keyword], index) =>
      repeatable.includes(keyword) || written.findIndex(([other]) => other === keyword) === index,
  );
  const settings = first.map(([keyword, value]): Setting =>
    keyword === "hostname" ? [keyword, value.replaceAll("%h", address)] : [keyword, value],
  );
  const defaults: Setting[] = [
    ["hostname", address],
    ["port", "22"],
    ["user", userName() ?? "nobody"],
    ["userknownhostsfile", "~/.ssh/known_hosts ~/.ssh/known_hosts2"],
    ["globalknownhostsfile", "/etc/ssh/ssh_known_hosts /etc/ssh/ssh_known_hosts2"],
    ...["rsa", "ecdsa", "ed25519"].map((type): Setting => ["identityfile", `~/.ssh/id_${type}`]),
  ];
  const names = settings.map(([keyword]) => keyword);
  return [...settings, ...defaults.filter(([keyword]) => !names.includes(keyword))];
}

const byFlag: Readonly<Record<string, string>> = { p: "port", l: "user", i: "identityfile", J: "proxyjump" };
const harmless = /^-[TqvxanCk2]+$/;

/** ssh(1)'s options, as far as they matter here. */
function readWords(words: readonly string[], refuse: (what: string) => Error) {
  const settings: Setting[] = [];
  let file: string | null = null;
  for (let index = 0; index < words.length; index++) {
    const word = words[index] ?? "";
    const [, flag = "", joined = ""] = /^-([oplJiF])(.*)$/s.exec(word) ?? [];
    if (flag === "") {
      if (harmless.test(word)) continue;
      throw refuse(word);
    }
    const value = joined === "" ? (words[++index] ?? "") : joined;
    if (flag === "o") settings.push(readSetting(value));
    else if (flag === "F") file = value;
    else settings.push([byFlag[flag] ?? flag, value]);
  }
  return { settings, file };
}

/** `Keyword value` or `Keyword=value`, the value perhaps in double quotes (ssh_config(5)). */
function readSetting(line: string): Setting {
  const [, keyword = "", value = ""] = /^\s*([^\s=]+)(?:\s*=\s*|\s+)?(.*?)\s*$/s.exec(line) ?? [];
  return [keyword.toLowerCase(), value.replace(/^"([^"]*)"$/, "$1")];
}

/** In a file, a word that begins with `#` outside of quotes ends the line. */
function withoutComment(line: string): string {
  return line.replace(/^((?:"[^"]*"|[^"])*?)\s#.*$/, "$1");
}

async function readFileSettings(
  path: string,
  by: { readonly address: string; readonly home: string },
  refuse: (what: string) => Error,
  depth: number,
): Promise<Setting[]> {
  const text = await readFile(path, "utf8").catch(() => "");
  const settings: Setting[] = [];
  let applies = true;
  for (const [index, line] of text.split("\n").entries()) {
    if (/^\s*(?:#|$)/.test(line)) continue;
    const [keyword, value] = readSetting(withoutComment(line));
    const place = `${keyword} in ${path}:${String(index + 1)}`;
    // as deep as ssh goes
    if (keyword === "match" || (keyword === "include" && depth === 16)) throw refuse(place);
    if (keyword === "host") applies = matchesPatterns(by.address, value.split(/\s+/));
    else if (applies && keyword === "include") {
      for (const file of await included(value, by.home)) {
        settings.push(...(await readFileSettings(file, by, refuse, depth + 1)));
      }
    } else if (applies) settings.push([keyword, value]);
  }
  return settings;
}

/** Files of an Include: below ~/.ssh unless absolute, with patterns in the last part. */
async function included(value: string, home: string): Promise<string[]> {
  const found = value.split(/\s+/).map(async (pattern) => {
    const path = resolve(home, ".ssh", pattern.replace(/^~(?=\/)/, home));
    if (!/[*?]/.test(path)) return [path];
    const names = await readdir(dirname(path)).catch(() => []);
    const matching = names.filter((name) => matchesPatterns(name, [basename(path)]));
    return matching.sort().map((name) => join(dirname(path), name));
  });
  return (await Promise.all(found)).flat();
}
