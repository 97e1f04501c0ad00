/** Aborts when nothing was touched for `timeoutMs`: a deadline on progress, not on the total. */
export function idleSignal(timeoutMs: number) {
  const controller = new AbortController();
  const abort = (): void => {
    controller.abort();
  };
  let timer = setTimeout(abort, timeoutMs);
  return {
    signal: controller.signal,
    touch: (): void => {
      clearTimeout(timer);
      if (!controller.signal.aborted) timer = setTimeout(abort, timeoutMs);
    },
    stop: (): void => {
      clearTimeout(timer);
    },
    expired: (): boolean => controller.signal.aborted,
  };
}
