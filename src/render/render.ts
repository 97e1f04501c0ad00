import { createHash } from "node:crypto";
import { LbctlError } from "../errors.ts";
import type { Fleet, Host } from "../model/fleet.ts";
import type { DesiredFile, DesiredHost, Facts } from "../model/host.ts";
import type { Role } from "../model/role.ts";
import { renderTemplate, type Templates } from "./engine.ts";
import { traceLine, type LineSource } from "./trace.ts";
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
  const { view, warnings } = makeView(input.fleet, input.host, input.role, input.facts);
  const drafts = input.role.files.map((file) => ({
    ...file,
    content: renderTemplate(input.templates, file.template, view),
  }));
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
  const files = drafts.map(({ path, mode, content }): DesiredFile => {
    const text = content.replaceAll(identityPlaceholder, identity);
    return { path, mode, content: text, sha256: createHash("sha256").update(text).digest("hex") };
  });
  return { host: input.host.name, files, identity, warnings };
}

const descriptionLine = new RegExp(`^\\s*description ${identityPlaceholder}\\s*$`, "m");

/** Where line `line` of the rendered file `path` came from; undefined when that cannot be told. */
export function sourceOf(input: RenderInput, path: string, line: number): LineSource | undefined {
  const file = input.role.files.find((candidate) => candidate.path === path);
  if (!file) return undefined;
  const { view } = makeView(input.fleet, input.host, input.role, input.facts);
  return traceLine(input.templates, file.template, view, input.host.vars, line);
}
