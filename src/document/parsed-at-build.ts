import type { Parsed } from "./parsed.ts";

/** Documents by their text. None among the sources: the build reads those of the shipped roles. */
export const parsedAtBuild: ReadonlyMap<string, Parsed> = new Map();
