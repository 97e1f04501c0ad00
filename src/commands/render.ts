import { chmod, mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { Problems } from "../document/problems.ts";
import { mask } from "../document/secrets.ts";
import { findDrillProblems } from "../drill/check.ts";
import { LbctlError, type Problem } from "../errors.ts";
import type { DesiredFile, DesiredHost } from "../model/host.ts";
import { annotateWarnings } from "../report/errors.ts";
import { printJson, printLines, printProgress } from "../report/out.ts";
import { style } from "../report/style.ts";
import { render } from "../render/render.ts";
import type { FleetOptions } from "./options.ts";
import { checkCandidate } from "./candidate.ts";
import { loadProject, type Judge } from "./project.ts";

export interface RenderOptions extends FleetOptions {
  readonly haproxyVersion: string;
  readonly output?: string;
}

/** `lbctl render`: the files each host would get, offline; to standard output, or below a folder. */
export async function renderCommand(options: RenderOptions): Promise<number> {
  const sets = await renderAll(options);
  if (options.output !== undefined) {
    const written = await Promise.all(sets.map((set) => writeSet(set, options.output ?? "")));
    printProgress(written.flat().map((path) => `wrote ${path}`));
  } else if (options.json) {
    printJson({
      format_version: 1,
      hosts: sets.map(({ host, shownIdentity, files }) => ({
        name: host,
        identity: shownIdentity,
        files: files.map(shownFile),
      })),
    });
  } else {
    printLines(sets.flatMap(setLines));
  }
  return 0;
}

/** `lbctl validate`: inventory, variables, templates and listeners of every host, offline. */
export async function validateCommand(options: RenderOptions): Promise<number> {
  const sets = await renderAll(options, { check: checkCandidate, judge: findDrillProblems });
  const warnings = sets.flatMap((set) => set.warnings.map((text) => `${set.host}: ${text}`));
  annotateWarnings(sets);
  if (options.json)
    printJson({ format_version: 1, valid: true, hosts: sets.map(({ host }) => ({ name: host })), warnings });
  else {
    printLines(warnings.map((warning) => `${style.yellow("!")} ${warning}`));
    printLines([
      `${style.green("valid:")} ${sets.map(({ host }) => host).join(", ")} (rendered for HAProxy ${options.haproxyVersion})`,
    ]);
  }
  return 0;
}

interface Checks {
  readonly check?: typeof checkCandidate;
  readonly judge?: Judge;
}

async function renderAll(options: RenderOptions, { check, judge }: Checks = {}): Promise<DesiredHost[]> {
  const { fleet, role, templates, hosts } = await loadProject(options, judge);
  const facts = { haproxyVersion: options.haproxyVersion, watched: {} };
  const refused = new Problems();
  const sets = hosts.flatMap((host) => {
    const input = { fleet, host, role, templates, facts };
    try {
      return { input, desired: render(input) };
    } catch (error) {
      refused.take(error);
      return [];
    }
  });
  refused.throwIfAny();
  const problems: Problem[] = [];
  for (const { desired, input } of sets) {
    await check?.(desired, input).catch((error: unknown) => {
      if (!(error instanceof LbctlError)) throw error;
      problems.push(...error.problems);
    });
  }
  if (problems.length > 0) throw new LbctlError("rejected", problems);
  return sets.map(({ desired }) => desired);
}

/** For the terminal and for JSON; only what is written to files holds secrets. */
function shownFile({ path, mode, content, masked, sha256 }: DesiredFile) {
  // a hash of a secret is as good as the secret to who can try what it may be
  if (masked !== undefined) return { path, content: masked ?? mask, mode, sha256: null };
  return { path, content, mode, sha256 };
}

async function writeSet(set: DesiredHost, folder: string): Promise<string[]> {
  return Promise.all(
    set.files.map(async (file) => {
      const path = join(folder, set.host, file.path);
      await mkdir(dirname(path), { recursive: true });
      await writeFile(path, file.content, { mode: Number.parseInt(file.mode, 8) });
      // one that was there keeps its mode, and this one may hold secrets
      await chmod(path, Number.parseInt(file.mode, 8));
      return path;
    }),
  );
}

function setLines(set: DesiredHost): string[] {
  return set.files.flatMap((file) => [style.bold(`# ${set.host}: ${file.path}`), shownFile(file).content]);
}
