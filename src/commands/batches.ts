/** How many hosts a batch has; percents are of all hosts that change. */
type BatchSize = { readonly hosts: number } | { readonly percent: number };

/** The sizes of the batches, first to last; the last one holds for all that follow. Never empty. */
export type Serial = readonly BatchSize[];

/** What follows when a host fails. Those under way finish in any case. */
export const onFailures = ["stop", "rollback-all", "continue"] as const;
export type OnFailure = (typeof onFailures)[number];

/** One host first, which the others wait for. */
const canaryFirst: Serial = [{ hosts: 1 }, { percent: 100 }];

/** Reads sizes as Ansible's `serial` has them, e.g. `2`, `25%` or `1,10%,100%`; undefined where one is none. Pure. */
export function parseSerial(text: string): Serial | undefined {
  const sizes = text.split(",").map((size) => sizeFrom(size.trim()));
  return sizes.every((size) => size !== undefined) ? sizes : undefined;
}

function sizeFrom(text: string): BatchSize | undefined {
  const [, digits, percent] = /^(\d{1,6})(%?)$/.exec(text) ?? [];
  const number = Number(digits ?? 0);
  if (number === 0) return undefined;
  if (percent !== "%") return { hosts: number };
  return number <= 100 ? { percent: number } : undefined;
}

/** The items in batches, in their order. A part of a host is left out of a batch, but none is empty. Pure. */
export function batchesOf<Item>(items: readonly Item[], serial: Serial = canaryFirst): Item[][] {
  const batches: Item[][] = [];
  for (let start = 0; start < items.length; start += batches.at(-1)?.length ?? 0) {
    const size = serial[Math.min(batches.length, serial.length - 1)] ?? { percent: 100 };
    batches.push(items.slice(start, start + countOf(size, items.length)));
  }
  return batches;
}

function countOf(size: BatchSize, all: number): number {
  return "hosts" in size ? size.hosts : Math.max(1, Math.floor((size.percent / 100) * all));
}
