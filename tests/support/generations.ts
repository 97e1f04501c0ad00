import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createHash } from "node:crypto";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { bundle } from "../../src/apply/bundle.ts";
import type { ChangedFile, Manifest } from "../../src/model/history.ts";
import { run } from "./lbctl.ts";

const author = { by: "anna@desk", at: "2026-03-04T05:06:07.890Z", lbctl: "0.1.0", git: "0123456789abcdef" };

/** A file of a set: its content, and its mode where that is not 0644. */
export type Content = string | { readonly content: string; readonly mode: string };

/** A state directory as a host has it, made by the bundle of an apply. */
export class StateFolder {
  readonly path = mkdtempSync(join(tmpdir(), "lbctl-state-"));
  private readonly lines: string[] = [];

  async generation(
    number: number,
    files: Readonly<Record<string, Content>>,
    over: { readonly changes?: readonly ChangedFile[]; readonly restores?: number } = {},
  ): Promise<void> {
    const list = Object.entries(files).map(([path, written]) => {
      const { content, mode } = typeof written === "string" ? { content: written, mode: "0644" } : written;
      return { path, mode, content, sha256: createHash("sha256").update(content).digest("hex") };
    });
    const manifest: Manifest = {
      format: 1,
      identity: `lbctl:${String(number)}`,
      ...author,
      restores: over.restores ?? null,
      changes: over.changes ?? [],
      files: list.map(({ path, mode, sha256 }) => ({ path, mode, sha256 })),
    };
    const folder = join(this.path, "generations", String(number));
    mkdirSync(folder, { recursive: true });
    const tar = join(this.path, "set.tar");
    writeFileSync(tar, await bundle({ files: list, folders: [] }, manifest));
    await run("tar", ["-xpf", tar, "-C", folder]);
    rmSync(tar);
  }

  current(number: number): void {
    rmSync(join(this.path, "current"), { force: true });
    symlinkSync(`generations/${String(number)}`, join(this.path, "current"));
  }

  /** A line of the history. */
  told(entry: object): void {
    this.lines.push(JSON.stringify(entry));
    writeFileSync(join(this.path, "history"), this.lines.map((line) => `${line}\n`).join(""));
  }

  write(path: string, content: string, mode = 0o644): void {
    const file = join(this.path, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, content);
    chmodSync(file, mode);
  }
}
