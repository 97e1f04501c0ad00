import { output } from "../support/lab.ts";

/** Longer than any fault takes to strike; whoever forgets a hold does not stop a host for ever. */
const heldSeconds = 30;

/** Shell for a host: says that the step is reached, and waits while it is held. */
export function pauseBefore(step: string): string {
  return `: >/run/lbctl-at.${step}
paused=0
while [ -e /run/lbctl-hold.${step} ] && [ $paused -lt ${String(heldSeconds * 20)} ]; do
  paused=$((paused + 1))
  sleep 0.05
done`;
}

/** The next apply waits before this step. */
export async function hold(host: string, step: string): Promise<void> {
  await output(host, `rm -f /run/lbctl-at.* /run/lbctl-hold.*; : >/run/lbctl-hold.${step}`);
}

/** Resolves when the apply has come to the step. Throws when it does not within half a minute. */
export async function reached(host: string, step: string): Promise<void> {
  await output(
    host,
    `i=0; until [ -e /run/lbctl-at.${step} ]; do i=$((i + 1)); [ $i -lt 1500 ] || exit 1; sleep 0.02; done`,
  );
}

export async function letGo(host: string): Promise<void> {
  await output(host, "rm -f /run/lbctl-hold.*");
}
