import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { parsedOf, partFrom } from "../../src/document/parsed.ts";
import { parseYaml } from "../../src/document/yaml.ts";

test.each(["role.yml", "defaults/main.yml"])("the shipped %s survives being kept as JSON", (name) => {
  const part = parseYaml(readFileSync(`roles/haproxy/${name}`), name);
  const kept: unknown = JSON.parse(JSON.stringify(parsedOf(part)));
  expect(partFrom(kept as never, name)).toEqual(part);
});

test.each(["a: !vault x", "a: [!unsafe b]", "1: a", "a: .nan"])("%s is not kept", (text) => {
  expect(parsedOf(parseYaml(Buffer.from(text), "f"))).toBeUndefined();
});
