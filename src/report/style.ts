import { Chalk, type ChalkInstance } from "chalk";

// NO_COLOR (no-color.org) and --no-color turn it off; a pipe has none unless FORCE_COLOR asks for it.
const off = (process.env.NO_COLOR ?? "") !== "" || process.argv.includes("--no-color");

export type Style = ChalkInstance;

/** Colours for standard output. */
export const style: Style = off ? new Chalk({ level: 0 }) : new Chalk();

/** Colours for standard error, which may be a terminal when standard output is not. */
export const errorStyle: Style =
  off || !process.stderr.isTTY
    ? new Chalk({ level: process.env.FORCE_COLOR && !off ? 1 : 0 })
    : new Chalk({ level: 1 });
