// A process of its own, so that its memory is its own: renders and plans for a whole fleet, without any host.
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { loadProject } from "../src/commands/project.ts";
import type { ObservedHost } from "../src/model/host.ts";
import { makePlan } from "../src/plan/plan.ts";
import { render } from "../src/render/render.ts";

const [folder = "", balancers = "500", servers = "10000"] = process.argv.slice(2);

/** `count` servers, half of them in each pool. */
function pool(prefix: string, count: number): object {
  return Object.fromEntries(
    Array.from({ length: count }, (_, index) => [
      `${prefix}-${String(index)}`,
      {
        haproxy_server_address: `10.${String(index >> 16)}.${String((index >> 8) & 255)}.${String(index & 255)}`,
      },
    ]),
  );
}

const half = Number(servers) / 2;
const names = Array.from({ length: Number(balancers) }, (_, index) => [`lb-${String(index)}`, {}]);
const children = {
  haproxy: { hosts: Object.fromEntries(names) as object },
  backend_api_instances: { hosts: pool("api", half) },
  stream_server_instances: { hosts: pool("stream", half) },
};
const file = join(folder, "scale.yml");
await writeFile(file, JSON.stringify({ all: { children } }));

const started = performance.now();
const options = { inventory: [file], forks: 1, transport: "openssh", input: false } as const;
const { fleet, hosts, role, templates } = await loadProject(options);
const loadedMs = performance.now() - started;
let bytes = 0;
let changes = 0;
for (const host of hosts) {
  const facts = { haproxyVersion: "2.6", watched: {} };
  const desired = render({ fleet, host, role, templates, facts });
  bytes += desired.files.reduce((sum, { content }) => sum + content.length, 0);
  // as it is after an apply of the same, but for one server
  const files = desired.files.map((each) => ({
    ...each,
    content: each.content.replace("server api-7 ", "server old "),
  }));
  const observed: ObservedHost = {
    host: host.name,
    os: { id: "debian", version: "12" },
    uid: 0,
    packages: { haproxy: { installed: "2.6.12", candidate: null } },
    haproxyVersion: "2.6.12",
    service: { active: true, enabled: true },
    loadedIdentity: "lbctl:another",
    generation: 1,
    links: Object.fromEntries(role.links.map((name) => [name, "linked" as const])),
    files: files.map((each) => ({ ...each, sha256: "0" })),
    handMade: false,
    written: null,
    changedSinceLoad: [],
    watched: {},
    digest: "",
    freeBytes: 1e9,
    console: null,
    dropIn: "same",
    undecided: null,
  };
  if (makePlan(desired, observed).changes) changes += 1;
}
const ms = performance.now() - started;
const { userCPUTime, systemCPUTime, maxRSS } = process.resourceUsage();
const cpuMs = (userCPUTime + systemCPUTime) / 1000;
process.stdout.write(
  JSON.stringify({ loadedMs, ms, cpuMs, maxRssKb: maxRSS, megabytes: bytes / 1e6, changes }),
);
