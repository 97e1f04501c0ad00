import { PassThrough } from "node:stream";
import type { Turn } from "./turn.ts";

/**
 * What lbctl says to the holder of a lease, as it becomes time to: take it, begin with the payload, and a sign of life
 * now and then, until `over` is aborted. An end before that lets the lease go.
 */
export function talk(turn: Turn, payload: Uint8Array, over: AbortSignal): AsyncIterable<Uint8Array> {
  const words = new PassThrough();
  const beat = setInterval(() => words.write("beat\n"), turn.claim.times.beatMs);
  const end = (): void => {
    clearInterval(beat);
    words.end();
  };
  over.addEventListener("abort", end, { once: true });
  void say(turn, payload, words).then((began) => {
    if (!began) end();
  });
  return words;
}

/** Whether the steps were told to begin. */
async function say(turn: Turn, payload: Uint8Array, words: PassThrough): Promise<boolean> {
  const waitMs = await turn.arrive();
  if (waitMs === null) return false;
  words.write(`take ${String(Math.ceil(waitMs))}\n`);
  if (!(await turn.toBegin)) return false;
  words.write(`go ${String(payload.length)}\n`);
  words.write(payload);
  return true;
}
