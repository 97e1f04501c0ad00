import { LbctlError } from "../errors.ts";
import { answersOf, answerText, runtimeScript } from "../haproxy/runtime.ts";
import { parseStat, type Stats } from "../haproxy/stat.ts";
import type { Role } from "../model/role.ts";
import { dropInName } from "../observe/drop-in.ts";
import { leaseInPerl, leasePath } from "../observe/lease.ts";
import { notRoot } from "../observe/observe.ts";
import type { Remote } from "../remote/port.ts";
import { quoteAll } from "../remote/shell.ts";

/** What is known of one load balancer before any is touched. */
export interface DrainLook {
  readonly stats: Stats;
  /** Who measures it: `user@machine`; null when no drill holds its lease. */
  readonly drillBy: string | null;
  /** lbctl's drop-in carries the servers' states over a reload. */
  readonly keepsStates: boolean;
}

/** One round trip. Throws LbctlError `rejected` for a login without root, `unreachable` when HAProxy does not answer. */
export async function lookBeforeDrain(
  remote: Remote,
  { service }: Pick<Role, "service">,
  signal: AbortSignal,
): Promise<DrainLook> {
  const { host } = remote;
  const commands = ["show stat"];
  const script = `${hostScript(service)}\n${runtimeScript(commands)}`;
  const result = await remote.run({ script, signal, idleTimeoutMs: 30_000 });
  const [, uid, drop] = /^lbctl-host (\d+) (kept|lost)$/m.exec(result.stdout) ?? [];
  const [, drillBy = null] = /^lbctl-drill (.*)$/m.exec(result.stdout) ?? [];
  if (uid !== undefined && uid !== "0") throw new LbctlError("rejected", notRoot(host, Number(uid)));
  const stdout = result.stdout.replace(/^lbctl-(?:host|drill) .*\n/gm, "");
  const [answer] = answersOf(host, { ...result, stdout }, commands);
  return { stats: parseStat(answerText(host, answer)), drillBy, keepsStates: drop === "kept" };
}

/** Prints `lbctl-host UID kept|lost`, and `lbctl-drill OWNER` while a drill holds the lease. */
function hostScript(service: string): string {
  return `perl -e '${leaseInPerl}
my ($path, $drop_in) = @ARGV;
printf "lbctl-host %d %s\\n", $>, -e $drop_in ? "kept" : "lost";
my $lease = read_lease($path);
print "lbctl-drill $lease->{owner}\\n" if lives($lease) && $lease->{reason} eq "drill";
' -- ${quoteAll([leasePath(service), `/etc/systemd/system/${service}.service.d/${dropInName}`])}`;
}
