import { LbctlError } from "../errors.ts";

/** What `show info` says of the worker (Management Guide 9.3). */
export interface Info {
  /** `HAProxy`. */
  readonly name: string;
  /** `2.6.12-1+deb12u4`. */
  readonly version: string;
  readonly pid: number;
  readonly uptimeSeconds: number;
  /** `description` in `global`; empty when there is none. Untrusted text. */
  readonly description: string;
  /** Every line, by key. */
  readonly all: ReadonlyMap<string, string>;
}

/** Reads `Key: value` lines. Throws LbctlError `bug` when the text is not an answer to `show info`. */
export function parseInfo(text: string): Info {
  const all = new Map<string, string>();
  for (const line of text.split("\n")) {
    const colon = line.indexOf(":");
    if (colon > 0 && !all.has(line.slice(0, colon)))
      all.set(line.slice(0, colon), line.slice(colon + 1).trim());
  }
  const pid = Number(all.get("Pid"));
  const version = all.get("Version");
  if (version === undefined || !Number.isSafeInteger(pid))
    throw new LbctlError("bug", {
      what: `not an answer to "show info": ${JSON.stringify(text.slice(0, 80))}`,
    });
  return {
    name: all.get("Name") ?? "",
    version,
    pid,
    uptimeSeconds: Number(all.get("Uptime_sec") ?? 0),
    description: all.get("description") ?? "",
    all,
  };
}
