/** Text from elsewhere, in one line: control characters cannot move the cursor or start a colour. */
function plain(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, " ");
}

/** Exactly `width` columns: cut with … or filled with spaces. */
export function fit(text: string, width: number): string {
  return cut(text, width).padEnd(width);
}

/** The same, cut in the middle: names of servers differ at their ends. */
export function fitName(name: string, width: number): string {
  const clean = plain(name);
  if (clean.length <= width) return clean.padEnd(width);
  const end = Math.floor(width * 0.6);
  return `${clean.slice(0, width - 1 - end)}…${clean.slice(-end)}`;
}

/** At most `width` columns, cut with …. */
export function cut(text: string, width: number): string {
  const clean = plain(text);
  return clean.length <= width ? clean : `${clean.slice(0, Math.max(0, width - 1))}…`;
}

/** Words broken into lines of at most `width` columns, each behind `indent`. A longer word is cut. */
export function wrap(text: string, width: number, indent = ""): string[] {
  const room = width - indent.length;
  const lines: string[] = [];
  let line = "";
  for (const word of plain(text).trim().split(/ +/)) {
    if (line !== "" && line.length + 1 + word.length > room) {
      lines.push(indent + line);
      line = "";
    }
    line = line === "" ? cut(word, room) : `${line} ${word}`;
  }
  return line === "" ? lines : [...lines, indent + line];
}

/** `850 ms`, `12 s`, `5 m`, `3 h`, `9 d`. */
export function duration(ms: number): string {
  if (ms < 1000) return ms === 0 ? "0 s" : `${Math.round(ms)} ms`;
  const seconds = ms / 1000;
  if (seconds < 120)
    return `${seconds < 10 ? seconds.toFixed(1).replace(/\.0$/, "") : Math.round(seconds)} s`;
  if (seconds < 7200) return `${Math.round(seconds / 60)} m`;
  return seconds < 172_800 ? `${Math.round(seconds / 3600)} h` : `${Math.round(seconds / 86_400)} d`;
}
