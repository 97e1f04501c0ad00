import manifest from "../package.json" with { type: "json" };

/** lbctl's own version. */
export const version: string = manifest.version;
