/** Seconds that the reload, the verification and a slow machine have until the new set serves, or is taken back. */
const commitWithinSeconds = 60;

/** Seconds after which a change that is still undecided is reverted, whatever became of lbctl and its script. */
export function watchdogSeconds(confirmSeconds: number): number {
  return commitWithinSeconds + confirmSeconds;
}

/**
 * Arms a transient timer in the background, which takes systemd some 20 ms; `watchdogArmed` waits for it. At systemd's
 * own accuracy a timer may be a minute late (systemd.timer(5), AccuracySec=). One that finds its change decided does nothing.
 */
export function armWatchdog(confirmSeconds: number): string {
  const seconds = String(watchdogSeconds(confirmSeconds));
  return `read -r uptime idle </proc/uptime
until=$((\${uptime%%.*} + ${seconds}))
systemd-run -q --collect --unit="lbctl-$service-$token" --on-active=${seconds} --timer-property=AccuracySec=100ms \\
  /var/lib/lbctl/bin/resolve "$token" </dev/null >"/run/lbctl/$service.armed" 2>&1 9>&- &
armed=$!`;
}

export const watchdogArmed = `wait "$armed" || discard rejected "the watchdog could not be armed: $(cat "/run/lbctl/$service.armed")"`;

/** Nobody waits for it; when it fails, the timer finds nothing to do. */
export const disarmFunction = `disarm() {
  [ -z "\${token-}" ] || systemctl stop "lbctl-$service-$token.timer" </dev/null >/dev/null 2>&1 9>&- &
}`;
