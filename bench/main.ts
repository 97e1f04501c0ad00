// npm run bench [-- --quick] [-- --hosts 1,5] [-- --rounds 5] [-- --keep] [-- --write FILE]
import { execFile } from "node:child_process";
import { rmSync } from "node:fs";
import { readFile, rm, writeFile } from "node:fs/promises";
import { cpus, totalmem } from "node:os";
import { join } from "node:path";
import { parseArgs, promisify } from "node:util";
import { packageRoot } from "../src/package-root.ts";
import { version } from "../src/version.ts";
import type { Target } from "./contestants.ts";
import { prepareHosts } from "./equal.ts";
import { removeHosts, startHosts } from "./hosts.ts";
import { measure } from "./measure.ts";
import { makeProject, writeInventory } from "./project.ts";
import { startRelay } from "./relays.ts";
import * as report from "./report.ts";
import { memoryOf, playScene, type Row, type Scene } from "./rounds.ts";

const { values: flags } = parseArgs({
  options: {
    quick: { type: "boolean", default: false },
    hosts: { type: "string" },
    rounds: { type: "string" },
    delay: { type: "string", default: "50" },
    keep: { type: "boolean", default: false },
    write: { type: "string" },
  },
});
const counts = (flags.hosts ?? (flags.quick ? "1" : "1,5,20")).split(",").map(Number);
const rounds = Number(flags.rounds ?? (flags.quick ? 1 : 5));
const say = (line: string): void => {
  process.stderr.write(`${line}\n`);
};

const { hosts, key, hostKey } = await startHosts(Math.max(...counts), say);
const project = await makeProject({ hosts, key, hostKey });
const relay = await startRelay(Number(flags.delay), hosts);
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.on(signal, () => {
    rmSync(project.folder, { recursive: true, force: true });
    say("stopped; the containers stay for the next run");
    process.exit(130);
  });
}
try {
  await prepareHosts(project, hosts, key, say);
  const rows: Row[] = [];
  for (const scene of await scenes()) {
    const { work, connections, roundTripMs } = scene;
    say(`${work}, ${String(scene.hosts)} hosts, ${connections}, ${String(roundTripMs)} ms away`);
    const row = await playScene(project, scene, rounds);
    const ms = (["lbctl", "ansible", "limit"] as const).map(
      (who) => `${who} ${report.medianOf(row, who, "ms").toFixed(0)}`,
    );
    say(`  ${ms.join(", ")} ms`);
    rows.push(row);
  }
  const text = await document(rows);
  process.stdout.write(text);
  if (flags.write !== undefined) await writeFile(flags.write, text);
} finally {
  relay.stop();
  await rm(project.folder, { recursive: true, force: true });
  if (!flags.keep) await removeHosts();
}

/** Every number of hosts at no distance, the fewest first, and one host far away. */
async function scenes(): Promise<Scene[]> {
  const at = async (name: string, targets: readonly Target[], roundTripMs: number): Promise<Scene[]> => {
    const inventory = await writeInventory(project, name, targets, key);
    return (["no-op", "changed"] as const).flatMap((work) =>
      (["cold", "warm"] as const).map((connections) => ({
        ...{ hosts: targets.length, roundTripMs, work, connections, inventory, targets },
      })),
    );
  };
  const near = await Promise.all(
    counts.map((count) => at(`near-${String(count)}`, hosts.slice(0, count), 0)),
  );
  const [fewest = [], ...more] = near;
  return [...fewest, ...(await at("far", relay.targets.slice(0, 1), Number(flags.delay))), ...more.flat()];
}

