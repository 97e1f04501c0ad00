/** A step begins (no `elapsedMs`), says more (`detail`), or is over (`elapsedMs`). */
interface LabEvent {
  readonly step: string;
  readonly detail?: string;
  readonly elapsedMs?: number;
}

export type Progress = (event: LabEvent) => void;

/** Shows what will change on the machine and says whether to go on. */
export type Confirm = (changes: readonly string[]) => Promise<boolean>;

/** Runs one step between its two events. */
export async function runStep<T>(progress: Progress, step: string, work: () => Promise<T>): Promise<T> {
  const start = performance.now();
  progress({ step });
  const result = await work();
  progress({ step, elapsedMs: performance.now() - start });
  return result;
}
