import { execFileSync } from "node:child_process";
import { chmodSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { judgeKey, preferKnown } from "../../../src/remote/host-key.ts";
import { kindOf, readIdentity } from "../../../src/remote/identity.ts";
import { knownHostsNames, knownKeys } from "../../../src/remote/known-hosts.ts";

const folder = mkdtempSync(join(tmpdir(), "lbctl-keys-"));

test("a host on another port is listed with it, or else without; an alias stands for both", () => {
  expect(knownHostsNames("h", 22, null)).toEqual(["h"]);
  expect(knownHostsNames("h", 2222, null)).toEqual(["[h]:2222", "h"]);
  expect(knownHostsNames("h", 2222, "alias")).toEqual(["alias"]);
});

test("known, revoked and vouched keys are told apart", () => {
  const text = [
    "# h ssh-rsa AAAAcomment",
    "other,h ssh-ed25519 AAAAgood comment",
    "@revoked * ssh-rsa AAAAbad",
    "@cert-authority *.example,h ssh-ed25519 AAAAca",
    "@unknown h ssh-rsa AAAAmarker",
    "hh ssh-rsa AAAAnot",
  ].join("\n");
  const known = knownKeys("h", [{ file: "/kh", text }]);
  expect([...known.trusted]).toEqual(["AAAAgood"]);
  expect([...known.revoked]).toEqual(["AAAAbad"]);
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

test("a key is judged by what is known, revoked and long enough", () => {
  const blob = (publicKey: string): string => publicKey.split(" ")[1] ?? "";
  const [good, other, rsa] = [keyPair("ed25519", 256), keyPair("ecdsa", 256), keyPair("rsa", 1024)].map(
    ({ publicKey }) => blob(publicKey),
  );
  const known = (...keys: (string | undefined)[]) => ({
    trusted: new Set(keys.map(String)),
    revoked: new Set<string>(),
    types: ["ssh-ed25519"],
    vouched: false,
    at: "/kh:1",
  });
  const judge = (key: string | undefined, from: ReturnType<typeof known>, bits = 1024) =>
    judgeKey(Buffer.from(String(key), "base64"), from, "h", bits)?.what;
  expect(judge(good, known(good))).toBeUndefined();
  expect(judge(good, known("AAAA"))).toContain("not the one that is known (/kh:1)");
  expect(judge(other, known(good))).toContain("unknown: it is ecdsa-sha2-nistp256, and known is ssh-ed25519");
  expect(judge(good, { ...known(good), revoked: new Set([String(good)]) })).toContain("revoked");
  expect(judge(rsa, known(rsa))).toBeUndefined();
  expect(judge(rsa, known(rsa), 2048)).toContain("too short: 1024 bits");
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
