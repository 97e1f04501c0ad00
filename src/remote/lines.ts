/** Makes lines of chunks that may end anywhere, in the middle of a character too. What has no end is no line. */
export class LineSplitter {
  private rest: string[] = [];
  private readonly decoder = new TextDecoder();
  private readonly onLine: (line: string) => void;

  constructor(onLine: (line: string) => void) {
    this.onLine = onLine;
  }

  take(chunk: Uint8Array): void {
    const [first = "", ...lines] = this.decoder.decode(chunk, { stream: true }).split("\n");
    this.rest.push(first);
    for (const next of lines) {
      this.onLine(this.rest.join(""));
      this.rest = [next];
    }
  }

  /** The text after the last line. */
  get unfinished(): string {
    return this.rest.join("");
  }
}
