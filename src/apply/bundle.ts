import type { Manifest } from "../model/history.ts";
import type { DesiredFile } from "../model/host.ts";

/** What goes to the target besides the manifest. */
export interface Parcel {
  readonly files: readonly Pick<DesiredFile, "path" | "mode" | "content">[];
  /** Made even when they are empty. */
  readonly folders: readonly string[];
  /** What validation on the target reads; it stays with the generation. */
  readonly expectations?: string;
  /** The program that goes back without lbctl, where the target has another one. */
  readonly console?: string;
}

/**
 * The configuration set as one tar stream: its files, empty directories for links that have none, manifest.json,
 * what the steps of validation on the target need to know, and the sums by which it knows that all arrived whole.
 */
export async function bundle(parcel: Parcel, manifest: Manifest): Promise<Uint8Array> {
  const { default: tarStream } = await import("tar-stream");
  const tar = tarStream.pack();
  for (const name of parcel.folders) {
    tar.entry({ name: `${name}/`, type: "directory", mode: name === "certs" ? 0o700 : 0o755 });
  }
  for (const file of parcel.files) {
    tar.entry({ name: file.path, mode: Number.parseInt(file.mode, 8) }, file.content);
  }
  // its hashes are of secrets too
  tar.entry({ name: "manifest.json", mode: 0o600 }, `${JSON.stringify(manifest, null, 2)}\n`);
  if (parcel.expectations !== undefined)
    tar.entry({ name: ".expectations", mode: 0o600 }, parcel.expectations);
  if (parcel.console !== undefined) tar.entry({ name: ".rollback", mode: 0o700 }, parcel.console);
  // last: tar takes a stream that ends between two files for a whole one, and without the sums nothing is taken
  const sums = manifest.files.map((file) => `${file.sha256}  ${file.path}\n`).join("");
  tar.entry({ name: ".sha256sums", mode: 0o600 }, sums);
  tar.finalize();
  const chunks: Uint8Array[] = [];
  for await (const chunk of tar as AsyncIterable<Uint8Array>) chunks.push(chunk);
  return Buffer.concat(chunks);
}
