import type { Writable } from "node:stream";
import type { Problem } from "../errors.ts";

/**
 * Sudo's side of a run whose host has a password. The password is sent when sudo asks, and the script when the shell
 * behind sudo says it is there: so neither can be read as the other, whatever sudo's rules are.
 */
export class SudoTalk {
  readonly prompt: string;
  /** Sudo asked again: it did not take the password. */
  refused = false;
  private readonly ready: string;
  private readonly password: () => string;
  private readonly stdin: Writable;
  private said = "";
  private asked = 0;

  constructor(nonce: string, password: () => string, stdin: Writable) {
    this.prompt = `lbctl-${nonce}-password:`;
    this.ready = `lbctl ${nonce} ready`;
    this.password = password;
    this.stdin = stdin;
  }

  /** Takes error output as it comes: a prompt has no end of line. */
  hear(chunk: Uint8Array): void {
    if (this.refused) return;
    this.said += Buffer.from(chunk).toString("latin1");
    const asked = this.said.split(this.prompt).length - 1;
    if (asked > this.asked && this.asked === 0) this.stdin.write(`${this.password()}\n`);
    // one attempt is enough to be wrong; more would lock the account
    else if (asked > this.asked) {
      this.refused = true;
      this.stdin.end();
    }
    this.asked = asked;
  }

  /** Whether this line says that the shell behind sudo now reads the script. */
  isReady(line: string): boolean {
    return line === this.ready;
  }
}

/** Why sudo ran nothing, from what it said; undefined when it was not sudo. Pure. */
export function explainSudo(said: string, target: string, refused: boolean): Problem | undefined {
  const problem = (what: string, hint: string): Problem => ({ what: `${target}: ${what}`, hint });
  const line = said.split("\n").find((each) => /\bsudo\b/.test(each)) ?? "";
  if (refused || /incorrect password attempt|no password was provided/.test(said)) {
    return problem(
      "sudo did not take the password",
      "Check it: --ask-become-pass or ansible_become_password.",
    );
  }
  if (/a password is required|a terminal is required/.test(said)) {
    return problem(
      "sudo asks for a password",
      "Pass --ask-become-pass (-K), set ansible_become_password, or allow the user NOPASSWD in sudoers.",
    );
  }
  if (said.includes("must have a tty")) {
    return problem(
      "sudo wants a terminal (requiretty)",
      "Put `Defaults:USER !requiretty` into its sudoers, or log in as root.",
    );
  }
  if (/not in the sudoers file|is not allowed to execute|may not run sudo/.test(said)) {
    return problem(
      "the user may not run sudo",
      "Allow it to run /bin/sh as root in sudoers, or log in as root.",
    );
  }
  if (/sudo['’: ]+(?:No such file|not found|command not found)/.test(said)) {
    return problem("there is no sudo", "Install it there, or log in as root.");
  }
  if (line.startsWith("sudo: ")) {
    return problem(line, "Check that the user may run /bin/sh as root through sudo.");
  }
  return undefined;
}
