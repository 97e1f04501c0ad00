interface Place {
  readonly file: string;
  /** From 1. */
  readonly line: number;
}

/** A complaint of HAProxy about its configuration. */
export interface Alert {
  /** What it names, the nearest first: the line of a list, then that of haproxy.cfg which loads it. */
  readonly places: readonly Place[];
  readonly text: string;
}

/**
 * Reads alerts: `[ALERT] (PID) : config : parsing [FILE:LINE] : TEXT`, the forms of later checks, which name the line
 * elsewhere or not at all, and what is told on lines of its own after `multiple argument resolution errors:`.
 */
export function readAlerts(output: string): Alert[] {
  return linesOf(output).map((line) => {
    const found = forms.map((form) => form.exec(line)).find((match) => match !== null);
    const listed = /at line (?<line>\d+) of file '(?<file>[^']+)'/.exec(line);
    return {
      places: [listed, found].flatMap((match) =>
        match ? [{ file: match.groups?.file ?? "", line: Number(match.groups?.line) }] : [],
      ),
      text: found ? line.replace(found[0], "") : line,
    };
  });
}

// an address and its port stand in brackets too, but no folder
const forms = [
  /^(?:parsing )?\[(?<file>[^\]\s]*\/[^\]\s]+):(?<line>\d+)\]\s*[:;]?\s*/i,
  / (?:at )?\[(?<file>[^\]\s]*\/[^\]\s]+):(?<line>\d+)\]/,
  / \(at (?<file>[^)\s]*\/[^)\s]+):(?<line>\d+)\)/,
];

/** Alerts and errors without process ids and closing remarks, for people. */
export function plainAlerts(output: string): string {
  return linesOf(output).join("\n") || output.trim();
}

/** The same of a reason that lbctl gave, which stays: what HAProxy says is behind it. */
export function plainReason(reason: string): string {
  const lines = reason.split("\n").flatMap((line) => {
    if (/^\[ALERT\]|^\s+parsing \[/.test(line)) return linesOf(line);
    return /^\[(?:NOTICE|WARNING)\]|^\s*$/.test(line) ? [] : [line.trim()];
  });
  return lines.join("\n");
}

function linesOf(output: string): string[] {
  return output
    .split("\n")
    .filter((line) => /^\[ALERT\]|^\s+parsing \[/.test(line))
    .map((line) => line.trim().replace(/^\[ALERT\]\s*\(\d+\)\s*:\s*(?:config\s*:\s*)*/, ""))
    .filter(
      (line) => !/^(?:Error\(s\)|Fatal errors) found in configuration|^multiple .* errors:$/.test(line),
    );
}
