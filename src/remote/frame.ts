import type { RemoteScript } from "./port.ts";

export interface Frame {
  /** The command line for the login shell, whatever shell that is. */
  readonly command: string;
  /** All that the command reads, or what it reads first where the payload is made as the script runs. */
  readonly input: Uint8Array;
}

/** How the script becomes root: not at all, by sudo that must not ask, or by sudo that may ask with this prompt. */
export type Sudo = "no" | "silent" | { readonly prompt: string };

/** Linux takes 128 KiB in one argument (MAX_ARG_STRLEN), and base64 makes four bytes of three. */
const longestInline = 90_000;

/**
 * Makes the command line and the stdin of a run. Its output and its error output stand between two lines that carry a
 * nonce: what a banner or a noisy .bashrc prints is outside, and the exit status is the script's own, never the
 * transport's. A script without a payload is in the command line, which saves a round trip; one with a payload, or for
 * sudo, which logs its arguments, travels on stdin. One that is cut off there does not run: its subshell has no end,
 * and sh reads it whole first.
 */
export function frame(nonce: string, request: RemoteScript, sudo: Sudo): Frame {
  const mark = (word: string): string => `echo; echo "lbctl ${nonce} ${word}"`;
  const wrapped = [
    "export LC_ALL=C PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "umask 077",
    `${mark("begin")}; { ${mark("begin")}; } >&2`,
    "(",
    request.script,
    ")",
    `s=$?; { ${mark("end $s")}; } >&2; ${mark("end $s")}`,
    "",
  ].join("\n");
  const script = Buffer.from(wrapped, "utf8");
  if (sudo === "no" && !request.payload && script.length <= longestInline) {
    const eval64 = `eval "$(echo ${script.toString("base64")} | /usr/bin/base64 -d)"`;
    return { command: `exec /bin/sh -c '${eval64}'`, input: new Uint8Array() };
  }
  const length = Buffer.from(`${String(script.length)}\n`, "utf8");
  const payload = request.payload instanceof Uint8Array ? request.payload : new Uint8Array();
  return {
    command: `exec /bin/sh -c ${stdinShell(nonce, sudo)}`,
    input: Buffer.concat([length, script, payload]),
  };
}

/**
 * The words after `sh -c` of a shell that reads its script from stdin. `head` by its path, since busybox as sh would
 * take its own, which reads ahead of what it gives. Single quotes hold in every login shell, csh and fish too.
 */
function stdinShell(nonce: string, sudo: Sudo): string {
  const read = `IFS= read -r n; s=$(/usr/bin/head -c "$n"; echo .); eval "\${s%.}"`;
  if (sudo === "no") return `'${read}'`;
  // With a password nothing is sent before this line, so that sudo reads none of it, and sh not the password.
  const ready = sudo === "silent" ? "" : `echo; echo "lbctl ${nonce} ready"; `;
  const how = sudo === "silent" ? "-n" : `-S -k -p "${sudo.prompt}"`;
  const become = `[ "$(id -u)" = 0 ] || exec env LC_ALL=C sudo ${how} -- /bin/sh -c "$0"; eval "$0"`;
  return `'${become}' '${ready}${read}'`;
}

/** Reads a framed stream line by line. */
export class Unframer {
  /** The script's exit status, once its last line has come. */
  status: number | undefined;
  began = false;
  /** What stands outside of the frame. */
  readonly outside: string[] = [];
  private readonly lines: string[] = [];
  private readonly mark: string;
  private readonly onLine: ((line: string) => void) | undefined;

  constructor(nonce: string, onLine?: (line: string) => void) {
    this.mark = `lbctl ${nonce} `;
    this.onLine = onLine;
  }

  take(line: string): void {
    const word = line.startsWith(this.mark) ? line.slice(this.mark.length) : "";
    if (word === "begin") {
      this.began = true;
    } else if (/^end \d+$/.test(word)) {
      this.status = Number(word.slice(4));
    } else if (!this.began || this.status !== undefined) {
      this.outside.push(line);
    } else {
      this.lines.push(line);
      this.onLine?.(line);
    }
  }

  /** The script's output; the newline that the frame puts before its end is not part of it. */
  get output(): string {
    const lines = this.lines.at(-1) === "" ? this.lines.slice(0, -1) : this.lines;
    return lines.length === 0 ? "" : `${lines.join("\n")}\n`;
  }
}
