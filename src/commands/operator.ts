import { hostname } from "node:os";
import { userName } from "../user-name.ts";

/** Who runs lbctl, and where, for others to read. */
export function operator(): string {
  return `${userName() ?? `uid ${String(process.getuid?.())}`}@${hostname()}`;
}
