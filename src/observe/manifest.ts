import type { Manifest } from "../model/history.ts";

/** A manifest as a host sent it; null when there is none. Who may write it is root there, so its shape is trusted. */
export function manifestFrom(base64: string | undefined): Manifest | null {
  try {
    return JSON.parse(decode(base64 ?? "")) as Manifest;
  } catch {
    return null;
  }
}

export function decode(base64: string): string {
  return Buffer.from(base64, "base64").toString("utf8");
}
