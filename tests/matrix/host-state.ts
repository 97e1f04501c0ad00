import type { Manifest } from "../../src/model/history.ts";
import { inside, output } from "../support/lab.ts";

/** The change that a cell makes: a number in haproxy.cfg. */
export const change = (number: number): string => `haproxy_timeout_queue_ms=${String(number)}`;

/** What is live on a host, by its own files. */
export interface HostState {
  readonly number: number;
  /** What is not one whole generation, live and loaded. */
  readonly problems: readonly string[];
}

const state = "/var/lib/lbctl/haproxy";
/** Names of the role that are links into the current generation. */
const links = ["haproxy.cfg", "lists", "maps", "certs", "pages"];

const look = `cd ${state}/current/ || exit 1
echo "points $(readlink ${state}/current)"
for l in ${links.join(" ")}; do echo "link $l $(readlink /etc/haproxy/$l)"; done
find . -type f ! -name '.*' ! -path ./manifest.json -exec sha256sum {} + | sed 's/^/file /'
sed -n 's/^ *timeout queue \\([0-9]*\\)ms/number \\1/p; s/^ *description /written /p' /etc/haproxy/haproxy.cfg
perl -MIO::Socket::UNIX -e '$s = IO::Socket::UNIX->new("/run/haproxy/admin.sock") or die "admin socket: $!\n"; print $s "show info\n"; print map { /^[Dd]escription: (.*)/ ? "loaded $1\n" : () } <$s>'
echo "manifest $(base64 -w0 manifest.json)"`;

export async function hostState(host: string): Promise<HostState> {
  const lines = (await output(host, look)).split("\n");
  const all = (word: string) =>
    lines.filter((line) => line.startsWith(`${word} `)).map((line) => line.slice(word.length + 1));
  const one = (word: string) => all(word)[0] ?? "";
  const { files } = JSON.parse(Buffer.from(one("manifest"), "base64").toString()) as Manifest;
  const named = files.map(({ path, sha256 }) => `${sha256}  ./${path}`);
  const there = all("file");
  return {
    number: Number(one("number")),
    problems: [
      ...named.filter((file) => !there.includes(file)).map((file) => `the manifest names ${file}`),
      ...there.filter((file) => !named.includes(file)).map((file) => `the manifest does not name ${file}`),
      ...links
        .filter((name) => !all("link").includes(`${name} ${state}/current/${name}`))
        .map((name) => `/etc/haproxy/${name} is not a link to the current generation`),
      ...(/^generations\/\d+$/.test(one("points")) ? [] : [`current points to ${one("points")}`]),
      ...(one("loaded") === one("written") ? [] : [`loaded is ${one("loaded")}, written ${one("written")}`]),
    ],
  };
}

const decided = `[ ! -e ${state}/pending ] && [ ! -e ${state}/reverting ]`;
/** Nobody holds the lease or the lock of a commit. */
const free = ["lock", "lease"]
  .map((name) => `{ [ ! -e /run/lbctl/haproxy.${name} ] || flock -n /run/lbctl/haproxy.${name} true; }`)
  .join(" && ");

/** Resolves with whether the host came to rest in time: no change undecided, none under way, no lease. */
export async function comesToRest(host: string, seconds: number): Promise<boolean> {
  const wait = `i=0; until ${decided} && ${free}; do i=$((i + 1)); [ $i -lt ${String(seconds * 10)} ] || exit 1; sleep 0.1; done`;
  return (await inside(host, wait)).code === 0;
}
