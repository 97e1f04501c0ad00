import { expect, test } from "vitest";
import { checkSchema, prepareSchema } from "../../src/document/schema.ts";

const port = { type: "integer", minimum: 1, maximum: 65535 };
async function check(schema: object, value: unknown) {
  await prepareSchema(schema);
  return checkSchema(schema, value);
}
const messages = async (schema: object, value: unknown) =>
  (await check(schema, value)).map(({ path, message }) => `${path.join("/")} ${message}`.trim());

test.each<[string, object, unknown, string[]]>([
  ["a string for a number", port, "abc", ['must be a whole number from 1 to 65535; read "abc" (a string)']],
  ["a number out of range", port, 0, ["must be a whole number from 1 to 65535; read 0 (a whole number)"]],
  ["a fraction", port, 1.5, ["must be a whole number from 1 to 65535; read 1.5 (a number)"]],
  ["what YAML made of `no`", port, false, ["must be a whole number from 1 to 65535; read false (a boolean)"]],
  ["nothing", port, null, ["must be a whole number from 1 to 65535; read nothing (null)"]],
  ["infinity", port, Infinity, ["must be a whole number from 1 to 65535; read Infinity (a number)"]],
  ["a map for a list", { type: "array" }, { a: 1 }, ['must be a list; read {"a":1} (a map)']],
  ["one of several", { enum: ["a", "b"] }, "c", ['must be one of "a", "b"; read "c" (a string)']],
  [
    "several types",
    { type: ["string", "null"] },
    1,
    ["must be a string or nothing (null); read 1 (a whole number)"],
  ],
  ["too few", { type: "array", minItems: 1 }, [], ["must be a list with at least 1 item; read [] (a list)"]],
  [
    "a key of another form",
    { type: "object", propertyNames: { type: "string", format: "pool-name" } },
    { "a b": 1 },
    [
      'a b must be the name of a pool: letters, digits, `_`, `-` and `.`, of which the first is a letter or digit; read "a b" (a string), which contains a space',
    ],
  ],
  ["a missing key", { type: "object", required: ["a"] }, {}, ['the key "a" is missing']],
  [
    "an unknown key",
    { type: "object", properties: { hosts: {}, vars: {} }, additionalProperties: false },
    { host: 1 },
    ['host unknown key "host"; did you mean "hosts"?'],
  ],
  [
    "a part of a list",
    { type: "array", items: port },
    [1, "x"],
    ['1 must be a whole number from 1 to 65535; read "x" (a string)'],
  ],
  [
    "both of two problems",
    { type: "object", properties: { a: port, b: port } },
    { a: 0, b: "" },
    [
      "a must be a whole number from 1 to 65535; read 0 (a whole number)",
      'b must be a whole number from 1 to 65535; read "" (a string)',
    ],
  ],
])("explains %s", async (_, schema, value, expected) => {
  expect(await messages(schema, value)).toEqual(expected);
});

test("finds nothing wrong with what is right", async () => {
  expect(await check({ type: "object", properties: { a: port } }, { a: 80, b: 1 })).toEqual([]);
});

test("keeps keys with slashes and tildes whole in paths", async () => {
  const schema = { type: "object", additionalProperties: port };
  expect((await check(schema, { "a/b~c": 0 }))[0]?.path).toEqual(["a/b~c"]);
});

const format = (name: string, value: string) => messages({ type: "string", format: name }, value);

test.each([
  ["ip-or-cidr", "10.0.0.0/8"],
  ["ip-or-cidr", "0.0.0.0/0"],
  ["ip-or-cidr", "::1:80"],
  ["ip-or-cidr", "2001:DB8::/32"],
  ["ip-or-hostname", "api1.example.com"],
  ["ip-or-hostname", "::1"],
  ["hostname", "x"],
  ["target-path", ""],
  ["target-path", "/etc/ssl/site.pem"],
  ["url-path", "/"],
  ["url-path", "/a/b-c_d~e.f/"],
  ["cookie-name", "VEZA_SERVERID"],
])("the format %s accepts %j", async (name, value) => {
  expect(await format(name, value)).toEqual([]);
});

test.each([
  ["ip-or-cidr", "10.1.2.3/8", "has host bits set; the network is 10.0.0.0/8"],
  ["ip-or-cidr", "2001:db8::1/32", "has host bits set; the network is 2001:db8::/32"],
  ["ip-or-cidr", "10.0.0.0/33", "has a prefix length that is not a whole number from 0 to 32"],
  ["ip-or-cidr", "10.0.0.0/08", "has a prefix length that is not a whole number from 0 to 32"],
  ["ip-or-cidr", "10.0.0.0/", "has a prefix length that is not a whole number from 0 to 32"],
  ["ip-or-cidr", "10.0.0.010", "has a number with a leading zero, which some programs read as octal"],
  ["ip-or-cidr", "10.1", "is not an IPv4 or IPv6 address"],
  ["ip-or-cidr", "0x7f.0.0.1", "is not an IPv4 or IPv6 address"],
  ["ip-or-cidr", "2130706433", "is not an IPv4 or IPv6 address"],
  ["ip-or-cidr", "fe80::1%eth0", "has a zone id, which means nothing on another machine"],
  ["ip-or-cidr", "10.0.0.1\n", "is not an IPv4 or IPv6 address"],
  ["ip-or-cidr", "::1 ", "is not an IPv4 or IPv6 address"],
  ["ip-or-hostname", "10.0.0.256", "is not an IPv4 or IPv6 address"],
  ["ip-or-hostname", "api1:80", "is not an IPv4 or IPv6 address"],
  ["hostname", "-a", "has a part that is empty, longer than 63 characters, or starts or ends with `-`"],
  ["hostname", "a_b", "contains the character _"],
  ["hostname", "a..b", "has a part that is empty, longer than 63 characters, or starts or ends with `-`"],
  ["cookie-name", "a\n", "contains a line break"],
  ["cookie-name", "a b", "contains a space"],
  ["cookie-name", "a;b", "contains the character ;"],
  ["cookie-name", "", "is empty"],
  ["target-path", "/a\nlisten x", "contains a line break"],
  ["target-path", "/a/../b", "has a `.` or `..` part"],
  ["target-path", "a/b", "does not start with /"],
  ["target-path", "/${SECRET}", "contains the character $"],
  ["target-path", "/%[env(X)]", "contains the character %"],
  ["url-path", "/a#b", "contains the character #"],
  ["url-path", '/a"b', 'contains a double quote (")'],
  ["url-path", "/a'b", "contains a single quote (')"],
  ["url-path", "/a\\b", "contains a backslash (\\)"],
  ["url-path", "/a`b", "contains a backtick (`)"],
  ["url-path", "/\u00e9", "contains the character U+00E9"],
  ["url-path", "/a\u{1F600}", "contains the character U+1F600"],
  ["url-path", "//a", "has an empty part (//)"],
  ["safe-word", "-a", "does not start with a letter or digit"],
  ["safe-word", "..", "does not start with a letter or digit"],
  ["group-name", "a b", "contains a space"],
])("the format %s refuses %j and says why", async (name, value, reason) => {
  const [message] = await format(name, value);
  expect(message?.endsWith(`, which ${reason}`)).toBe(true);
});
