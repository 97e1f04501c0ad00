import { setTimeout as sleep } from "node:timers/promises";
import type { ProcessResult } from "../remote/process.ts";
import { apt, quiet } from "./apt.ts";
import { keptDeb } from "./keep-version.ts";
import { expectSuccess, type Shell } from "./shell.ts";
import type { UpgradedPackage } from "./simulation.ts";

interface PackageStatus {
  readonly name: string;
  readonly status: string;
  readonly flag: string;
}

async function readStatus(shell: Shell): Promise<readonly PackageStatus[]> {
  const format = "${Package}\t${db:Status-Status}\t${db:Status-Eflag}\n";
  const text = expectSuccess(await shell.run(["dpkg-query", "-W", "-f", format]), "dpkg-query").stdout;
  return text
    .trim()
    .split("\n")
    .map((line) => {
      const [name = "", status = "", flag = ""] = line.split("\t");
      return { name, status, flag };
    });
}

/**
 * dpkg refuses new work until what an interrupted run left is in order. For that `ours` may be removed, and `upgraded`
 * go back to the version that `folder` has of them.
 */
export async function finishDpkg(
  shell: Shell,
  ours: readonly string[],
  upgraded: readonly UpgradedPackage[],
  folder: string,
): Promise<void> {
  const audit = expectSuccess(await shell.run(["dpkg", "--audit"]), "dpkg --audit");
  if (audit.stdout.trim() === "") return;
  const half = (await readStatus(shell)).filter(({ flag }) => flag === "reinstreq");
  const torn = upgraded.filter((each) => half.some(({ name }) => name === each.name));
  if (torn.length > 0) {
    const debs = torn.map((each) => keptDeb(folder, each));
    const again = ["dpkg", "--force-confold", "--force-depends", "--install", ...debs];
    expectSuccess(await whenUnlocked(() => shell.root(again, quiet)), "dpkg --install");
  }
  const broken = half.filter(({ name }) => ours.includes(name));
  if (broken.length > 0) {
    const force = ["--force-remove-reinstreq", "--force-depends"];
    const remove = ["dpkg", "--purge", ...force, ...broken.map(({ name }) => name)];
    expectSuccess(await whenUnlocked(() => shell.root(remove, quiet)), "dpkg --purge");
  }
  const configure = ["dpkg", "--force-confold", "--configure", "-a"];
  expectSuccess(await whenUnlocked(() => shell.root(configure, quiet)), "dpkg --configure -a");
}

/** dpkg itself does not wait for another one that is at work. */
async function whenUnlocked(run: () => Promise<ProcessResult>): Promise<ProcessResult> {
  for (let tries = 0; ; tries++) {
    const result = await run();
    if (result.exitCode === 0 || tries >= 120 || !/\block(ed)?\b/.test(result.stderr)) return result;
    await sleep(1000);
  }
}

/** Purges `names`, but for those without which packages of others would go too; returns these. */
export async function purge(names: readonly string[], shell: Shell): Promise<readonly string[]> {
  const there = (await readStatus(shell)).filter(({ status }) => status !== "not-installed");
  const ours = names.filter((name) => there.some((each) => each.name === name));
  // what an interrupted run fetched
  const fetched = 'for name; do rm -f /var/cache/apt/archives/"$name"_*.deb; done';
  await shell.root(["sh", "-c", fetched, "sh", ...names]);
  const kept: string[] = [];
  if (await takesOthers(ours, names, shell)) {
    for (const name of ours) if (await takesOthers([name], names, shell)) kept.push(name);
  }
  const going = ours.filter((name) => !kept.includes(name));
  if (going.length === 0 || (await takesOthers(going, names, shell))) return ours;
  expectSuccess(
    await shell.root(["setsid", "--fork", "--wait", ...purgeWords(going)], quiet),
    "apt-get purge",
  );
  return kept;
}

/** Whether purging `packages` would touch one that is not among `ours`. */
async function takesOthers(
  packages: readonly string[],
  ours: readonly string[],
  shell: Shell,
): Promise<boolean> {
  if (packages.length === 0) return false;
  const simulated = await shell.root([...purgeWords(packages), "-s"], quiet);
  // what apt finds no way for would break something
  if (simulated.exitCode !== 0) return true;
  return [...simulated.stdout.matchAll(/^(?:Remv|Purg|Inst) (\S+)/gm)].some(
    ([, name = ""]) => !ours.includes(name),
  );
}

function purgeWords(packages: readonly string[]): string[] {
  return [...apt, "purge", ...packages];
}
