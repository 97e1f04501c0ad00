import { spawnSync } from "node:child_process";
import { expect, test } from "vitest";
import { frame, Unframer } from "../../../src/remote/frame.ts";

const nonce = "0123456789abcdef";

/** Runs the frame as sshd would: a login shell gets the command, stdin gets the rest. */
function run(shell: string[], script: string, payload = "", noise = "") {
  const { command, input } = frame(nonce, { script, payload: Buffer.from(payload) }, false);
  const [file = "", ...args] = shell;
  const result = spawnSync(file, [...args, "-c", `${noise}${command}`], { input: Buffer.from(input) });
  const unframer = new Unframer(nonce, undefined);
  for (const line of result.stdout.toString().split("\n")) unframer.take(line);
  return { status: unframer.status, output: unframer.output, began: unframer.began };
}

test.each([[["/bin/sh"]], [["/bin/bash"]]])("a script run by %s keeps its status and output", (shell) => {
  expect(run(shell, "echo one; printf two; exit 7")).toEqual({
    status: 7,
    output: "one\ntwo\n",
    began: true,
  });
});

test("the payload is the script's stdin, whole", () => {
  expect(run(["/bin/sh"], "cat", "line 'quoted' $HOME\n\nlast\n").output).toBe(
    "line 'quoted' $HOME\n\nlast\n",
  );
});

test("a script with quotes, dollars and a heredoc arrives as it is", () => {
  expect(run(["/bin/sh"], `x='a"b'; cat <<'E'\n$x \`no\`\nE\necho "$x"`).output).toBe('$x `no`\na"b\n');
});

test("what a banner or a noisy .bashrc prints is left out", () => {
  const result = run(["/bin/bash"], "echo mine", "", "echo 'Welcome! lbctl 0000 end 0'; ");
  expect(result).toEqual({ status: 0, output: "mine\n", began: true });
});

test("exit status 255 of a script is its own", () => {
  expect(run(["/bin/sh"], "exit 255").status).toBe(255);
});

test("without the closing line there is no status", () => {
  const unframer = new Unframer(nonce, undefined);
  unframer.take(`lbctl ${nonce} begin`);
  unframer.take("half");
  expect(unframer.status).toBeUndefined();
});
