import { createInterface } from "node:readline";
import { Writable } from "node:stream";
import { LbctlError } from "../errors.ts";
import { printProgressText } from "../report/out.ts";
import { mayAsk } from "./confirm.ts";

/**
 * Asks for a password on the terminal, without showing what is typed. Throws LbctlError `invalid` when there is
 * nobody to ask, with `otherwise` as the way out, and `interrupted` on Ctrl-C and Ctrl-D.
 */
export async function askSecret(question: string, otherwise: string, input: boolean): Promise<string> {
  if (!mayAsk(input)) {
    throw new LbctlError("invalid", {
      what: "there is no terminal to ask for a password on",
      hint: otherwise,
    });
  }
  const silence = new Writable({
    write: (_chunk, _encoding, done) => {
      done();
    },
  });
  const terminal = createInterface({ input: process.stdin, output: silence, terminal: true });
  // only now does the terminal show nothing of what is typed
  printProgressText(question);
  const answer = await new Promise<string | undefined>((resolve) => {
    terminal.on("close", () => {
      resolve(undefined);
    });
    terminal.question("", (text) => {
      resolve(text);
      terminal.close();
    });
  });
  printProgressText("\n");
  if (answer === undefined)
    throw new LbctlError("interrupted", { what: "no password was given; nothing was touched" });
  return answer;
}
