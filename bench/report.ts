import type { Contestant } from "./contestants.ts";
import type { Row } from "./rounds.ts";

/** A promise of lbctl's, and what was measured. */
export interface Verdict {
  readonly promise: string;
  readonly measured: string;
  readonly kept: boolean;
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  return ((sorted[Math.floor(middle)] ?? NaN) + (sorted[Math.ceil(middle) - 1] ?? NaN)) / 2;
}

/** Median of a figure over the runs of a contestant. */
export function medianOf(
  { costs }: Row,
  who: Contestant,
  figure: "ms" | "cpuMs" | "largestKb" = "ms",
): number {
  return median(costs[who].map((cost) => cost[figure]));
}

const shown = (value: number): string => value.toFixed(value < 10 ? 1 : 0);

function span({ costs }: Row, who: Contestant): string {
  const all = costs[who].map(({ ms }) => ms);
  return `${shown(median(all))} (${shown(Math.min(...all))}–${shown(Math.max(...all))})`;
}

/** A Markdown table: wall milliseconds, median and range of each contestant. */
export function timesTable(rows: readonly Row[]): string {
  const lines = rows.map((row) => {
    const ratio = (medianOf(row, "ansible") / medianOf(row, "lbctl")).toFixed(1);
    const limit = (medianOf(row, "lbctl") / medianOf(row, "limit")).toFixed(2);
    const cells = [row.work, row.hosts, row.connections, row.roundTripMs];
    return [...cells, span(row, "lbctl"), span(row, "ansible"), span(row, "limit"), `${ratio}×`, limit];
  });
  const head = [
    "work",
    "hosts",
    "connections",
    "delay ms",
    "lbctl",
    "Ansible",
    "bare ssh",
    "Ansible ÷ lbctl",
    "lbctl ÷ bare",
  ];
  return table(head, lines);
}

export function table(head: readonly string[], lines: readonly (readonly (string | number)[])[]): string {
  const row = (cells: readonly (string | number)[]): string => `| ${cells.join(" | ")} |`;
  return [row(head), row(head.map(() => "---")), ...lines.map(row)].join("\n");
}

/** How much faster than Ansible a no-op must be, by number of hosts. */
const noOp: Readonly<Record<number, number>> = { 1: 10, 5: 18, 20: 40 };
const changed: Readonly<Record<number, number>> = { 1: 5, 5: 9, 20: 9 };
const delayed = { cold: 5, warm: 15 } as const;

/** Judges every row that lbctl promises something about. */
export function verdictsOf(rows: readonly Row[]): Verdict[] {
  return rows.flatMap((row) => {
    const { work, hosts, connections, roundTripMs } = row;
    const name = `${work}, ${String(hosts)} host${hosts === 1 ? "" : "s"}, ${connections}`;
    const ratio = medianOf(row, "ansible") / medianOf(row, "lbctl");
    const atLeast = (times: number, what: string): Verdict => ({
      promise: `${what}: at least ${String(times)} times as fast as Ansible`,
      measured: `${ratio.toFixed(1)}×`,
      kept: ratio >= times,
    });
    if (roundTripMs > 0) {
      return work === "no-op"
        ? [atLeast(delayed[connections], `${name}, ${String(roundTripMs)} ms away`)]
        : [];
    }
    const times = (work === "no-op" ? noOp : changed)[hosts];
    const verdicts = times === undefined ? [] : [atLeast(times, name)];
    if (work === "no-op" && connections === "cold") {
      const share = medianOf(row, "lbctl") / medianOf(row, "limit");
      verdicts.push({
        promise: `${name}: no slower than a bare ssh`,
        measured: `${share.toFixed(2)} of it`,
        kept: share <= 1,
      });
    }
    if (work === "no-op" && hosts === 20) {
      const share = medianOf(row, "lbctl", "cpuMs") / medianOf(row, "ansible", "cpuMs");
      verdicts.push({
        promise: `${name}: at most a tenth of Ansible's CPU on the control machine`,
        measured: share.toFixed(3),
        kept: share <= 0.1,
      });
    }
    return verdicts;
  });
}

export function verdictTable(verdicts: readonly Verdict[]): string {
  return table(
    ["promise", "measured", ""],
    verdicts.map(({ promise, measured, kept }) => [promise, measured, kept ? "kept" : "**missed**"]),
  );
}
