import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { Vault } from "../../src/document/vault.ts";
import { parseYaml } from "../../src/document/yaml.ts";
import { vaulted } from "../support/vault.ts";
import { problemsOf, textsOf } from "./folder.ts";

// written by ansible-vault
const fixture = (name: string) => readFileSync(join(import.meta.dirname, "../fixtures/vault", name), "utf8");
const password = (text: string, label = "default") => ({ label, bytes: Buffer.from(text) });
const horse = new Vault([password("correct horse")]);
const bytes = (text: string) => new TextEncoder().encode(text);

test("opens what ansible-vault wrote, in both formats", () => {
  expect(horse.open(fixture("plain-1.1.txt"), "f:1")).toBe("battery staple");
  expect(horse.open(fixture("empty.txt"), "f:1")).toBe("\n");
  const two = new Vault([password("correct horse"), password("zweites Paßwort", "other")]);
  expect(two.open(fixture("label-1.2.txt"), "f:1")).toBe("käse\n");
});

test("opens what has line ends of Windows, and blanks around it", () => {
  const text = `  ${fixture("plain-1.1.txt").replaceAll("\n", "\r\n  ")}`;
  expect(horse.open(text, "f:1")).toBe("battery staple");
});

test.each([
  ["a wrong password", new Vault([password("wrong")]), "f:7 the vault password does not open this"],
  [
    "two wrong passwords",
    new Vault([password("a"), password("b")]),
    "f:7 none of the vault passwords opens this",
  ],
  ["no password", new Vault([]), "f:7 this is encrypted with ansible-vault, and no vault password is given"],
])("refuses %s", async (_, vault, expected) => {
  expect(await textsOf(() => vault.open(fixture("plain-1.1.txt"), "f:7"))).toEqual([expected]);
});

test("a wrong password is one mistake, however much is encrypted with it", async () => {
  const vault = new Vault([password("wrong")]);
  const at = async (place: string) =>
    (await problemsOf(() => vault.open(vaulted(place, "right"), place)))[0]?.at;
  expect([await at("a:1"), await at("b:2"), await at("c:3")]).toEqual(["a:1", "a:1", "a:1"]);
});

test("names the vault id that a password is missing for", async () => {
  const [problem] = await problemsOf(() => horse.open(fixture("label-1.2.txt"), "f:1"));
  expect(problem?.what).toBe('the vault password does not open this (vault id "prod")');
});

const good = fixture("plain-1.1.txt");
test.each([
  ["no header", "secret\n", "a value under !vault must start with $ANSIBLE_VAULT"],
  ["another cipher", good.replace("AES256", "AES"), "lbctl opens AES256 vaults of the formats 1.1 and 1.2"],
  ["another version", good.replace("1.1", "2.0"), "lbctl opens AES256 vaults of the formats 1.1 and 1.2"],
  ["a letter that is no digit", good.replace(/.(?=\n$)/, "x"), "the encrypted text is damaged"],
  ["a missing line", good.replace(/\n.*\n$/, "\n"), "the vault password does not open this"],
  [
    "a changed digit",
    good.replace(/.(?=.\n$)/, (digit) => (digit === "3" ? "4" : "3")),
    "the vault password does not open this",
  ],
  ["nothing after the header", "$ANSIBLE_VAULT;1.1;AES256\n", "the encrypted text is damaged"],
])("refuses an envelope with %s", async (_, envelope, expected) => {
  expect(envelope).not.toBe(good);
  const [problem] = await problemsOf(() => horse.open(envelope, "f:1"));
  expect(problem?.what).toContain(expected);
});

test("an empty text is a text", () => {
  expect(horse.open(vaulted("", "correct horse"), "f:1")).toBe("");
});

test("every value of an encrypted file is secret, with the line it has in the plain text", () => {
  const part = parseYaml(bytes(vaulted("a: 1\nb: {c: [x]}\n", "correct horse")), "f.yml", horse);
  expect(part.value).toEqual({ a: 1, b: { c: ["x"] } });
  expect(part.parts.get("a")?.isSecret).toBe(true);
  expect(part.parts.get("b")?.isSecret).toBe(true);
  expect(part.parts.get("b")?.origin).toEqual({ file: "f.yml", line: 2 });
});

test.each(["a: 1\na: hidden words\n", "a: [hidden words\n", "a: *hidden\n", "a: !!int hidden words\n"])(
  "what is wrong in an encrypted file is told without its words: %j",
  async (text) => {
    const problems = await problemsOf(() => parseYaml(bytes(vaulted(text, "correct horse")), "f.yml", horse));
    expect(problems[0]?.at).toMatch(/^f\.yml:[12]$/);
    expect(JSON.stringify(problems)).not.toContain("hidden");
    expect(problems[0]?.hint).toContain("ansible-vault view f.yml");
  },
);
