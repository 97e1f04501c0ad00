import { Buffer } from "node:buffer";
import { LbctlError } from "../errors.ts";

/** No inventory, role or template needs more, and a parser would take minutes for it. */
const maxBytes = 5 * 1024 * 1024;
// what YAML calls non-printable, and so PyYAML refuses

const unprintable = /[\x00-\x08\x0B\x0C\x0E-\x1F\x7F-\x84\x86-\x9F\uFFFE\uFFFF]/;

/**
 * The text of a file: UTF-8, without a byte order mark, lines ending in LF.
 * Throws LbctlError `invalid` for files too large, other encodings and control characters.
 */
export function decodeText(bytes: Uint8Array, file: string): string {
  refuseTooLarge(bytes.byteLength, file);
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const text = buffer.toString("utf8");
  const offset = firstBadByte(buffer, text);
  if (offset !== undefined) {
    const line = 1 + countLines(buffer.subarray(0, offset));
    throw new LbctlError("invalid", {
      what: `the byte at offset ${offset} (0x${(buffer[offset] ?? 0).toString(16).padStart(2, "0")}) is not UTF-8`,
      at: `${file}:${line}`,
      hint: "Save the file in UTF-8.",
    });
  }
  const plain = text.replace(/^\uFEFF/, "").replace(/\r\n?/g, "\n");
  const control = unprintable.exec(plain);
  if (control) {
    const code = (control[0].codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0");
    throw new LbctlError("invalid", {
      what: `the control character U+${code} may not stand in the file`,
      at: `${file}:${1 + countLines(Buffer.from(plain.slice(0, control.index)))}`,
      hint: "Remove it.",
    });
  }
  return plain;
}

/** Throws LbctlError `invalid` when a file has too many bytes to be read. */
export function refuseTooLarge(size: number, file: string): void {
  if (size <= maxBytes) return;
  const [found, limit] = [size, maxBytes].map((bytes) => (bytes / 1024 / 1024).toFixed(1));
  throw new LbctlError("invalid", {
    what: `the file is ${found ?? ""} MiB; the limit is ${limit ?? ""} MiB`,
    at: file,
    hint: "Split it into several files.",
  });
}

/** Decoding puts U+FFFD where a byte is wrong, so encoding again differs there first. */
function firstBadByte(bytes: Buffer, text: string): number | undefined {
  const again = Buffer.from(text, "utf8");
  if (bytes.equals(again)) return undefined;
  let offset = 0;
  while (bytes[offset] === again[offset]) offset++;
  return offset;
}

function countLines(bytes: Uint8Array): number {
  return bytes.reduce((count, byte) => (byte === 0x0a ? count + 1 : count), 0);
}
