import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";

/** The lines `name=value` of a step's file. */
export function readPairs(file: string): Record<string, string> {
  const lines = readFileSync(file, "utf8").split("\n").filter(Boolean);
  return Object.fromEntries(
    lines.map((line) => {
      const equals = line.indexOf("=");
      if (equals < 1) throw new Error(`not name=value: ${line}`);
      return [line.slice(0, equals), line.slice(equals + 1)];
    }),
  );
}

/** Runs with exactly this environment and no terminal; both streams as one, as a runner sees them. */
export function execute(
  program: string,
  args: readonly string[],
  options: { readonly cwd: string; readonly env: Readonly<Record<string, string>> },
): Promise<{ code: number | null; output: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { ...options, stdio: ["ignore", "pipe", "pipe"] });
    let output = "";
    for (const stream of [child.stdout, child.stderr])
      stream.on("data", (chunk: Buffer) => (output += chunk.toString()));
    child.on("error", reject);
    child.on("close", (code) => {
      resolve({ code, output });
    });
  });
}
