import { createHash } from "node:crypto";
import { mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { LbctlError } from "../errors.ts";
import { formatDeb822, readAptSources, retarget } from "./apt-sources.ts";
import { debianCodename } from "./machine.ts";
import type { LabPaths } from "./paths.ts";
import * as recipe from "./releases.ts";
import { expectSuccess, type Shell } from "./shell.ts";

type Say = (detail: string) => void;

/** Builds both root file systems of a release: one Debian tree, squashed once bare and once with the backends' packages. */
export async function buildRootfs(
  release: recipe.Release,
  paths: LabPaths,
  shell: Shell,
  say: Say,
): Promise<void> {
  const tree = join(paths.images, `debian-${release.version}.tree`);
  const work = join(paths.images, `debian-${release.version}.work`);
  const root = async (...argv: readonly string[]): Promise<string> =>
    expectSuccess(
      await shell.root(argv, { env: { DEBIAN_FRONTEND: "noninteractive" } }),
      argv.slice(0, 2).join(" "),
    ).stdout;
  await root("rm", "-rf", "--one-file-system", tree, work);
  await mkdir(work, { recursive: true });
  try {
    say(`fetching and unpacking Debian ${release.version}`);
    await bootstrap(release, tree, work, shell);
    say("adding the package archive and settings");
    await writeFiles(work, [
      ...recipe.overlay(release),
      {
        path: `${recipe.archiveFolder.slice(1)}/Packages`,
        text: await packageIndex(join(tree, recipe.archiveFolder), shell),
      },
    ]);
    await root("sh", "-c", settle, "sh", tree, join(work, "overlay"));
    await root("chroot", tree, "systemctl", "-q", "enable", ...recipe.enabledUnits);
    await root("chroot", tree, "systemctl", "-q", "mask", ...recipe.maskedUnits);
    await root("sh", "-c", markUpdated, "sh", tree);
    say("packing the load balancers' image");
    await squash(tree, join(paths.images, `${recipe.rootfsName(release, "lb")}.squashfs`), root);
    say("adding what backends need");
    await root("sh", "-c", addDebs, "sh", tree, backendDebs);
    await writeFiles(work, [{ path: "etc/systemd/system/demo-backend.service", text: recipe.backendUnit }]);
    await root("cp", "-r", "--no-preserve=ownership", `${work}/overlay/.`, tree);
    await root("chroot", tree, "systemctl", "-q", "enable", "demo-backend.service");
    await root("sh", "-c", markUpdated, "sh", tree);
    say("packing the backends' image");
    await squash(tree, join(paths.images, `${recipe.rootfsName(release, "backend")}.squashfs`), root);
  } finally {
    await root("rm", "-rf", "--one-file-system", tree, work);
  }
}

const backendDebs = "/var/cache/lbctl-backend";

/** What is machine's or archive's, and not the container's. */
const settle = `set -e
cd "$1"
rm -rf etc/apt/sources.list etc/apt/sources.list.d/* etc/apt/apt.conf.d/99mmdebstrap etc/ssh/ssh_host_* \\
  var/lib/dbus/machine-id etc/resolv.conf usr/share/man/?? usr/share/man/??_* usr/share/doc/* usr/share/locale/*
: > etc/machine-id
install -d -m 700 root/.ssh
cp -r --no-preserve=ownership "$2/." .`;

const addDebs = `set -e
chroot "$1" sh -c 'apt-get install -y -qq --no-install-recommends -o DPkg::Options::=--force-unsafe-io "$0"/*.deb' "$2" >&2
rm -rf "$1$2" "$1"/var/cache/apt/*.bin "$1"/usr/share/doc/*`;

// the first boot need not rebuild what the packages' scripts have just built
const markUpdated = 'touch "$1/etc/.updated" "$1/var/.updated"';

async function bootstrap(release: recipe.Release, tree: string, work: string, shell: Shell): Promise<void> {
  const own = await debianCodename();
  const sources = own === undefined ? [] : retarget(await readAptSources(), own, release.codename);
  const sourcesFile = join(work, "debian.sources");
  await writeFile(sourcesFile, formatDeb822(sources));
  const settings = await shell.run(["apt-config", "dump"]);
  const fetchDebs = (packages: readonly string[], folder: string, options: string): string =>
    // what mmdebstrap itself fetched lies in the same folder
    `rm -f "$1"/var/cache/apt/archives/*.deb && chroot "$1" apt-get install -y -qq --download-only ${options} ${packages.join(" ")} && ` +
    `mkdir -p "$1${folder}" && mv "$1"/var/cache/apt/archives/*.deb "$1${folder}/"`;
  const result = await shell.root([
    "mmdebstrap",
    "--quiet",
    "--mode=root",
    "--format=directory",
    "--variant=apt",
    // else Debian 12 takes usrmerge, and with it the whole of perl
    "--hook-dir=/usr/share/mmdebstrap/hooks/maybe-merged-usr",
    `--include=${recipe.basePackages.join(",")}`,
    "--dpkgopt=force-unsafe-io",
    ...aptOptions(settings.stdout).map((option) => `--aptopt=${option}`),
    // recommends too: this is what an ordinary apt-get install will ask for
    `--customize-hook=${fetchDebs(recipe.haproxyPackages, recipe.archiveFolder, "-o APT::Install-Recommends=true")}`,
    `--customize-hook=${fetchDebs(recipe.backendPackages, backendDebs, "--no-install-recommends")}`,
    release.codename,
    tree,
    // without a source of its own mmdebstrap knows Debian's
    ...(sources.length > 0 ? [sourcesFile] : []),
  ]);
  expectSuccess(result, "mmdebstrap", "Check that this machine can reach its Debian archive: apt-get update");
}

/** Pure: the machine's own ways of reaching an archive, out of `apt-config dump`. */
export function aptOptions(dump: string): readonly string[] {
  const wanted = /^(Acquire::(?:Check-Valid-Until|Check-Date|https?::Proxy)) "(.+)";$/gm;
  return [...dump.matchAll(wanted)].map((match) => `${match[1] ?? ""} "${match[2] ?? ""}"`);
}

async function packageIndex(folder: string, shell: Shell): Promise<string> {
  const names = (await readdir(folder)).filter((name) => name.endsWith(".deb")).sort();
  if (names.length === 0) throw new LbctlError("bug", { what: "no packages were fetched", at: folder });
  const stanzas: string[] = [];
  for (const name of names) {
    const file = join(folder, name);
    const control = expectSuccess(
      await shell.run(["dpkg-deb", "-f", file]),
      `reading ${name}`,
    ).stdout.trimEnd();
    const bytes = await readFile(file);
    const sum = createHash("sha256").update(bytes).digest("hex");
    stanzas.push(`${control}\nFilename: ./${name}\nSize: ${bytes.length}\nSHA256: ${sum}\n`);
  }
  return stanzas.join("\n");
}

async function writeFiles(work: string, files: readonly { path: string; text: string }[]): Promise<void> {
  for (const { path, text } of files) {
    const file = join(work, "overlay", path);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, text);
  }
}

async function squash(
  tree: string,
  file: string,
  root: (...argv: string[]) => Promise<string>,
): Promise<void> {
  const next = `${file}.tmp`;
  const pack = ["-noappend", "-comp", "zstd", "-Xcompression-level", "3", "-no-progress", "-quiet"];
  await rm(next, { force: true });
  await root(
    "mksquashfs",
    tree,
    next,
    ...pack,
    "-wildcards",
    "-e",
    backendDebs.slice(1),
    "var/lib/apt/lists/*",
    "var/cache/apt/archives/*.deb",
  );
  await root("chmod", "644", next);
  await rename(next, file);
}
