import type { RemoteScript } from "./port.ts";

/**
 * Makes the one constant command line and the stdin of a run. The script travels on stdin before its payload, so it
 * is in no argument vector, whatever the login shell is. Its output stands between two lines that carry a nonce:
 * what a banner or a noisy .bashrc prints is outside, and the exit status is the script's own, never the transport's.
 */
export function frame(
  nonce: string,
  request: RemoteScript,
  become: boolean,
): { command: string; input: Uint8Array } {
  const wrapped = [
    "export LC_ALL=C PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "umask 077",
    `echo; echo "lbctl ${nonce} begin"`,
    "(",
    request.script,
    ")",
    `s=$?; echo; echo "lbctl ${nonce} end $s"`,
    "",
  ].join("\n");
  const script = Buffer.from(wrapped, "utf8");
  const length = Buffer.from(`${String(script.length)}\n`, "utf8");
  const read = `'IFS= read -r n; s=$(head -c "$n"; echo .); eval "\${s%.}"'`;
  return {
    command: `exec ${become ? "sudo -n -- " : ""}/bin/sh -c ${read}`,
    input: Buffer.concat([length, script, request.payload ?? new Uint8Array()]),
  };
}

/** Reads a framed run line by line. */
export class Unframer {
  /** The script's exit status, once its last line has come. */
  status: number | undefined;
  began = false;
  private readonly lines: string[] = [];
  private readonly nonce: string;
  private readonly onLine: ((line: string) => void) | undefined;

  constructor(nonce: string, onLine: ((line: string) => void) | undefined) {
    this.nonce = nonce;
    this.onLine = onLine;
  }

  take(line: string): void {
    if (line === `lbctl ${this.nonce} begin`) {
      this.began = true;
      return;
    }
    const end = new RegExp(`^lbctl ${this.nonce} end (\\d+)$`).exec(line);
    if (end) {
      this.status = Number(end[1]);
      return;
    }
    if (!this.began || this.status !== undefined) return;
    this.lines.push(line);
    this.onLine?.(line);
  }

  /** The script's output; the newline that the frame puts before its end is not part of it. */
  get output(): string {
    const lines = this.lines.at(-1) === "" ? this.lines.slice(0, -1) : this.lines;
    return lines.length === 0 ? "" : `${lines.join("\n")}\n`;
  }
}
