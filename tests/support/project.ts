import { cpSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { root } from "./lbctl.ts";

/** A user's project whose haproxy.cfg.eta, or another template, shadows the shipped one. */
export function projectWith(change: (text: string) => string, template = "haproxy.cfg.eta"): string {
  const folder = mkdtempSync(join(tmpdir(), "lbctl-project-"));
  mkdirSync(join(folder, "templates"), { recursive: true });
  cpSync(join(root, "templates/haproxy"), join(folder, "templates/haproxy"), { recursive: true });
  const file = join(folder, "templates/haproxy", template);
  const text = readFileSync(file, "utf8");
  if (change(text) === text) throw new Error("the template is no longer what this test changes");
  writeFileSync(file, change(text));
  return folder;
}
