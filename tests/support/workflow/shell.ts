import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { end, watch } from "../children.ts";

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
  limitMs = 120_000,
): Promise<{ code: number | null; output: string }> {
  return new Promise((resolve, reject) => {
    // a process group of its own, so that what it starts ends with it
    const child = spawn(program, args, { ...options, detached: true, stdio: ["ignore", "pipe", "pipe"] });
    watch(child, { leads: true });
    let output = "";
    for (const stream of [child.stdout, child.stderr])
      stream.on("data", (chunk: Buffer) => (output += chunk.toString()));
    const limit = setTimeout(() => {
      reject(new Error(`${program} did not end within ${String(limitMs / 1000)} s; so far:\n${output}`));
      end(child);
    }, limitMs);
    child.on("error", reject);
    child.on("close", (code) => {
      clearTimeout(limit);
      resolve({ code, output });
    });
  });
}
