import { formats } from "../document/formats.ts";
import { LbctlError } from "../errors.ts";
import type { Variables } from "../model/fleet.ts";
import type { Role, RoleFile, Template } from "../model/role.ts";
import { partFrom } from "../document/parsed.ts";
import { parsedAtBuild } from "../document/parsed-at-build.ts";
import { isMap, type Part } from "../document/part.ts";
import { invalid, Problems } from "../document/problems.ts";
import { checkSchema, prepareSchema } from "../document/schema.ts";
import { decodeText } from "../document/text.ts";
import { pathText, place, readAs } from "../document/words.ts";
import { parseYaml } from "../document/yaml.ts";
import { filesShadowed, readShadowed } from "./files.ts";
import { roleSchema } from "./role-schema.ts";

interface WrittenRole {
  readonly packages: readonly string[];
  readonly service: string;
  readonly group: string;
  readonly live: string;
  readonly state: string;
  readonly links?: readonly string[];
  readonly watch?: readonly string[];
  readonly listeners?: Role["listeners"];
  readonly foreign_addresses?: string;
  readonly health_gate?: string;
  readonly files: readonly RoleFile[];
  readonly steps: Role["steps"];
}

/**
 * Reads `NAME/role.yml`, `NAME/defaults/main.yml` and `NAME/schema.json`, each from the first of `dirs` that has it.
 * `dirs` are folders of roles, the user's own before the shipped one. Throws LbctlError `invalid` with every problem;
 * with `lacking`, variables without a default are told there, and have the shipped one.
 */
export async function loadRole(name: string, dirs: readonly string[], lacking?: Problems): Promise<Role> {
  const bad = formats["safe-word"]?.problemIn(name);
  if (bad)
    throw new LbctlError("invalid", {
      what: `the role name ${JSON.stringify(name)} ${bad}`,
      hint: "Name a folder below roles/.",
    });
  const problems = new Problems();
  const written = await problems.attempt(() => readRoleFile(name, dirs));
  const own = await problems.attempt(() => readDefaults(name, dirs));
  const schema = await problems.attempt(() => readSchema(name, dirs));
  problems.throwIfAny();
  if (!written || !own || !schema) throw new Error("a part of the role is missing without a problem");
  const defaults = await withShipped(own, name, dirs.slice(-1), schema, lacking ?? problems);
  problems.throwIfAny();
  const { foreign_addresses: foreignAddresses = null, health_gate: healthGate = null, ...rest } = written;
  return {
    links: [],
    watch: [],
    listeners: [],
    ...rest,
    foreignAddresses,
    healthGate,
    name,
    defaults,
    schema,
  };
}

/**
 * Reads every `*.eta` file below `ROLE/` in `dirs` (folders of templates, the user's own before the shipped one).
 * Keys are paths such as `haproxy/haproxy.cfg.eta`. One that the role names and nobody has is a problem.
 */
export async function loadTemplates(
  role: Role,
  dirs: readonly string[],
  problems: Problems,
): Promise<ReadonlyMap<string, Template>> {
  const templates = new Map<string, Template>();
  const below = (await problems.attempt(() => filesShadowed(role.name, dirs))) ?? [];
  const named = role.files.map((file) => file.template);
  for (const key of new Set([...below.filter((path) => path.endsWith(".eta")), ...named])) {
    const template = await problems.attempt(() => readTemplate(key, role, dirs));
    if (template) templates.set(key, template);
  }
  return templates;
}

async function readTemplate(key: string, role: Role, dirs: readonly string[]): Promise<Template> {
  const bad = formats["relative-path"]?.problemIn(key);
  if (bad)
    throw invalid(
      `the template path ${JSON.stringify(key)} ${bad}`,
      `role ${role.name}`,
      "Name a file below templates/.",
    );
  const read = await readShadowed(key, dirs);
  if (!read)
    throw invalid(
      `there is no template ${key}`,
      `role ${role.name}`,
      `It is looked for in ${dirs.join(" and ")}.`,
    );
  return { file: read.file, text: decodeText(read.bytes, read.file) };
}

async function readRoleFile(name: string, dirs: readonly string[]): Promise<WrittenRole> {
  const part = await readPart(`${name}/role.yml`, name, dirs);
  await prepareSchema(roleSchema);
  const problems = checkSchema(roleSchema, part.value);
  if (problems.length > 0) {
    throw new LbctlError(
      "invalid",
      problems.map(({ path, message }) => ({
        what: `${pathText(path)} ${message}`.trim(),
        at: place(part.originOf(path)),
        hint: "A role.yml says only what the shipped roles/haproxy/role.yml says.",
      })),
    );
  }
  return part.value as unknown as WrittenRole;
}

async function readDefaults(name: string, dirs: readonly string[]): Promise<Part> {
  const part = await readPart(defaultsOf(name), name, dirs);
  if (!isMap(part.value))
    throw invalid(
      `defaults must be a map; read ${readAs(part.value)}`,
      place(part.origin),
      "Write each variable as `name: value`.",
    );
  return part;
}

/** The defaults, with those of the shipped file that the role still takes and a file in its place lacks. */
async function withShipped(
  own: Part,
  name: string,
  shippedDir: readonly string[],
  schema: { readonly properties?: object },
  problems: Problems,
): Promise<Variables> {
  const shipped = await readShadowed(defaultsOf(name), shippedDir);
  const isOwn = shipped && shipped.file !== own.origin.file;
  const all = isOwn ? await readDefaults(name, shippedDir) : own;
  const lacks = [...all.parts].filter(
    ([key]) => !own.parts.has(key) && Object.hasOwn(schema.properties ?? {}, key),
  );
  if (shipped && lacks.length > 0) {
    const names = lacks.map(([key]) => String(key));
    const more = names.length > 3 ? ` and ${names.length - 3} more` : "";
    problems.add({
      what: `there is no default of ${names.slice(0, 3).join(", ")}${more} here; this file replaces the shipped one whole`,
      at: place(own.origin),
      hint: `Copy ${shipped.file} and change it; values of your own fit better into group_vars/.`,
    });
  }
  return Object.fromEntries([...own.parts, ...lacks].map(([key, variable]) => [String(key), variable]));
}

function defaultsOf(name: string): string {
  return `${name}/defaults/main.yml`;
}

async function readSchema(name: string, dirs: readonly string[]): Promise<object> {
  const { file, bytes } = await readOf(`${name}/schema.json`, name, dirs);
  try {
    const schema: unknown = JSON.parse(decodeText(bytes, file));
    if (typeof schema !== "object" || schema === null) throw new Error("it is not a map");
    await prepareSchema(schema);
    return schema;
  } catch (error) {
    if (error instanceof LbctlError) throw error;
    throw invalid(
      `the schema is not valid: ${(error as Error).message}`,
      file,
      "Write a JSON Schema of draft 2020-12.",
    );
  }
}

async function readPart(relative: string, name: string, dirs: readonly string[]): Promise<Part> {
  const { file, bytes } = await readOf(relative, name, dirs);
  const known = parsedAtBuild.get(decodeText(bytes, file));
  return known ? partFrom(known, file) : parseYaml(bytes, file);
}

async function readOf(relative: string, name: string, dirs: readonly string[]) {
  const read = await readShadowed(relative, dirs);
  if (!read)
    throw invalid(`there is no ${relative}`, `role ${name}`, `It is looked for in ${dirs.join(" and ")}.`);
  return read;
}
