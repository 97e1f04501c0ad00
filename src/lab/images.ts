import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { packageRoot } from "../package-root.ts";
import { imageMetadata, type ImageMetadata } from "./image-metadata.ts";
import type { Incus } from "./incus.ts";
import type { HaproxyRelease } from "./members.ts";
import type { LabPaths } from "./paths.ts";
import { runStep, type Progress } from "./progress.ts";
import { releaseOf, type ImageKind } from "./releases.ts";
import { buildRootfs } from "./rootfs.ts";
import { expectSuccess, type Shell } from "./shell.ts";

export type LabImages = Readonly<Record<ImageKind, ImageMetadata>>;

export async function describeImages(haproxy: HaproxyRelease): Promise<LabImages> {
  const script = await readFile(join(packageRoot(), "src", "lab", "demo-backend.py"), "utf8");
  const release = releaseOf(haproxy);
  return { lb: imageMetadata(release, "lb", script), backend: imageMetadata(release, "backend", script) };
}

function rootfsFile(paths: LabPaths, image: ImageMetadata): string {
  return join(paths.images, `${image.rootfs}.squashfs`);
}

export function needsBuild(images: LabImages, paths: LabPaths, imported: readonly string[]): boolean {
  return Object.values(images).some(
    (image) => !imported.includes(image.alias) && !existsSync(rootfsFile(paths, image)),
  );
}

/** Builds and imports what is missing. */
export async function ensureImages(
  haproxy: HaproxyRelease,
  images: LabImages,
  imported: readonly string[],
  tools: {
    readonly shell: Shell;
    readonly incus: Incus;
    readonly paths: LabPaths;
    readonly progress: Progress;
  },
): Promise<void> {
  const { shell, incus, paths, progress } = tools;
  if (needsBuild(images, paths, imported)) {
    const release = releaseOf(haproxy);
    const step = `Build the Debian ${release.version} images (HAProxy ${haproxy})`;
    await runStep(progress, step, async () => {
      await buildRootfs(release, paths, shell, (detail) => {
        progress({ step, detail });
      });
    });
  }
  const missing = Object.values(images).filter((image) => !imported.includes(image.alias));
  if (missing.length === 0) return;
  await runStep(progress, "Import the images", async () => {
    await Promise.all(missing.map((image) => importImage(image, shell, incus, paths)));
  });
}

async function importImage(image: ImageMetadata, shell: Shell, incus: Incus, paths: LabPaths): Promise<void> {
  const folder = await mkdtemp(join(paths.images, "metadata-"));
  try {
    await mkdir(join(folder, "templates"));
    for (const [name, text] of Object.entries(image.files)) await writeFile(join(folder, name), text);
    const tar = join(folder, "metadata.tar");
    const parts = ["metadata.yaml", "templates"];
    const packed = await shell.run(["tar", "--owner=0", "--group=0", "-C", folder, "-cf", tar, ...parts]);
    expectSuccess(packed, "packing the image's metadata");
    await incus.run(["image", "import", "-q", tar, rootfsFile(paths, image), "--alias", image.alias]);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
