/** A workflow command, as a runner has read it. */
export interface Command {
  readonly name: string;
  readonly properties: Readonly<Record<string, string>>;
  readonly message: string;
}

const known = new Set([
  ...["add-mask", "add-path", "debug", "echo", "endgroup", "error", "group", "notice", "save-state"],
  ...["set-env", "set-output", "stop-commands", "warning", "add-matcher", "remove-matcher"],
]);

/**
 * The commands that a runner finds in what a step prints, by the rules of GitHub's (ActionCommand.cs): a line ends at
 * \r or \n, `::` may stand after white space, `##[` anywhere. Forgejo's runner finds no more than that.
 */
export function readCommands(output: string): Command[] {
  return output
    .split(/\r\n|\r|\n/)
    .flatMap((line) => readColons(line.trimStart()) ?? readBrackets(line) ?? []);
}

function readColons(line: string): Command | undefined {
  const end = line.indexOf("::", 2);
  if (!line.startsWith("::") || end < 0) return undefined;
  return read(line.slice(2, end), line.slice(end + 2), ",");
}

function readBrackets(line: string): Command | undefined {
  const start = line.indexOf("##[");
  const end = line.indexOf("]", start);
  if (start < 0 || end < 0) return undefined;
  return read(line.slice(start + 3, end), line.slice(end + 1), ";");
}

function read(info: string, message: string, separator: string): Command | undefined {
  const [name = "", ...rest] = info.split(" ");
  if (!known.has(name)) return undefined;
  const pairs = rest.join(" ").trim().split(separator).filter(Boolean);
  const properties = pairs.map((pair) => {
    const equals = pair.indexOf("=");
    const value = pair
      .slice(equals + 1)
      .replaceAll("%3A", ":")
      .replaceAll("%2C", ",");
    return [pair.slice(0, equals), unescape(value)];
  });
  return {
    name,
    properties: Object.fromEntries(properties) as Record<string, string>,
    message: unescape(message),
  };
}

function unescape(text: string): string {
  return text.replaceAll("%0D", "\r").replaceAll("%0A", "\n").replaceAll("%25", "%");
}
