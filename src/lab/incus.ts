import type { ProcessOptions, ProcessResult } from "../remote/process.ts";
import type { LabPaths } from "./paths.ts";
import { expectSuccess, type Shell } from "./shell.ts";

/** The name of each Incus object of the lab, and the key that marks them. */
export const labName = "lbctl-lab";
export const labTag = "user.lbctl-lab";

export interface IncusInstance {
  readonly name: string;
  readonly status: string;
  readonly config: Readonly<Record<string, string>>;
  readonly devices: Readonly<Record<string, Readonly<Record<string, string>>>>;
}

interface Named {
  readonly name: string;
  readonly config: Readonly<Record<string, string>>;
}

interface Foreign {
  readonly name: string;
  /** Of networks: Incus made it. */
  readonly managed?: boolean;
  /** Of instances. */
  readonly project?: string;
}

/** What `query` is asked for when an object may be missing. */
const notFound = /not found/i;

/** The incus client, as the user where the socket lets it, else as root. */
export class Incus {
  readonly #shell: Shell;
  readonly #paths: LabPaths;
  #asRoot: boolean;

  constructor(shell: Shell, paths: LabPaths) {
    this.#shell = shell;
    this.#paths = paths;
    this.#asRoot = false;
  }

  /** Runs `incus` in the lab's project; the caller looks at the exit code. */
  async try(args: readonly string[], options: ProcessOptions = {}): Promise<ProcessResult> {
    const own = { INCUS_CONF: this.#paths.client, INCUS_CACHE: this.#paths.client };
    const env = { ...own, INCUS_PROJECT: labName, ...options.env };
    const argv = ["incus", ...args];
    return this.#asRoot
      ? await this.#shell.root(argv, { ...options, env })
      : await this.#shell.run(argv, { ...options, env });
  }

  async run(args: readonly string[], options: ProcessOptions = {}): Promise<string> {
    return expectSuccess(await this.try(args, options), `incus ${args.slice(0, 2).join(" ")}`).stdout;
  }

  /** Whether a daemon answers, as the user or as root. */
  async answers(): Promise<boolean> {
    const direct = await this.try(["query", "/1.0"], { timeoutMs: 20_000 });
    if (direct.exitCode === 0) return isTrusted(direct.stdout);
    if (this.#shell.isRoot || direct.exitCode === null) return false;
    // only a socket that refuses the user is worth a question to sudo
    if (!/permission/i.test(direct.stderr)) return false;
    this.#asRoot = true;
    return (await this.try(["query", "/1.0"], { timeoutMs: 20_000 })).exitCode === 0;
  }

  /** Undefined when there is no such object. */
  async get(path: string): Promise<Named | undefined> {
    const result = await this.try(["query", path]);
    if (result.exitCode !== 0 && notFound.test(result.stderr)) return undefined;
    return JSON.parse(expectSuccess(result, `incus query ${path}`).stdout) as Named;
  }

  async storageDrivers(): Promise<readonly string[]> {
    const server = JSON.parse(await this.run(["query", "/1.0"])) as {
      environment: { storage_supported_drivers?: readonly { Name: string }[] };
    };
    return (server.environment.storage_supported_drivers ?? []).map((driver) => driver.Name);
  }

  /** The instances of the lab itself. */
  async instances(): Promise<readonly IncusInstance[]> {
    return (await this.everyInstance()).filter((instance) => instance.config[labTag] !== undefined);
  }

  /** All instances in the lab's project, whoever made them; none when there is no project. */
  async everyInstance(): Promise<readonly IncusInstance[]> {
    const result = await this.try(["list", "--format", "json"]);
    if (result.exitCode !== 0 && notFound.test(result.stderr)) return [];
    type Listed = Omit<IncusInstance, "config"> & { readonly config: IncusInstance["config"] | null };
    const listed = JSON.parse(expectSuccess(result, "incus list").stdout) as readonly Listed[];
    // one that is being deleted just then has none
    return listed.map((instance) => ({ ...instance, config: instance.config ?? {} }));
  }

  /** Objects of this daemon that are somebody else's. */
  async foreignObjects(): Promise<readonly string[]> {
    // Of an empty list the client prints nothing at all.
    const read = async (path: string): Promise<readonly Foreign[]> =>
      (JSON.parse((await this.run(["query", path])).trim() || "null") ?? []) as readonly Foreign[];
    const [pools, projects, networks, instances] = await Promise.all([
      read("/1.0/storage-pools?recursion=1"),
      read("/1.0/projects?recursion=1"),
      read("/1.0/networks?recursion=1"),
      read("/1.0/instances?recursion=1&all-projects=true"),
    ]);
    const isOther = ({ name }: Foreign): boolean => name !== labName;
    return [
      ...pools.filter(isOther).map(({ name }) => `storage pool ${name}`),
      ...projects
        .filter((each) => isOther(each) && each.name !== "default")
        .map(({ name }) => `project ${name}`),
      ...networks.filter((each) => isOther(each) && each.managed).map(({ name }) => `network ${name}`),
      ...instances.filter((each) => each.project !== labName).map(({ name }) => `instance ${name}`),
    ];
  }

  async imageAliases(): Promise<readonly string[]> {
    const text = await this.run(["image", "list", "--format", "json"]);
    const images = JSON.parse(text) as readonly { aliases?: readonly { name: string }[] }[];
    return images.flatMap((image) => (image.aliases ?? []).map((alias) => alias.name));
  }
}

function isTrusted(text: string): boolean {
  return (JSON.parse(text) as { auth?: string }).auth === "trusted";
}