async function document(rows: readonly Row[]): Promise<string> {
  const most = rows.filter(
    ({ hosts: count, roundTripMs }) => count === Math.max(...counts) && roundTripMs === 0,
  );
  const resources: (string | number)[][] = [];
  for (const row of most) {
    for (const who of ["lbctl", "ansible", "limit"] as const) {
      const all = row.work === "no-op" ? (await memoryOf(who, project, row)).allKb : NaN;
      const cells = [
        row.work,
        row.hosts,
        row.connections,
        who,
        (report.medianOf(row, who, "cpuMs") / 1000).toFixed(2),
      ];
      const largest = (report.medianOf(row, who, "largestKb") / 1024).toFixed(0);
      resources.push([...cells, largest, Number.isNaN(all) ? "" : (all / 1024).toFixed(0)]);
    }
  }
  const start = await startTimes();
  const verdicts = [...report.verdictsOf(rows), start.verdict];
  const missed = verdicts.filter(({ kept }) => !kept).length;
  return `# Speed, as measured

${await machine()}

Wall milliseconds: median (range) of ${String(rounds)} rounds, in which lbctl, Ansible and the limit take turns on the same hosts.

${report.timesTable(rows)}

CPU seconds on the control machine, children and OpenSSH's background masters included as far as they began in the run;
MB of the largest process (RSS), and of all together (PSS, sampled in a run of its own).

${report.table(["work", "hosts", "connections", "", "CPU s", "largest MB", "all MB"], resources)}

${start.text}

${await scaleText()}

## Promises

${report.verdictTable(verdicts)}

${missed === 0 ? "All are kept." : `${String(missed)} of ${String(verdicts.length)} are missed.`}
`;
}

async function startTimes(): Promise<{ text: string; verdict: report.Verdict }> {
  const times: Record<"node" | "lbctl", number[]> = { node: [], lbctl: [] };
  const words = {
    node: [process.execPath, "-e", "0"],
    lbctl: [process.execPath, join(packageRoot(), "bin", "lbctl.js"), "--version"],
  };
  await measure(words.lbctl, project);
  for (let round = 0; round < rounds * 4; round += 1) {
    for (const who of ["node", "lbctl"] as const) times[who].push((await measure(words[who], project)).ms);
  }
  const [node, own] = [report.median(times.node), report.median(times.lbctl)];
  return {
    text: `A start: \`lbctl --version\` ${own.toFixed(0)} ms, \`node -e 0\` ${node.toFixed(0)} ms (medians of ${String(rounds * 4)}).`,
    verdict: {
      promise: "lbctl --version: at most 1.5 times node -e 0",
      measured: (own / node).toFixed(2),
      kept: own <= node * 1.5,
    },
  };
}

async function scaleText(): Promise<string> {
  const [balancers, servers] = flags.quick ? ["20", "1000"] : ["500", "10000"];
  const script = join(packageRoot(), "node_modules", ".cache", "bench", "scale.mjs");
  const { output } = await measure([process.execPath, script, project.folder, balancers, servers], project);
  const found = JSON.parse(output) as Record<
    "loadedMs" | "ms" | "cpuMs" | "maxRssKb" | "megabytes" | "changes",
    number
  >;
  return `Scale: ${balancers} load balancers with ${servers} servers each are loaded in ${(found.loadedMs / 1000).toFixed(1)} s and rendered and planned in ${(found.ms / 1000).toFixed(1)} s altogether (${(found.cpuMs / 1000).toFixed(1)} s of CPU, ${found.megabytes.toFixed(0)} MB of files, ${String(found.changes)} with changes), in ${(found.maxRssKb / 1024).toFixed(0)} MB of memory.`;
}

async function machine(): Promise<string> {
  const run = promisify(execFile);
  const first = async (file: string, ...args: string[]): Promise<string> => {
    const { stdout, stderr } = await run(file, args);
    return `${stdout}${stderr}`.split("\n")[0]?.trim() ?? "";
  };
  const debian = (await readFile("/etc/debian_version", "utf8")).trim();
  const processors = cpus();
  return [
    `${new Date().toISOString().slice(0, 10)}, lbctl ${version} at ${await first("git", "rev-parse", "--short", "HEAD")}, Node ${process.version}, ${await first("ansible", "--version")}, ${await first("ssh", "-V")}.`,
    `Debian ${debian}, ${String(processors.length)} × ${processors[0]?.model ?? ""}, ${(totalmem() / 2 ** 30).toFixed(0)} GB. The hosts are containers on the same machine: what they compute is in all times.`,
  ].join("\n");
}
