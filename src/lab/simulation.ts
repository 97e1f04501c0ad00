/** A package that the lab had to upgrade. Its version from before is kept as a .deb. */
export interface UpgradedPackage {
  readonly name: string;
  readonly previous: string;
  /** The version that the lab brought. */
  readonly set: string;
  /** Whether apt had it as a dependency only. */
  readonly automatic?: boolean;
}

/** Pure: the packages that `apt-get -s` would install, without those it would only upgrade. */
export function newPackages(simulated: string): readonly string[] {
  return [...simulated.matchAll(/^Inst (\S+) (?!\[)/gm)].map((match) => match[1] ?? "");
}

/** Pure: the packages that `apt-get -s` would upgrade. */
export function upgradedPackages(simulated: string): readonly UpgradedPackage[] {
  return [...simulated.matchAll(/^Inst (\S+) \[(\S+)\] \((\S+) /gm)].map(
    ([, name = "", previous = "", set = ""]) => ({ name, previous, set }),
  );
}

/** Pure: `found` added to what is recorded. The oldest version stays known, unless somebody else came between. */
export function mergeUpgrades(
  known: readonly UpgradedPackage[],
  found: readonly UpgradedPackage[],
): readonly UpgradedPackage[] {
  const merged = found.map((upgrade) => {
    const before = known.find(({ name, set }) => name === upgrade.name && set === upgrade.previous);
    return before ? { ...before, set: upgrade.set } : upgrade;
  });
  return [...known.filter(({ name }) => !found.some((each) => each.name === name)), ...merged];
}
