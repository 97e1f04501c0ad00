/** A complaint of `haproxy -c` about a line of a file. */
export interface Alert {
  readonly file: string;
  readonly line: number;
  readonly text: string;
}

/**
 * Reads the alerts that name a line: `[ALERT] (PID) : config : parsing [FILE:LINE] : TEXT`, and the forms without
 * `parsing` that later checks use.
 */
export function parseAlerts(output: string): Alert[] {
  return output.split("\n").flatMap((line) => {
    const found = /^\[ALERT\].*?\[([^\]\s]+):(\d+)\]\s*:?\s*(.*)$/.exec(line);
    return found ? [{ file: found[1] ?? "", line: Number(found[2]), text: found[3] ?? "" }] : [];
  });
}

/** Alerts and errors without process ids and closing remarks, for people. */
export function plainAlerts(output: string): string {
  const alerts = output.split("\n").filter((line) => line.startsWith("[ALERT]"));
  const plain = alerts
    .map((line) => line.replace(/^\[ALERT\]\s*\(\d+\)\s*:\s*(config\s*:\s*)?/, ""))
    .filter((line) => !/^(Error\(s\)|Fatal errors) found in configuration/.test(line));
  return plain.length > 0 ? plain.join("\n") : output.trim();
}
