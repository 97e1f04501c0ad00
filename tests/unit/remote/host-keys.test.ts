import { execFileSync } from "node:child_process";
import { chmodSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { judgeKey, preferKnown, type KeyRules } from "../../../src/remote/host-key.ts";
import { kindOf, readIdentity } from "../../../src/remote/identity.ts";
import { knownHostsNames, knownKeys, type KnownKeys } from "../../../src/remote/known-hosts.ts";
import { recordKey } from "../../../src/remote/record-key.ts";

const folder = mkdtempSync(join(tmpdir(), "lbctl-keys-"));

test("a host on another port is listed with it, or else without; an alias stands for both", () => {
  expect(knownHostsNames("h", 22, null)).toEqual(["h"]);
  expect(knownHostsNames("h", 2222, null)).toEqual(["[h]:2222", "h"]);
  expect(knownHostsNames("h", 2222, "alias")).toEqual(["alias"]);
});

/** A public key as it stands in a known_hosts file. */
function keyText(type: string, content: string): string {
  const fields = [type, content].flatMap((text) => [Buffer.from([0, 0, 0, text.length]), Buffer.from(text)]);
  return Buffer.concat(fields).toString("base64");
}

test("known, revoked and vouched keys are told apart; lines that ssh skips are skipped", () => {
  const [good, bad, authority] = ["good", "bad", "authority"].map((each) => keyText("ssh-ed25519", each));
  const text = [
    `# h ssh-ed25519 ${String(authority)}`,
    `other,h ssh-ed25519 ${String(good)} comment`,
    `@revoked * ssh-ed25519 ${String(bad)}`,
    `@cert-authority *.example,h ssh-ed25519 ${String(authority)}`,
    `@unknown h ssh-ed25519 ${String(authority)}`,
    `hh ssh-ed25519 ${String(authority)}`,
    `h ssh-rsa ${String(authority)}`,
    `h ssh-ed25519 ${String(authority)}AAAA`,
    `@revoked h ssh-ed25519 ${String(good)}=`,
    "h 1024 35 1234567890",
  ].join("\n");
  const known = knownKeys("h", [{ file: "/kh", text }]);
  expect([...known.trusted]).toEqual([good]);
  expect([...known.revoked]).toEqual([bad]);
  expect(known).toMatchObject({ types: ["ssh-ed25519"], vouched: true, at: "/kh:2" });
});

test.each([
  ["lb-1.example.net", "lb-1.example.net"],
  ["lb-1.example.net", "*.example.net"],
  ["lb-1.example.net", "LB-?.EXAMPLE.net"],
  ["lb-1.example.net", "*.example.net,!lb-1*"],
  ["lb-1.example.net", "!lb-2*,*"],
  ["lb-1xexample.net", "lb-1.example.net"],
  ["[192.0.2.1]:2222", "[192.0.2.1]:2222"],
  ["[192.0.2.1]:2222", "[192.0.2.*]:2222"],
  ["192.0.2.1", "[192.0.2.1]:22"],
  ["2001:db8::1", "2001:db8::1"],
])("%s and the pattern %s match as ssh-keygen says", (name, patterns) => {
  const file = join(folder, "known_hosts");
  const { publicKey } = keyPair("ed25519", 256);
  const [type = "", key = ""] = publicKey.split(" ");
  writeFileSync(file, `${patterns} ${type} ${key}\n`);
  const found = (path: string): boolean => {
    try {
      return execFileSync("ssh-keygen", ["-F", name, "-f", path], { encoding: "utf8" }).includes(key);
    } catch {
      return false;
    }
  };
  const ours = (): boolean => knownKeys(name, [{ file, text: readFileSync(file, "utf8") }]).trusted.has(key);
  expect(ours()).toBe(found(file));
  execFileSync("ssh-keygen", ["-H", "-f", file], { stdio: "ignore" });
  expect(ours()).toBe(found(file));
});

let pairs = 0;
function keyPair(type: string, bits: number, ...more: string[]): { path: string; publicKey: string } {
  const path = join(folder, `key_${String(pairs++)}`);
  execFileSync("ssh-keygen", ["-q", "-t", type, "-b", String(bits), "-N", "", ...more, "-f", path]);
  return { path, publicKey: readFileSync(`${path}.pub`, "utf8") };
}

test("a key is judged by what is known under the host's names, revoked and long enough", () => {
  const [good, other, rsa] = [keyPair("ed25519", 256), keyPair("ecdsa", 256), keyPair("rsa", 1024)].map(
    ({ publicKey }) => publicKey.split(" ")[1] ?? "",
  ) as [string, string, string];
  const none = {
    trusted: new Set<string>(),
    revoked: new Set<string>(),
    types: [],
    vouched: false,
    at: null,
  };
  const trusting = (...keys: string[]) => ({ ...none, name: "h", trusted: new Set(keys), at: "/kh:1" });
  const revoking = (...keys: string[]) => ({ ...trusting(...keys), revoked: new Set(keys) });
  const judge = (key: string, known: KnownKeys[], rules: Partial<KeyRules> = {}) => {
    const all = { minRsaBits: 1024, acceptNew: false, ...rules };
    const verdict = judgeKey(Buffer.from(key, "base64"), known, "h", all);
    return typeof verdict === "string" ? verdict : verdict.what.replace("the host key of h is ", "");
  };
  const acceptNew = { acceptNew: true };
  const changed = "not the one that is known (/kh:1)";
  expect(judge(good, [trusting(good)])).toBe("known");
  expect(judge(good, [trusting("AAAA")], acceptNew)).toBe(changed);
  expect(judge(other, [trusting(good)], acceptNew)).toBe(changed);
  expect(judge(good, [revoking(good)], acceptNew)).toBe("revoked");
  expect(judge(good, [trusting()])).toBe("unknown");
  expect(judge(good, [trusting()], acceptNew)).toBe("new");
  expect(judge(rsa, [trusting(rsa)])).toBe("known");
  expect(judge(rsa, [trusting(rsa)], { minRsaBits: 2048 })).toContain("shorter than RequiredRSASize");
  // the name without the port counts where the one with it has no key
  expect(judge(good, [trusting(), trusting(good)])).toBe("known");
  expect(judge(good, [trusting(), trusting(other)])).toBe("unknown");
  expect(judge(good, [trusting(), trusting(other)], acceptNew)).toBe("new");
  expect(judge(good, [trusting(), revoking(good)])).toBe("revoked");
  expect(judge(good, [trusting(good), revoking(good)])).toBe("known");
});

test("a new key is written down as ssh reads it, and needs no file that can be written", () => {
  const file = join(folder, "new_hosts");
  writeFileSync(file, "no end of line");
  const [type = "", text = ""] = keyPair("ed25519", 256).publicKey.split(" ");
  const key = Buffer.from(text, "base64");
  recordKey({ file, hashed: false }, "[192.0.2.1]:2222", key, type);
  recordKey({ file, hashed: true }, "lb-1", key, type);
  recordKey({ file: "/nowhere/known_hosts", hashed: true }, "lb-1", key, type);
  const lines = readFileSync(file, "utf8").split("\n");
  expect(lines.slice(0, 2)).toEqual(["no end of line", `[192.0.2.1]:2222 ${type} ${text}`]);
  expect(lines[2]).toMatch(/^\|1\|[^ ]{28}\|[^ ]{28} ssh-ed25519 /);
  expect(execFileSync("ssh-keygen", ["-F", "lb-1", "-f", file], { encoding: "utf8" })).toContain(text);
});

test("algorithms of known types come first", () => {
  const all = ["ssh-ed25519", "ecdsa-sha2-nistp256", "rsa-sha2-512", "rsa-sha2-256"] as const;
  expect(preferKnown(all, ["ssh-rsa"])).toEqual([
    ...["rsa-sha2-512", "rsa-sha2-256"],
    ...["ssh-ed25519", "ecdsa-sha2-nistp256"],
  ]);
});

test.each([
  ["ed25519", [], "usable"],
  ["rsa", [], "usable"],
  ["rsa", ["-m", "PEM"], "usable"],
  ["ecdsa", ["-m", "PEM"], "usable"],
  ["ed25519", ["-N", "secret"], "encrypted"],
  ["rsa", ["-m", "PEM", "-N", "secret"], "encrypted"],
  ["rsa", ["-m", "PKCS8"], "other"],
])("a key file of type %s %j is %s", (type, options, expected) => {
  const { path } = keyPair(type, type === "rsa" ? 2048 : 256, ...options);
  expect(kindOf(readFileSync(path, "latin1"))).toBe(expected);
});

test("a key that lives in a device, a public key and a certificate are told", async () => {
  const field = (text: string): Buffer => {
    const length = Buffer.alloc(4);
    length.writeUInt32BE(text.length);
    return Buffer.concat([length, Buffer.from(text, "latin1")]);
  };
  const publicKey = Buffer.concat([
    field("sk-ssh-ed25519@openssh.com"),
    field("x".repeat(32)),
    field("ssh:"),
  ]);
  const bytes = Buffer.concat([
    Buffer.from("openssh-key-v1\0"),
    ...["none", "none", ""].map(field),
    Buffer.from([0, 0, 0, 1]),
    field(publicKey.toString("latin1")),
  ]);
  const [begin, end] = ["BEGIN", "END"].map((word) => `-----${word} OPENSSH PRIVATE KEY-----`);
  expect(kindOf(`${begin ?? ""}\n${bytes.toString("base64")}\n${end ?? ""}\n`)).toBe("hardware");
  const pair = keyPair("ed25519", 256);
  expect(kindOf(pair.publicKey)).toBe("other");
  expect(await readIdentity(pair.path)).toMatchObject({ kind: "usable" });
  chmodSync(pair.path, 0o644);
  expect(await readIdentity(pair.path)).toMatchObject({ kind: "open" });
  writeFileSync(`${pair.path}-cert.pub`, "");
  expect(await readIdentity(pair.path)).toMatchObject({ kind: "certificate" });
  expect(await readIdentity(join(folder, "none"))).toBeUndefined();
});
