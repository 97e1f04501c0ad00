import { Ajv2020 } from "ajv/dist/2020.js";
import { ajvFormats } from "./formats.ts";
import type { Validate } from "./precompiled.ts";

/** ajv as lbctl wants it; `code` says how the code that it makes is to look. */
export function newAjv(code: NonNullable<ConstructorParameters<typeof Ajv2020>[0]>["code"]): Ajv2020 {
  return new Ajv2020({
    allErrors: true,
    allowUnionTypes: true,
    verbose: true,
    ownProperties: true,
    // compiling the meta-schema would take most of a start; strict mode refuses broken schemas too
    meta: false,
    validateSchema: false,
    formats: ajvFormats,
    code: { optimize: false, ...code },
  });
}

let ajv: Ajv2020 | undefined;

/** Throws when the schema is broken. */
export function compileSchema(schema: object): Validate {
  ajv ??= newAjv({});
  return ajv.compile(schema);
}
