import type { HostPlan } from "../model/host.ts";
import { quote, quoteAll } from "../remote/shell.ts";

/** Names that are told one by one. */
const mostNames = 5;

/**
 * Shell, with `$next` and `$previous`: edits that the plan overwrites are copied to replaced/, as `link` does with what
 * stands in a link's place. Empty when there is none.
 */
export function keepEdits({ drift, files, links }: HostPlan): string {
  if (drift.length === 0) return "";
  const edits = files
    .filter(({ action, path, drift: edited }) => edited && action !== "create" && !isBelow(path, links))
    .map(({ path }) => path);
  const copy = `out=$(mkdir -p "$state/replaced/$next" 2>&1 && cd "$state/$previous" && cp -a --parents --backup=numbered -- ${quoteAll(edits)} "$state/replaced/$next/" 2>&1) ||
  discard rejected "what was edited by hand could not be kept: $out$(disk_full)"
`;
  return `${edits.length === 0 ? "" : copy}note "what was edited by hand is kept in $state/replaced/$next: "${quote(named(drift))}
`;
}

/** What stands in a link's place is kept whole. */
function isBelow(path: string, links: readonly string[]): boolean {
  return links.some((link) => path === link || path.startsWith(`${link}/`));
}

function named(names: readonly string[]): string {
  const more = names.length - mostNames;
  return [...names.slice(0, mostNames), ...(more > 0 ? [`${String(more)} more`] : [])].join(", ");
}
