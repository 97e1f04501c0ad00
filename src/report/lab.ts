import type { LabUpResult } from "../lab/up.ts";
import type { LabDownResult } from "../lab/down.ts";
import type { Progress } from "../lab/progress.ts";
import type { LabStatus } from "../lab/status.ts";
import { wrap } from "./columns.ts";
import { printProgressText } from "./out.ts";
import { style } from "./style.ts";

/** A line for each step and, when it took a while, one for its end. */
export function labProgress(quiet: boolean, write: (text: string) => void = printProgressText): Progress {
  return ({ step, detail, elapsedMs }) => {
    if (quiet) return;
    if (elapsedMs !== undefined) write(style.dim(`  done in ${(elapsedMs / 1000).toFixed(1)} s\n`));
    else if (detail === undefined) write(paragraph(`${step} …`));
    else write(style.dim(paragraph(detail, "  ")));
  };
}

export function sayChanges(
  changes: readonly string[],
  write: (text: string) => void = printProgressText,
): void {
  write(
    `The lab will change this machine:\n${changes.map((change) => paragraph(`- ${change}`, "  ")).join("")}`,
  );
}

export function formatUp(result: LabUpResult): string {
  const changed = (["created", "started", "removed"] as const).flatMap((verb) =>
    result[verb].length > 0 ? [`${verb} ${result[verb].join(", ")}`] : [],
  );
  const summary = changed.length > 0 ? changed.join("; ") : "nothing to do";
  return `${paragraph(`The lab is up: ${summary}.`)}Inventory: ${result.inventory}\n`;
}

export function formatDown(result: LabDownResult): string {
  const deleted = result.deleted.length > 0 ? `deleted ${result.deleted.join(", ")}` : "nothing to delete";
  const notes = result.kept.map((each) => paragraph(`Kept ${each}.`)).join("");
  return `${paragraph(`The lab is down: ${deleted}.`)}${notes}`;
}

export function formatStatus(status: LabStatus): string {
  if (status.instances.length === 0) {
    const why = status.daemon === "stopped" ? "no Incus daemon answers" : "it has no instances";
    return `The lab is down: ${why}. Start it with \`lbctl lab up\`.\n`;
  }
  const rows = status.instances.map((each) => [
    each.name,
    each.state,
    each.ip,
    each.haproxy ?? "-",
    each.image,
  ]);
  const table = [["NAME", "STATE", "IP", "HAPROXY", "IMAGE"], ...rows];
  const widths =
    table[0]?.map((_, column) => Math.max(...table.map((row) => row[column]?.length ?? 0))) ?? [];
  return table
    .map(
      (row) =>
        `${row
          .map((cell, column) => cell.padEnd(widths[column] ?? 0))
          .join("  ")
          .trimEnd()}\n`,
    )
    .join("");
}

function paragraph(text: string, indent = ""): string {
  return `${wrap(text, 80, indent).join("\n")}\n`;
}
