import pMap from "p-map";

/** Does `work` for every item, `forks` at a time, and keeps their order. */
export function eachHost<In, Out>(
  items: Iterable<In>,
  forks: number,
  work: (item: In) => Promise<Out>,
): Promise<Out[]> {
  return pMap(items, work, { concurrency: forks });
}
