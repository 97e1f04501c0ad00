import { createHash } from "node:crypto";
import { checkSchema } from "../document/schema.ts";
import { Problems } from "../document/problems.ts";
import { hasSecrets, keepSecret, mask, withoutSecrets } from "../document/secrets.ts";
import { LbctlError, type Problem } from "../errors.ts";
import type { Fleet, Host } from "../model/fleet.ts";
import type { DesiredFile, DesiredHost, Facts } from "../model/host.ts";
import type { Role } from "../model/role.ts";
import { findSyntaxProblems, renderTemplate, type Templates, type View } from "./engine.ts";
export { compileAhead } from "./engine.ts";
import { traceLine, type LineSource } from "./trace.ts";
import { maskView } from "./masked.ts";
import { identityPlaceholder, makeView } from "./view.ts";

/** Everything rendering needs. Pure: equal inputs give equal bytes. */
export interface RenderInput {
  readonly fleet: Fleet;
  readonly host: Host;
  readonly role: Role;
  readonly templates: Templates;
  readonly facts: Facts;
}

/**
 * Renders the configuration set of one host. Throws LbctlError `invalid` with template file and line.
 *
 * The identity is a hash of all that only a reload can load: the rendered files without the identity itself, and the
 * watched files on the target. HAProxy reports it as `description` in `show info` (Management Guide, "show info"),
 * so what is loaded can be told from what is on disk.
 */
export function render(input: RenderInput): DesiredHost {
  const { view, warnings } = viewOf(input);
  const shown = hasSecrets() ? maskView(view, input.fleet, input.host, input.role) : view;
  const secrets = new Set(Object.keys(shown).filter((name) => shown[name] !== view[name]));
  const problems = new Problems();
  const rendered = input.role.files.flatMap((file) => {
    try {
      const content = renderTemplate(input.templates, file.template, view, secrets);
      const masked = shown === view ? content : maskedContent(input.templates, file.template, shown, content);
      return { ...file, content, masked };
    } catch (error) {
      const broken = findSyntaxProblems(input.templates, [file.template]);
      // a template that includes a broken one fails for no reason of its own
      if (broken.length === 0) problems.take(error);
      problems.addAll(broken);
      return [];
    }
  });
  problems.throwIfAny();
  const isTelling = rendered.some(({ masked, content }) => masked !== content);
  const drafts = rendered.map((file) => {
    const holdsSecret = file.masked !== file.content;
    const isHidden = holdsSecret || (isTelling && file.content.includes(identityPlaceholder));
    return { ...file, mode: isHidden ? withoutOthers(file.mode) : file.mode };
  });
  if (!drafts.some((draft) => descriptionLine.test(draft.content))) {
    throw new LbctlError("invalid", {
      what: "no line `description <%= it.identity %>` in the global section",
      at: input.templates.get(input.role.files[0]?.template ?? "")?.file ?? input.role.name,
      hint: "Put it back: lbctl tells by it which configuration HAProxy has loaded.",
    });
  }
  const hash = createHash("sha256").update(JSON.stringify(input.facts.watched));
  for (const draft of drafts) hash.update(JSON.stringify([draft.path, draft.mode, draft.content]));
  const identity = `lbctl:${hash.digest("hex").slice(0, 32)}`;
  const shownIdentity = isTelling ? maskedIdentity : identity;
  if (isTelling) keepSecret(identity.slice("lbctl:".length));
  const files = drafts.map(({ path, mode, content, masked }): DesiredFile => {
    const text = content.replaceAll(identityPlaceholder, identity);
    const sha256 = createHash("sha256").update(text).digest("hex");
    const file = { path, mode, content: text, sha256 };
    const forPeople = masked?.replaceAll(identityPlaceholder, shownIdentity) ?? null;
    return forPeople === text ? file : { ...file, masked: forPeople };
  });
  return { host: input.host.name, files, identity, shownIdentity, warnings };
}

function viewOf({ fleet, host, role, templates, facts }: RenderInput): ReturnType<typeof makeView> {
  try {
    return makeView(fleet, host, role, facts);
  } catch (error) {
    if (!(error instanceof LbctlError)) throw error;
    throw new LbctlError("invalid", [...error.problems, ...findBrokenTemplates(role, templates)]);
  }
}

function findBrokenTemplates({ files }: Role, templates: Templates): Problem[] {
  return findSyntaxProblems(
    templates,
    files.map(({ template }) => template),
  );
}

/** What rendering would say of the templates' code and of the servers, without any value that must be known. */
export function findProblems(
  { fleet, role, templates }: Omit<RenderInput, "host" | "facts">,
  hosts: readonly Host[],
): Problem[] {
  const problems = new Problems();
  for (const host of hosts) {
    try {
      makeView(fleet, withoutMalformed(host, role), role, { haproxyVersion: "", watched: {} });
    } catch (error) {
      problems.take(error);
    }
  }
  return [...problems.list(), ...findBrokenTemplates(role, templates)];
}

/** What has another form than the schema's is told by its check, and cannot be rendered. */
function withoutMalformed(host: Host, role: Role): Host {
  const values = Object.fromEntries(
    ["haproxy_pools", "haproxy_routes"].flatMap((name) => {
      const variable = host.vars[name];
      return variable ? [[name, variable.value] as const] : [];
    }),
  );
  const malformed = checkSchema(role.schema, values).map(({ path: [name] }) => String(name));
  return malformed.length === 0
    ? host
    : {
        ...host,
        unresolved: new Map([...malformed.map((name) => [name, []] as const), ...host.unresolved]),
      };
}

/**
 * The same template with masks in place of the secrets: whatever a template does to a value, a line that depends on a
 * secret comes out otherwise. null when the lines do not pair up.
 */
function maskedContent(templates: Templates, name: string, shown: View, content: string): string | null {
  try {
    const masked = withoutSecrets(renderTemplate(templates, name, shown));
    return masked.split("\n").length === content.split("\n").length ? masked : null;
  } catch {
    // a template may compute with what is no number any more
    return null;
  }
}

/** Who knows all but a port of what was hashed finds the port by trying. */
const maskedIdentity = `lbctl:${mask}`;

function withoutOthers(mode: string): string {
  return (Number.parseInt(mode, 8) & 0o770).toString(8).padStart(4, "0");
}

const descriptionLine = new RegExp(`^\\s*description ${identityPlaceholder}\\s*$`, "m");

/** Where line `line` of the rendered file `path` came from; undefined when that cannot be told. */
export function sourceOf(input: RenderInput, path: string, line: number): LineSource | undefined {
  const file = input.role.files.find((candidate) => candidate.path === path);
  if (!file) return undefined;
  const { view } = makeView(input.fleet, input.host, input.role, input.facts);
  return traceLine(input.templates, file.template, view, input.host.vars, line);
}
