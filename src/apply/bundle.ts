import type { DesiredHost } from "../model/host.ts";

/** Who applies what, kept with the set on the target. */
export interface Manifest {
  /** Version of this document's shape. */
  readonly format: 1;
  readonly identity: string;
  readonly by: string;
  /** RFC 3339. */
  readonly at: string;
  readonly lbctl: string;
  readonly git: string | null;
}

/**
 * The configuration set as one tar stream: its files, empty directories for links that have none, manifest.json, and
 * the sums by which the target knows that it arrived whole, and what the steps of validation there need to know.
 */
export async function bundle(
  desired: DesiredHost,
  links: readonly string[],
  manifest: Manifest,
  expectations: string,
): Promise<Uint8Array> {
  const { default: tarStream } = await import("tar-stream");
  const tar = tarStream.pack();
  const folders = links.filter((name) => !desired.files.some((file) => file.path === name));
  for (const name of folders) {
    tar.entry({ name: `${name}/`, type: "directory", mode: name === "certs" ? 0o700 : 0o755 });
  }
  for (const file of desired.files) {
    tar.entry({ name: file.path, mode: Number.parseInt(file.mode, 8) }, file.content);
  }
  const files = desired.files.map(({ path, mode, sha256 }) => ({ path, mode, sha256 }));
  // its hashes are of secrets too
  tar.entry({ name: "manifest.json", mode: 0o600 }, `${JSON.stringify({ ...manifest, files }, null, 2)}\n`);
  const sums = desired.files.map((file) => `${file.sha256}  ${file.path}\n`).join("");
  tar.entry({ name: ".sha256sums", mode: 0o600 }, sums);
  tar.entry({ name: ".expectations", mode: 0o600 }, expectations);
  tar.finalize();
  const chunks: Uint8Array[] = [];
  for await (const chunk of tar as AsyncIterable<Uint8Array>) chunks.push(chunk);
  return Buffer.concat(chunks);
}
