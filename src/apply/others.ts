import type { Role } from "../model/role.ts";
import { quoteAll } from "../remote/shell.ts";

/**
 * Shell: what others put into `certs/` comes along into the staged set, links as links; not what lbctl wrote there, whose
 * names are `own`. No process where there is nothing.
 */
export function carryCerts(role: Role, own: readonly string[]): string {
  if (!role.links.includes("certs")) return "";
  const drop = own.length === 0 ? "" : ` && cd "$state/staging" && rm -f -- ${quoteAll(own)}`;
  return `for f in "$live"/certs/* "$live"/certs/.[!.]*; do
  [ -e "$f" ] || [ -L "$f" ] || continue
  out=$({ mkdir "$state/staging/certs" && cp -a --reflink=auto "$live/certs/." "$state/staging/certs/"${drop}; } 2>&1) ||
    discard rejected "$live/certs could not be copied: $out$(disk_full)"
  break
done
`;
}
