const pattern =
  /^(\d{4})-(\d\d?)-(\d\d?)(?:(?:[Tt]|[ \t]+)(\d\d?):(\d\d):(\d\d)(?:\.(\d*))?(?:[ \t]*(Z|([-+])(\d\d?)(?::(\d\d))?))?)?$/;

/**
 * A YAML 1.1 timestamp in Python's isoformat(), as Ansible prints it; undefined when the text is none, null when it
 * has the form of one but no such day or time exists.
 */
export function readTimestamp(text: string): string | null | undefined {
  const match = pattern.exec(text);
  if (!match) return undefined;
  const [, year = "", month = "", day = "", hour, minute = "", second = "", fraction = "", zone] = match;
  const isDate = hour === undefined;
  // a date alone has two digits each, else PyYAML takes it for text
  if (isDate && (month.length < 2 || day.length < 2)) return undefined;
  if (!isDay(Number(year), Number(month), Number(day))) return null;
  const date = [year, pad(month), pad(day)].join("-");
  if (isDate) return date;
  if (Number(hour) > 23 || Number(minute) > 59 || Number(second) > 59) return null;
  const micros = fraction.slice(0, 6).padEnd(6, "0");
  const time = [pad(hour), minute, second].join(":") + (Number(micros) > 0 ? `.${micros}` : "");
  return `${date}T${time}${zone === undefined ? "" : offset(zone, match)}`;
}

function offset(zone: string, match: RegExpExecArray): string {
  if (zone === "Z") return "+00:00";
  const [hours = "0", minutes = "0"] = match.slice(10);
  const sign = match[9] === "-" && Number(hours) + Number(minutes) > 0 ? "-" : "+";
  return `${sign}${pad(hours)}:${pad(minutes)}`;
}

function isDay(year: number, month: number, day: number): boolean {
  const date = new Date(Date.UTC(2000, month - 1, day));
  date.setUTCFullYear(year, month - 1, day);
  return year > 0 && date.getUTCMonth() === month - 1 && date.getUTCDate() === day;
}

function pad(digits: string): string {
  return digits.padStart(2, "0");
}
