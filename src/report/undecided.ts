import type { Undecided } from "../model/undecided.ts";

/** A change that nobody has confirmed, in JSON. */
export function undecidedDocument(undecided: Undecided | null): object | null {
  if (undecided === null) return null;
  const { generation, by, at, reverting, leftSeconds } = undecided;
  return { generation, by, at, reverting, left_s: leftSeconds };
}
