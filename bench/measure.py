"""Runs a command and prints what it cost, as JSON: wall ms, CPU ms, peak memory.

Its children count too, and OpenSSH's background masters as far as they began in this run: as the subreaper this
process inherits them. With --memory the summed PSS of all of them is sampled every 20 ms.
"""
import ctypes, json, os, resource, sys, time

memory = sys.argv[1] == "--memory"
output, argv = sys.argv[2 if memory else 1], sys.argv[3 if memory else 2:]
PR_SET_CHILD_SUBREAPER = 36
ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def descendants():
    parents = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                with open(f"/proc/{name}/stat") as stat:
                    fields = stat.read().rpartition(")")[2].split()
                parents[int(name)] = (int(fields[1]), int(fields[11]) + int(fields[12]))
            except OSError:
                pass
    found, fresh = {}, {os.getpid()}
    while fresh:
        fresh = {pid for pid, (parent, _) in parents.items() if parent in fresh}
        found.update({pid: parents[pid][1] for pid in fresh})
    return found


def pss_kb():
    total = 0
    for pid in descendants():
        try:
            with open(f"/proc/{pid}/smaps_rollup") as rollup:
                total += next(int(line.split()[1]) for line in rollup if line.startswith("Pss:"))
        except (OSError, StopIteration):
            pass
    return total


peak = 0
log = (os.POSIX_SPAWN_OPEN, 1, output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
actions = [(os.POSIX_SPAWN_OPEN, 0, "/dev/null", os.O_RDONLY, 0), log, (os.POSIX_SPAWN_DUP2, 1, 2)]
start = time.perf_counter()
child = os.posix_spawnp(argv[0], argv, os.environ, file_actions=actions)
while True:
    pid, status = os.waitpid(-1 if memory else child, os.WNOHANG if memory else 0)
    if pid == child:
        break
    peak = max(peak, pss_kb())
    time.sleep(0.02)
ms = (time.perf_counter() - start) * 1000
usage = resource.getrusage(resource.RUSAGE_CHILDREN)
ticks = sum(descendants().values()) * 1000 / os.sysconf("SC_CLK_TCK")
print(json.dumps({
    "ms": ms,
    "cpuMs": (usage.ru_utime + usage.ru_stime) * 1000 + ticks,
    "largestKb": usage.ru_maxrss,
    "allKb": peak,
    "status": os.waitstatus_to_exitcode(status),
}))
