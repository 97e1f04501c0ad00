import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { formatDeb822, readAptSources, retarget } from "../../src/lab/apt-sources.ts";
import { debianCodename } from "../../src/lab/machine.ts";
import { aptOptions } from "../../src/lab/rootfs.ts";
import { root, run, type Run } from "./lbctl.ts";

/** The name in the Containerfile's FROM. */
const base = "docker.io/library/debian:trixie-slim";
const folder = mkdtempSync(join(tmpdir(), "lbctl-image-"));

/** An image store of the tests' own; it works without an engine, a daemon or namespaces. */
export async function buildah(...args: string[]): Promise<Run> {
  const store = [
    "--storage-driver",
    "vfs",
    "--root",
    join(folder, "store"),
    "--runroot",
    join(folder, "run"),
  ];
  return asRoot("env", "BUILDAH_ISOLATION=chroot", "buildah", ...store, ...args);
}

/** Builds the Containerfile as it is, on a base made from Debian's archive: no registry is asked. */
export async function buildImage(name: string): Promise<void> {
  await makeBase();
  await succeed(buildah("build", "--pull-never", "-f", "Containerfile", "-t", name, root));
}

/** The same packages as Debian's image of that name, from the archive that this machine uses. */
async function makeBase(): Promise<void> {
  const own = await debianCodename();
  const sources = own === undefined ? [] : retarget(await readAptSources(), own, "trixie");
  const file = join(folder, "debian.sources");
  writeFileSync(file, formatDeb822(sources));
  const settings = aptOptions((await run("apt-config", ["dump"])).stdout);
  const container = await succeed(buildah("from", "scratch"));
  const tree = await succeed(buildah("mount", container));
  await succeed(
    asRoot(
      "mmdebstrap",
      ...["--quiet", "--mode=root", "--format=directory", "--variant=minbase"],
      "--hook-dir=/usr/share/mmdebstrap/hooks/maybe-merged-usr",
      ...settings.map((setting) => `--aptopt=${setting}`),
      ...["--dpkgopt=force-unsafe-io", "trixie", tree],
      ...(sources.length > 0 ? [file] : []),
    ),
  );
  await succeed(buildah("umount", container));
  await succeed(buildah("commit", "--quiet", "--rm", container, base));
}

export async function removeImages(): Promise<void> {
  await succeed(asRoot("rm", "-rf", "--one-file-system", folder));
}

/** The trimmed output; throws when it failed. */
export async function succeed(running: Promise<Run>): Promise<string> {
  const { code, stdout, stderr } = await running;
  if (code !== 0) throw new Error(`exit ${String(code)}: ${stdout}${stderr}`);
  return stdout.trim();
}

export function asRoot(...words: string[]): Promise<Run> {
  const [file = "", ...args] = process.getuid?.() === 0 ? words : ["sudo", "-n", ...words];
  return run(file, args);
}
