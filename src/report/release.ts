import type { ReleasePlan } from "../plan/release.ts";
import { style } from "./style.ts";
import { visibleLine } from "./visible.ts";

/** What `lbctl release` would do, a block a host. */
export function releaseLines(plans: readonly ReleasePlan[]): string[] {
  return plans.flatMap(({ host, changes, live, links, removes, warnings }) =>
    changes
      ? [
          `${style.bold(host)}  ${style.yellow("is let go of")}`,
          ...links.map((name) => `  ${style.yellow("~")} ${live}/${name} becomes plain, as it is now`),
          ...removes.map((path) => `  ${style.red("-")} ${path}`),
          ...warnings.map((text) => `  ${style.yellow("!")} ${visibleLine(text)}`),
          "  HAProxy runs on, and is not reloaded.",
          "",
        ]
      : [`${style.bold(host)}  ${style.green("is not lbctl's")}`, ""],
  );
}
