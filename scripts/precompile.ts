import { readFileSync } from "node:fs";
import { _ } from "ajv";
import standaloneCode from "ajv/dist/standalone/index.js";
import { parsedOf } from "../src/document/parsed.ts";
import { parseYaml } from "../src/document/yaml.ts";
import { newAjv } from "../src/document/compile-schema.ts";
import { roleSchema } from "../src/role/role-schema.ts";

const shipped = JSON.parse(readFileSync("roles/haproxy/schema.json", "utf8")) as object;

/** Source text of src/document/precompiled.ts with the validators of the schemas that lbctl is shipped with. */
export function precompiledSource(): string {
  const entries = [roleSchema, shipped].map((schema) => {
    const ajv = newAjv({ source: true, formats: _`ajvFormats` });
    const code = standaloneCode.default(ajv, ajv.compile(schema));
    const key = JSON.stringify(JSON.stringify(schema));
    return `[${key}, ((module) => { ${code}\nreturn module.exports; })({ exports: {} })]`;
  });
  return `import { ajvFormats } from "./formats.ts";
export const precompiled = new Map([${entries.join(",\n")}]);`;
}

/** Source text of src/document/parsed-at-build.ts with the documents of the shipped role. */
export function parsedSource(): string {
  const entries = ["role.yml", "defaults/main.yml"].flatMap((name) => {
    const bytes = readFileSync(`roles/haproxy/${name}`);
    const parsed = parsedOf(parseYaml(bytes, name));
    return parsed ? [[bytes.toString("utf8"), parsed]] : [];
  });
  return `export const parsedAtBuild = new Map(${JSON.stringify(entries)});`;
}
