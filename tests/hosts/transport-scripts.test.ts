import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import { promises, useDaemons } from "../support/contract.ts";
import { cshUser, labConnection, ports } from "../support/sshd.ts";

useDaemons();

promises("scripts", ({ connection, open, run, failure }) => {
  test("a script has its output, error output and exit status, without banner or shell noise", async () => {
    const result = await run({ script: "echo out; echo err >&2; exit 255" });
    expect(result).toEqual({ status: 255, stdout: "out\n", stderr: "err\n" });
  });

  test("lines are told as they come", async () => {
    const times: number[] = [];
    await run({ script: "echo a; sleep 1.5; echo b", onLine: () => times.push(performance.now()) });
    expect((times[1] ?? 0) - (times[0] ?? 0)).toBeGreaterThan(300);
  });

  test("20 MB of any bytes arrive as they were sent", async () => {
    const payload = Buffer.alloc(20 * 1024 * 1024, Buffer.from(Array.from({ length: 256 }, (_, n) => n)));
    const { stdout } = await run({ script: "sha256sum", payload });
    expect(stdout).toContain(createHash("sha256").update(payload).digest("hex"));
  });

  test("output of 5 MB comes back whole, whatever characters are in it", async () => {
    const { stdout } = await run({ script: "yes 'größer: \"$x\" \\' | head -c 5000000" });
    expect(Buffer.from(stdout).length).toBe(5_000_001);
    expect(stdout.startsWith('größer: "$x" \\\ngrößer')).toBe(true);
  });

  test("the shell's words are C's, whatever the login's locale", async () => {
    const script = 'echo "$LC_ALL"; printf "%.1f\\n" 1.5; ls /nowhere';
    const { stdout, stderr } = await run({ script });
    expect(stdout).toBe("C\n1.5\n");
    expect(stderr).toContain("No such file");
  });

  test("what is sent later arrives while the script runs, and the end of it too", async () => {
    let heard: (line: string) => void = () => undefined;
    const script = 'while read -r x; do echo "got $x"; done; echo end';
    const result = await run({
      script,
      async *payload() {
        yield Buffer.from("one\n");
        await new Promise<string>((resolve) => (heard = resolve));
        yield Buffer.from("two\n");
      },
      onLine: (line) => {
        if (line === "got one") setTimeout(heard, 50, line);
      },
    });
    expect(result).toEqual({ status: 0, stdout: "got one\ngot two\nend\n", stderr: "" });
  });

  test("what is sent to a target that stopped is no sign of its life", async () => {
    const error = await failure(connection(), {
      script: "kill -STOP $$",
      idleTimeoutMs: 1000,
      async *payload(over) {
        for (; !over.aborted; await new Promise((resolve) => setTimeout(resolve, 100)))
          yield Buffer.from(".");
      },
    });
    expect(error.message).toContain("stopped answering");
  });

  test("several scripts run at the same time on one connection", async () => {
    const remote = open(connection());
    const results = await Promise.all(
      [1, 2, 3].map((n) => remote.run({ script: `sleep 0.2; echo ${String(n)}` })),
    );
    expect(results.map(({ stdout }) => stdout)).toEqual(["1\n", "2\n", "3\n"]);
  });

  test("an interruption ends a run at once", async () => {
    const abort = new AbortController();
    setTimeout(() => {
      abort.abort();
    }, 300);
    const begun = performance.now();
    const error: unknown = await run({ script: "sleep 20", signal: abort.signal }).catch((e: unknown) => e);
    expect(error).toMatchObject({ code: "interrupted" });
    expect(performance.now() - begun).toBeLessThan(2500);
  });

  test("an interruption ends its run alone", async () => {
    const remote = open(connection());
    await remote.run({ script: "true" });
    const abort = new AbortController();
    const other = remote.run({ script: "sleep 1; echo whole" });
    const onLine = (): void => {
      abort.abort();
    };
    const interrupted = remote.run({ script: "echo begun; sleep 20", signal: abort.signal, onLine });
    await expect(interrupted).rejects.toMatchObject({ code: "interrupted" });
    await expect(other).resolves.toMatchObject({ status: 0, stdout: "whole\n" });
  });

  test("a target that stops is given up after the deadline, in words", async () => {
    const error = await failure(connection(), { script: "kill -STOP $$", idleTimeoutMs: 1000 });
    expect(error.code).toBe("unreachable");
    expect(error.message).toContain("stopped answering");
  });
});

promises("shells", ({ run }) => {
  test("busybox as sh", async () => {
    const script = '/bin/sh --help 2>&1 | sed -n 1p; read -r x; echo "$x"; exit 9';
    const to = labConnection({ port: ports.busybox });
    const result = await run({ script, payload: Buffer.from("a b\nc\n") }, to);
    expect(result).toEqual({
      status: 9,
      stdout: expect.stringMatching(/^BusyBox .*\na b\n$/) as string,
      stderr: "",
    });
  });

  test.each([
    ["in its words", undefined],
    ["on its standard input", Buffer.from("payload\n")],
  ])("a login to csh runs the script %s as sh", async (_, payload) => {
    const script = `x='it'\\''s "$HOME" !! 100%'; cat; echo "$x" \\!; exit 7`;
    const result = await run({ script, ...(payload && { payload }) }, labConnection({ user: cshUser }));
    const stdout = `${payload?.toString() ?? ""}it's "$HOME" !! 100% \\!\n`;
    expect(result).toEqual({ status: 7, stdout: stdout.replace("\\!", "!"), stderr: "" });
  });
});
