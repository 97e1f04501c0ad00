import { spawn } from "node:child_process";
import { watch } from "../support/children.ts";
import { incusWords } from "../support/lab.ts";

export interface Requests {
  readonly sent: number;
  /** Why each that had no 200 failed. */
  readonly failures: readonly string[];
}

const client = String.raw`
use strict; use IO::Socket::INET;
$| = 1;
my ($address, $sent) = ($ARGV[0], 0);
# until standard input ends
for (;;) {
  my $read = "";
  vec($read, 0, 1) = 1;
  last if select $read, undef, undef, 0.02;
  $sent++;
  my $line = eval {
    local $SIG{ALRM} = sub { die "no answer within 10 s\n" };
    alarm 10;
    my $socket = IO::Socket::INET->new(PeerAddr => $address, PeerPort => 80) or die "$!\n";
    print $socket "GET / HTTP/1.1\r\nHost: lab\r\nConnection: close\r\n\r\n";
    my @lines = <$socket>;
    $lines[0] // "closed without an answer\n";
  };
  alarm 0;
  print $line // $@ unless ($line // "") =~ m{^HTTP/1\.1 200 };
}
print "sent $sent\n";
`;

interface Client {
  /** How many have failed by now. */
  readonly failed: () => number;
  readonly stop: () => Promise<Requests>;
}

/** GETs one after another, each on a connection of its own, from a container of the lab until `stop` is called. */
export function startRequests(address: string): Client {
  const [file = "", ...args] = incusWords("exec", "backend-api-1", "--", "perl", "-e", client, address);
  const child = watch(spawn(file, args, { stdio: ["pipe", "pipe", "inherit"] }));
  let said = "";
  child.stdout.on("data", (chunk: Buffer) => (said += chunk.toString()));
  const ended = new Promise((resolve) => child.on("close", resolve));
  return {
    failed: () => said.split("\n").length - 1,
    stop: async () => {
      child.stdin.end();
      await ended;
      const lines = said.split("\n").filter((line) => line !== "");
      const sent = Number(/^sent (\d+)$/.exec(lines.pop() ?? "")?.[1] ?? NaN);
      return { sent, failures: lines };
    },
  };
}
