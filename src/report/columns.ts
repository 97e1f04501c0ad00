/** Text from elsewhere, in one line: control characters cannot move the cursor or start a colour. */
function plain(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, " ");
}

// letters of East Asia and pictures take two columns (Unicode UAX 11), marks on another letter none
const wide =
  /[\u1100-\u115F\u2E80-\u303E\u3041-\uA4CF\uA960-\uA97F\uAC00-\uD7A3\uF900-\uFAFF\uFE30-\uFE6F\uFF00-\uFF60\uFFE0-\uFFE6\u{20000}-\u{3FFFD}]|\p{Emoji_Presentation}/u;
const mark = /\p{M}/u;

/** Columns that a terminal gives to this text. */
function columnsOf(text: string): number {
  let columns = 0;
  for (const letter of text) columns += mark.test(letter) ? 0 : wide.test(letter) ? 2 : 1;
  return columns;
}

/** As much of its beginning as these columns hold. */
function head(text: string, columns: number): string {
  let taken = "";
  for (const letter of text) {
    if (columnsOf(taken + letter) > columns) break;
    taken += letter;
  }
  return taken;
}

/** Exactly `width` columns: cut with … or filled with spaces. */
export function fit(text: string, width: number): string {
  const shown = cut(text, width);
  return shown + " ".repeat(width - columnsOf(shown));
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
  return columnsOf(clean) <= width ? clean : `${head(clean, width - 1)}…`;
}

/** Words broken into lines of at most `width` columns, each behind `indent`. A longer word is broken, too. */
export function wrap(text: string, width: number, indent = ""): string[] {
  const room = width - indent.length;
  const lines: string[] = [];
  let line = "";
  for (const word of plain(text).trim().split(/ +/)) {
    if (line !== "" && columnsOf(line) + 1 + columnsOf(word) > room) {
      lines.push(indent + line);
      line = "";
    }
    let rest = word;
    while (columnsOf(rest) > room) {
      const part = head(rest, Math.max(2, room));
      lines.push(indent + part);
      rest = rest.slice(part.length);
    }
    line = line === "" ? rest : `${line} ${rest}`;
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
