import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { frame, Unframer } from "../../../src/remote/frame.ts";

const nonce = "0123456789abcdef";

/** Runs the frame as sshd would: a login shell gets the command, stdin gets the rest. */
function run(shell: string[], script: string, payload?: string, noise = "") {
  const request = payload === undefined ? { script } : { script, payload: Buffer.from(payload) };
  const { command, input } = frame(nonce, request, "no");
  const [file = "", ...args] = shell;
  const result = spawnSync(file, [...args, "-c", `${noise}${command}`], { input: Buffer.from(input) });
  const unframer = new Unframer(nonce);
  for (const line of result.stdout.toString().split("\n")) unframer.take(line);
  return { status: unframer.status, output: unframer.output, began: unframer.began };
}

test.each([
  [["/bin/sh"], undefined],
  [["/bin/bash"], undefined],
  [["/bin/sh"], ""],
  [["/bin/bash"], "payload"],
])("a script run by %s with payload %j keeps its status and output", (shell, payload) => {
  expect(run(shell, "echo one; printf two; exit 7", payload)).toEqual({
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

test.each([undefined, ""])(
  "a script with quotes, dollars and a heredoc arrives as it is (payload %j)",
  (payload) => {
    const script = `x='a"b\\\\'; cat <<'E'\n$x \`no\` ü\nE\necho "$x"`;
    expect(run(["/bin/sh"], script, payload).output).toBe('$x `no` ü\na"b\\\n');
  },
);

test("a script without a payload needs nothing but the command line, and a huge one is sent on stdin", () => {
  expect(frame(nonce, { script: "true" }, "no").input).toHaveLength(0);
  const huge = `: ${"x".repeat(200_000)}; echo in`;
  expect(run(["/bin/sh"], huge).output).toBe("in\n");
  expect(frame(nonce, { script: "true" }, "silent").command).not.toContain("base64");
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

test("error output is framed too", () => {
  const { command, input } = frame(nonce, { script: "echo mine >&2; exit 3" }, "no");
  const { stderr } = spawnSync("/bin/bash", ["-c", `echo noise >&2; ${command}`], {
    input: Buffer.from(input),
  });
  const unframer = new Unframer(nonce);
  for (const line of stderr.toString().split("\n")) unframer.take(line);
  expect(unframer).toMatchObject({ output: "mine\n", status: 3 });
  expect(unframer.outside).toContain("noise");
});

test("a script that is cut off anywhere does nothing", () => {
  const folder = mkdtempSync(join(tmpdir(), "lbctl-frame-"));
  const script = `case x in x) touch ${folder}/done ;; esac\n( : )\ntouch ${folder}/done`;
  const { command, input } = frame(nonce, { script, payload: new Uint8Array() }, "no");
  const whole =
    input.length -
    Buffer.from(`s=$?; { echo; echo "lbctl ${nonce} end $s"; } >&2; echo; echo "lbctl ${nonce} end $s"\n`)
      .length;
  for (let length = 0; length < whole - 2; length += 7) {
    const { stdout } = spawnSync("/bin/sh", ["-c", command], {
      input: Buffer.from(input).subarray(0, length),
    });
    expect(stdout.toString()).not.toContain(`end `);
    expect(existsSync(`${folder}/done`)).toBe(false);
  }
  spawnSync("/bin/sh", ["-c", command], { input: Buffer.from(input) });
  expect(existsSync(`${folder}/done`)).toBe(true);
});
