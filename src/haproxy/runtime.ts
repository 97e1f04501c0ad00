import { LbctlError } from "../errors.ts";
import type { Remote, RemoteResult, RemoteScript } from "../remote/port.ts";
import { adminSocket, askInPerl } from "./socket.ts";

/** What HAProxy answered to one command. A refusal is an answer too, so its words are kept. */
export type Answer =
  | { readonly command: string; readonly ok: true; readonly text: string }
  | { readonly command: string; readonly ok: false; readonly why: string };

const verbs = "show|set|get|add|del|clear|prepare|commit|enable|disable|reload|shutdown";
const command = new RegExp(`^(?:@!?\\d+ )?(?:${verbs})(?: [A-Za-z0-9._:/@#%=,+\\[\\]-]+)*$`);

/** Throws LbctlError `bug` for a command that is not of the shape lbctl itself writes (`;` and new lines chain commands). */
export function checkCommand(text: string): string {
  if (text.length > 1024 || !command.test(text) || text.includes("\n"))
    throw new LbctlError("bug", {
      what: `not a Runtime API command that lbctl sends: ${JSON.stringify(text)}`,
    });
  return text;
}

/** Throws LbctlError `bug` for a socket path that a shell could read as anything but one word. */
export function checkSocket(path: string): string {
  if (!/^\/[A-Za-z0-9._/-]{1,100}$/.test(path))
    throw new LbctlError("bug", { what: `not a socket path that lbctl uses: ${JSON.stringify(path)}` });
  return path;
}

const askAll = `${askInPerl}
my $path = shift; my $n = 0;
for my $command (@ARGV) {
  my ($answer, $why) = ask_worker($command, $path);
  print defined $why ? "lbctl-answer $n error $why\\n" : "lbctl-answer $n ok\\n" . quoted($answer);
  $n++; }
print "lbctl-end $n\\n";
`;

/**
 * A POSIX script that asks HAProxy each command over its Unix socket (Management Guide 9.3).
 * Each line of an answer is printed behind a `|`, so no server name or description can pass for a frame.
 */
export function runtimeScript(commands: readonly string[], socket = adminSocket): string {
  const words = [checkSocket(socket), ...commands.map(checkCommand)];
  return `exec perl -e '${askAll}' -- ${words.map((word) => `'${word}'`).join(" ")}\n`;
}

/** Reads what `runtimeScript(commands)` printed. Throws LbctlError `bug` when it is incomplete. */
export function parseAnswers(stdout: string, commands: readonly string[]): Answer[] {
  const answers: Answer[] = [];
  const lines = stdout.split("\n");
  let at = 0;
  for (const [n, asked] of commands.entries()) {
    const frame = /^lbctl-answer (\d+) (ok|error)(?: (.*))?$/.exec(lines[at++] ?? "");
    if (frame?.[1] !== String(n)) throw incomplete(asked);
    if (frame[2] === "error") {
      answers.push({ command: asked, ok: false, why: frame[3] ?? "no answer" });
      continue;
    }
    const text: string[] = [];
    while (lines[at]?.startsWith("|")) text.push((lines[at++] ?? "").slice(1));
    answers.push(judge(asked, text.join("\n").trim()));
  }
  if (lines[at] !== `lbctl-end ${commands.length}`) throw incomplete("the end");
  return answers;
}

/** Asks HAProxy on a host. Throws LbctlError `unreachable` from the remote, `bug` when the answer is cut. */
export async function askRuntime(
  remote: Remote,
  commands: readonly string[],
  options: { readonly socket?: string } & Pick<RemoteScript, "signal" | "idleTimeoutMs"> = {},
): Promise<Answer[]> {
  const { socket, ...rest } = options;
  const result = await remote.run({ script: runtimeScript(commands, socket), ...rest });
  return answersOf(remote.host, result, commands);
}

/** What the script of these commands brought. Throws LbctlError `bug` when it is cut. */
export function answersOf(at: string, result: RemoteResult, commands: readonly string[]): Answer[] {
  if (result.status === 0) return parseAnswers(result.stdout, commands);
  throw new LbctlError("bug", {
    what: `perl could not ask HAProxy (exit ${result.status}): ${result.stderr.trim().slice(0, 300)}`,
    at,
    hint: "Check that /usr/bin/perl (package perl-base) works on the target.",
  });
}

/** The text of an answer. Throws LbctlError `unreachable` naming the host when HAProxy refused or did not answer. */
export function answerText(host: string, answer: Answer | undefined): string {
  if (answer?.ok) return answer.text;
  throw new LbctlError("unreachable", {
    what: `HAProxy did not answer "${answer?.command ?? "?"}": ${answer?.why ?? "nothing came back"}`,
    at: host,
    hint: `Look at "systemctl status haproxy" on ${host}.`,
  });
}

// These say nothing when they did what was asked (Management Guide 9.3), so any word is a refusal.
const silent =
  /^(?:@!?\d+ )?(?:set server \S+ (?:state|weight|health|check-port)|set weight|set maxconn|enable |disable |add (?:map|acl)|del (?:map|acl)|clear |commit (?:map|acl)|shutdown )/;
const refusal =
  /^(?:Unknown command|Permission denied|No such |Can't find|Invalid |Unknown |Require|Missing |Unable to |Failed|'[^']*' expects|Malformed|Too many|Syntax error|Backend is |Success=0)/i;

function judge(asked: string, text: string): Answer {
  const refused = silent.test(asked) ? text !== "" : refusal.test(text);
  return refused
    ? { command: asked, ok: false, why: (text.split("\n")[0] ?? "").slice(0, 300) }
    : { command: asked, ok: true, text };
}

function incomplete(where: string): LbctlError {
  return new LbctlError("bug", { what: `the Runtime API's answer is incomplete at "${where}"` });
}
