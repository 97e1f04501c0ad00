import type { LinkProblem } from "./run.ts";
import { changedKey, turnedAway } from "./ssh-failure.ts";

/** Behind a ProxyJump or ProxyCommand, ssh knows no address of the host that closed the connection. */
export const endedOnTheWay = " UNKNOWN port 65535";

/**
 * Says why the way through a jump host or a ProxyCommand ended before the host said anything; undefined when it was
 * not that. `said` is what both sshs printed, the one on the way first. Pure.
 */
export function explainWayFailure(target: string, said: string): LinkProblem | undefined {
  const lines = said.split("\n");
  if (lines.pop()?.includes(endedOnTheWay) !== true) return undefined;
  if (lines.at(-1)?.startsWith("kex_exchange_identification: ")) lines.pop();
  const before = lines.join("\n");
  if (before === "") return turnedAway(target);
  const jump = `the jump host of ${target}`;
  if (before.includes("REMOTE HOST IDENTIFICATION HAS CHANGED")) {
    const [, file, line] = /Offending .* key in (\S+):(\d+)/.exec(before) ?? [];
    return changedKey(jump, file === undefined ? null : `${file}:${String(line)}`);
  }
  if (before.includes("Host key verification failed")) {
    return {
      what: `the host key of ${jump} is unknown`,
      hint: "Connect to it once by hand, check the key and accept it.",
    };
  }
  const denied = lines.find((line) => line.includes(": Permission denied ("));
  if (denied !== undefined) {
    return {
      what: `${jump} refused the login: ${denied}`,
      hint: "Check its User and IdentityFile in your ssh configuration, or load its key into your agent (ssh-add).",
    };
  }
  const why = lines.filter((line) => line !== "stdio forwarding failed").at(-1) ?? "";
  return {
    what: `${target} cannot be reached through its jump host or ProxyCommand: ${why}`,
    hint: "Check ProxyJump or ProxyCommand of your ssh settings, and the jump host.",
    // a busy jump host, or a banner of its own and a busy host
    again: !/^ssh: |open failed|No such file|not found/.test(why),
  };
}
