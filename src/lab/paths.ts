import { homedir } from "node:os";
import { isAbsolute, join } from "node:path";

/** Everything the lab keeps on this machine, below one folder that all clones share. */
export interface LabPaths {
  readonly root: string;
  readonly state: string;
  readonly lock: string;
  readonly key: string;
  readonly knownHosts: string;
  readonly images: string;
  /** The versions that packages had before the lab upgraded them. */
  readonly packages: string;
  /** Configuration of the incus client, so that the user's own remotes and project stay out of it. */
  readonly client: string;
  readonly daemonLog: string;
}

export function labPaths(env: Readonly<Record<string, string | undefined>> = process.env): LabPaths {
  const xdg = env.XDG_CACHE_HOME;
  const cache = xdg !== undefined && isAbsolute(xdg) ? xdg : join(env.HOME ?? homedir(), ".cache");
  const root = join(cache, "lbctl", "lab");
  return {
    root,
    state: join(root, "state.json"),
    lock: join(root, "lock"),
    key: join(root, "id_ed25519"),
    knownHosts: join(root, "known_hosts"),
    images: join(root, "images"),
    packages: join(root, "packages"),
    client: join(root, "incus-client"),
    daemonLog: join(root, "incusd.log"),
  };
}
