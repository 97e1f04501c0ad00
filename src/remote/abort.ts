/** `work`, or undefined as soon as the signal is aborted. */
export function unlessAborted<Result>(
  work: Promise<Result>,
  signal?: AbortSignal,
): Promise<Result | undefined> {
  work.catch(() => undefined);
  if (signal?.aborted) return Promise.resolve(undefined);
  return new Promise((resolve, reject) => {
    const stop = (): void => {
      resolve(undefined);
    };
    signal?.addEventListener("abort", stop, { once: true });
    work.then(resolve, reject).finally(() => {
      signal?.removeEventListener("abort", stop);
    });
  });
}
