import { LbctlError } from "../errors.ts";
import { describedInPerl } from "../haproxy/description.ts";
import type { GenerationFile, ObservedGeneration } from "../model/history.ts";
import type { Role } from "../model/role.ts";
import type { Remote } from "../remote/port.ts";
import { quote } from "../remote/shell.ts";
import { base64InPerl } from "../remote/base64.ts";
import { generationsInPerl, noManifest } from "./generations.ts";
import { decode, manifestFrom } from "./manifest.ts";
import { sendAtMostBytes } from "./script.ts";

/**
 * Reads generation `number` in one round trip. Throws LbctlError `rejected` when it is not there, or not what its
 * manifest says, and names each difference; `unreachable` as the remote does.
 */
export async function readGeneration(
  remote: Remote,
  role: Role,
  number: number,
  signal?: AbortSignal,
): Promise<ObservedGeneration> {
  const { stdout } = await remote.run({
    script: generationScript(role, number),
    idleTimeoutMs: 30_000,
    ...(signal ? { signal } : {}),
  });
  return parseGeneration(remote.host, role, number, stdout);
}

/** Prints `problem TEXT` for each difference, or the manifests and the files; contents are in base64. */
export function generationScript(role: Role, number: number): string {
  return `perl -e 'use strict;${generationsInPerl}${describedInPerl}${base64InPerl}
  my ($state, $number) = @ARGV;
  my $dir = "$state/generations/$number";
  my @problems = -d $dir ? problems_of($dir) : "it is not there";
  print map { "problem $_\\n" } @problems;
  exit if @problems;
  print "manifest ", base64(manifest_of($dir)), "\\n";
  print "kept ", base64(described("$dir/haproxy.cfg")), "\\n" unless -e "$dir/manifest.json";
  print "current ", base64(slurp("$state/current/manifest.json") // ""), "\\n";
  for my $path (all_below($dir, "")) {
    my (undef, undef, $mode, undef, undef, undef, undef, $size) = lstat "$dir/$path";
    next if $path =~ $not_of_the_set || !-f _;
    open my $sums, "-|", "sha256sum", "--", "$dir/$path" or next;
    my $shown = $mode & 4 && $size <= ${String(sendAtMostBytes)} && $path !~ m{^certs/} ? "=" . base64(slurp("$dir/$path")) : "-";
    printf "file %04o %s %s %s\\n", $mode & 07777, substr(<$sums>, 0, 64), $shown, $path;
  }
  print "end\\n";
' -- ${quote(role.state)} ${quote(String(number))}`;
}

/** Reads what the script printed. Pure. */
function parseGeneration(host: string, role: Role, number: number, text: string): ObservedGeneration {
  const lines = text.split("\n");
  const all = (key: string): string[] =>
    lines.filter((line) => line.startsWith(`${key} `)).map((line) => line.slice(key.length + 1));
  const problems = all("problem");
  if (problems.length > 0) {
    throw new LbctlError("rejected", {
      what: `generation ${String(number)} cannot be gone back to: ${problems.join("; ")}`,
      at: host,
      hint: problems.includes(noManifest)
        ? howToPutBack(host, role, number)
        : "`lbctl history` shows the others; --to names one. Nothing was touched.",
    });
  }
  const manifest = manifestFrom(all("manifest")[0]);
  if (!manifest || !lines.includes("end")) {
    throw new LbctlError("bug", { what: `generation ${String(number)} could not be read`, at: host });
  }
  const [identity] = all("kept");
  return {
    number,
    manifest: identity === undefined ? manifest : { ...manifest, identity: decode(identity) },
    isKept: identity !== undefined,
    files: all("file").map(fileFrom),
    current: manifestFrom(all("current")[0]),
  };
}

/** It stood there before lbctl, which cannot check it: people put it back themselves. */
function howToPutBack(host: string, { live, state, service }: Role, number: number): string {
  const copy = `cp -a ${state}/generations/${String(number)}/. ${live}/`;
  const load = `haproxy -c -f ${live}/haproxy.cfg && systemctl reload ${service}`;
  return `Nothing was touched. To have it again: \`lbctl release ${host}\`, then there \`${copy} && ${load}\`.`;
}

function fileFrom(line: string): GenerationFile {
  const [mode = "", sha256 = "", content = "-", ...path] = line.split(" ");
  return { path: path.join(" "), mode, sha256, content: content === "-" ? null : decode(content.slice(1)) };
}
